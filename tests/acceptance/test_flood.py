"""A flood of some seconds; `python -m tests.acceptance.flood` makes one of any length."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.flood import flood


@pytest.mark.slow
def test_a_flood_harms_no_honest_station(tmp_path: Path) -> None:
    outcome = flood(tmp_path, rate=2000, seconds=12)
    assert outcome.is_alive
    assert outcome.errors == []
    assert outcome.watch.failures == []
    assert outcome.watch.sessions > 0
    # So short a flood shows no growth, only what so many strangers at once take.
    assert outcome.moments[-1].rss < 256 * 2**20
    assert outcome.packets > 1000
    for name in ("handshakesDropped", "connectionsBroken", "stationsUnauthorized"):
        assert outcome.limits[name] > 0, name
