"""Offline monitor: warns once about a transaction on a station that is offline, or closes it."""

from __future__ import annotations

import trio
from trio.testing import MockClock

from ocpp_trio.services.offline_monitor import OfflineMonitor
from tests.services.conftest import OpenWatched
from tests.services.support import Watched, told
from tests.support.clock import DAY, FakeNow
from tests.support.station import connect

SOURCE = "offline monitor"
WARNED = "a transaction runs on a charge point that is offline"


async def offline(watched: Watched, point: str = "CP001") -> None:
    station = await watched.charging(point)
    await station.send("MeterValues")
    await trio.sleep(10)
    await station.station.websocket.aclose()


async def test_one_warning_while_it_stays_offline(
    autojump_clock: MockClock, watched: Watched
) -> None:
    await watched.charging("THERE")
    await offline(watched)
    watched.run(900, OfflineMonitor(watched.central).tick)
    await trio.sleep(3500)
    assert told(SOURCE) == []
    await trio.sleep(6 * 3600)
    ((point, level, message),) = told(SOURCE)
    assert (point, level) == ("CP001", "WARNING")
    assert message.startswith(WARNED)
    assert "hours: 1.0" in message
    # It comes back, and goes once more.
    again = await connect(watched.system.listener, watched.nursery)
    await trio.sleep(1000)
    await again.websocket.aclose()
    await trio.sleep(6 * 3600)
    assert len(told(SOURCE)) == 2
    rows = await watched.fetch("SELECT is_complete FROM transactions")
    assert [row["is_complete"] for row in rows] == [0, 0]


async def test_what_stays_offline_for_too_long_is_closed_with_its_last_reading(
    autojump_clock: MockClock, open_watched: OpenWatched
) -> None:
    async with open_watched(OCPP_OFFLINE_CLOSE_AFTER="86400") as watched:
        there = await watched.charging("THERE")
        await offline(watched)
        watched.run(900, OfflineMonitor(watched.central).tick)
        await trio.sleep(86_000)
        (row,) = await watched.fetch("SELECT * FROM transactions WHERE charge_point_id = 'CP001'")
        assert row["is_complete"] == 0
        await trio.sleep(1500)
        rows = await watched.fetch("SELECT * FROM transactions ORDER BY id")
        assert [row["is_complete"] for row in rows] == [0, 1]
        closed = rows[1]
        assert (closed["meter_stop"], closed["stopped_by"]) == (2100, "hand")
        assert closed["stop_reason"].startswith(
            "closed by the server: the charge point was offline for 24."
        )
        (closing,) = [entry for entry in told(SOURCE) if "was closed" in entry[2]]
        assert closing[:2] == ("CP001", "WARNING")
        assert there.asked == []
        # The late stop of the station is kept for a person.
        station = await connect(watched.system.listener, watched.nursery)
        await station.stop(closed["id"])
        (item,) = await watched.fetch("SELECT * FROM review_items")
        assert item["kind"] == "conflict"


async def test_a_wall_clock_that_jumps_closes_nothing(
    autojump_clock: MockClock, open_watched: OpenWatched, now: FakeNow
) -> None:
    async with open_watched(OCPP_OFFLINE_CLOSE_AFTER="7200") as watched:
        watched.run(900, OfflineMonitor(watched.central).tick)
        await offline(watched)
        await trio.sleep(1)
        now.ms += DAY
        await trio.sleep(3600)
        (row,) = await watched.fetch("SELECT is_complete FROM transactions")
        assert row["is_complete"] == 0
        await trio.sleep(5400)
        (row,) = await watched.fetch("SELECT is_complete FROM transactions")
        assert row["is_complete"] == 1


async def test_a_charge_point_that_was_removed_is_offline_for_good(
    autojump_clock: MockClock, watched: Watched
) -> None:
    await offline(watched)
    await watched.execute("DELETE FROM charge_points")
    watched.run(900, OfflineMonitor(watched.central).tick)
    await trio.sleep(5000)
    assert len(told(SOURCE)) == 1
