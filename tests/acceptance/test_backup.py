"""Copies of a database that a real server is writing to."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.test_sessions import simulate, summary_of, wait_for_acknowledgements
from tests.support.books import check_books, read_ledger
from tests.support.server import Server, running
from tests.support.waiting import until

LOAD = ("--count", "20", "--sessions", "100000", "--interval", "0.02", "--give-up", "60")
ROUNDS = 4


def ocpp_trio(server: Server, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ocpp_trio", *arguments],
        env={"DB_SQLITE_PATH": str(server.database), "PATH": ""},
        cwd=server.folder,
        check=False,
        capture_output=True,
        text=True,
    )


@pytest.mark.slow
def test_copies_made_under_load_hold_all_that_was_acknowledged(
    server: Server, tmp_path: Path
) -> None:
    with simulate(server, tmp_path, *LOAD) as client:
        told = 0
        for _ in range(ROUNDS):
            wait_for_acknowledgements(tmp_path, told + 150)
            ledger = read_ledger(tmp_path / "ledger")
            told = len(ledger)
            done = ocpp_trio(server, "backup", "--to", "copies", "--keep", "2")
            assert (done.returncode, done.stderr) == (0, ""), done
            copy = tmp_path / done.stdout.strip()
            assert check_books(copy, ledger)["start"] > 20
            checked = ocpp_trio(server, "verify", str(copy))
            assert (checked.returncode, checked.stdout.splitlines()[-1]) == (0, "sound")
        client.send_signal(signal.SIGINT)
        summary_of(client)
    assert len(list((tmp_path / "copies").glob("*.db"))) == 2
    assert server.stop() == 0
    assert server.errors() == []
    last = check_books(server.database, read_ledger(tmp_path / "ledger"))
    assert last["start"] > 20
    assert ocpp_trio(server, "backup", "--to", "copies").returncode == 0, "also when it is stopped"


def test_a_server_makes_its_copy_by_itself_and_starts_from_it(
    server: Server, tmp_path: Path
) -> None:
    with simulate(server, tmp_path, "--count", "5", "--sessions", "2") as client:
        summary_of(client)
    assert server.stop() == 0
    for copy in (tmp_path / "backups").glob("*.db"):
        copy.unlink()
    server.start()
    made = wait_for_copy(tmp_path)
    assert server.stop() == 0
    restored = tmp_path / "elsewhere"
    restored.mkdir()
    made.rename(restored / "ocpp.db")
    ledger = read_ledger(tmp_path / "ledger")
    with running(restored) as other:
        assert len(other.get("/api/transactions")) == 10
        assert check_books(other.database, ledger)["stop"] == 10


def wait_for_copy(folder: Path) -> Path:
    """The copy that a server makes at its first start."""
    found: list[Path] = until(lambda: list((folder / "backups").glob("ocpp-*Z.db")), 10)
    return found[0]
