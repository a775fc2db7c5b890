"""A flood of some seconds; `python -m tests.acceptance.flood` makes one of any length."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.flood import flood


@pytest.mark.slow
def test_a_flood_harms_no_honest_station(tmp_path: Path) -> None:
    outcome = flood(tmp_path, rate=2000, seconds=20)
    assert outcome.is_alive
    assert outcome.errors == []
    assert outcome.watch.failures == []
    assert outcome.watch.sessions > 0
    assert outcome.growth < 1.5
    assert outcome.packets > 1000
    for name in ("handshakesDropped", "connectionsBroken", "stationsUnauthorized"):
        assert outcome.limits[name] > 0, name
