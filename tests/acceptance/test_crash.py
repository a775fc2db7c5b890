from pathlib import Path

import pytest

from tests.acceptance.crash import crash
from tests.acceptance.crash_nodes import crash_nodes


@pytest.mark.slow
def test_five_kills_under_load(tmp_path: Path) -> None:
    counts = crash(tmp_path, rounds=5, stations=50, seed=1)
    assert min(counts[kind] for kind in ("start", "meter", "stop")) > 50


@pytest.mark.slow
def test_three_kills_of_one_of_two_servers(tmp_path: Path) -> None:
    counts = crash_nodes(tmp_path, rounds=3, stations=50, seed=1)
    assert min(counts[kind] for kind in ("start", "meter", "stop", "command")) > 0
