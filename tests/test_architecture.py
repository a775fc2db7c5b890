"""The shape of the code: import contracts (setup.cfg, [importlinter]) and module size."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAX_LINES = 300


@pytest.mark.real
def test_import_contracts_hold() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-logo", "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.real
def test_psycopg_is_loaded_for_postgresql_only() -> None:
    """Loaded before trio-asyncio, it would fail as soon as a second server is there."""
    text = "import sys, ocpp_trio.cli; sys.exit('psycopg' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", text], cwd=ROOT, check=False).returncode == 0


def test_no_module_is_too_long() -> None:
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines())
        for path in (ROOT / "ocpp_trio").rglob("*.py")
    }
    assert lengths
    assert not {path: length for path, length in lengths.items() if length > MAX_LINES}
