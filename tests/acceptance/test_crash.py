from pathlib import Path

import pytest

from tests.acceptance.crash import crash


@pytest.mark.slow
def test_five_kills_under_load(tmp_path: Path) -> None:
    counts = crash(tmp_path, rounds=5, stations=50, seed=1)
    assert min(counts[kind] for kind in ("start", "meter", "stop")) > 50
