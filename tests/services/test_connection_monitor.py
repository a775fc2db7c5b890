"""Connection monitor: what is marked connected and is not, is put right."""

from __future__ import annotations

import trio
from trio.testing import MockClock

from ocpp_trio.services.connection_monitor import ConnectionMonitor
from ocpp_trio.store import charge_points
from tests.services.support import Watched, told

SOURCE = "connection monitor"


async def test_a_goodbye_that_was_not_stored_is_made_up_for(
    autojump_clock: MockClock, watched: Watched
) -> None:
    await watched.connect("THERE")
    gone = await watched.connect("GONE")
    await gone.websocket.aclose()
    await trio.sleep(1)
    await watched.execute("UPDATE charge_points SET is_connected = 1")
    watched.run(60, ConnectionMonitor(watched.central).tick)
    await trio.sleep(30)
    assert told(SOURCE) == []
    await trio.sleep(60)
    rows = await watched.fetch("SELECT * FROM charge_points ORDER BY id")
    assert [(row["id"], row["is_connected"]) for row in rows] == [("GONE", 0), ("THERE", 1)]
    assert rows[0]["disconnect_reason"] == "found without a connection"
    await trio.sleep(600)
    assert told(SOURCE) == [("GONE", "WARNING", "marked connected without a connection; put right")]


async def test_a_connection_that_is_being_made_gets_its_time(
    autojump_clock: MockClock, watched: Watched
) -> None:
    monitor = ConnectionMonitor(watched.central)
    await watched.connect()

    async def admit() -> None:
        await watched.database.write(
            charge_points.admit, "NEW", "accept", 10, "", None, watched.central.now()
        )

    # Each look finds another handshake under way.
    for _ in range(5):
        await admit()
        await monitor.tick()
        await trio.sleep(60)
    assert told(SOURCE) == []
