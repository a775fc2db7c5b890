"""The service that keeps local lists: it asks where something differs, and never in a hurry."""

from __future__ import annotations

from typing import Any

import trio
from trio.testing import MockClock, wait_all_tasks_blocked
from trio_websocket import ConnectionClosed

from ocpp_trio.services.local_list_sync import LocalListSync
from ocpp_trio.store import id_tags, local_lists
from tests.central.conftest import System
from tests.support.clock import FakeNow
from tests.support.station import TestStation, connect


class ListStation:
    """A station with a local list, or without one."""

    def __init__(self, station: TestStation, *, has_lists: bool = True) -> None:
        self.station = station
        self.has_lists = has_lists
        self.version = 0
        self.asked: list[str] = []

    async def serve(self) -> None:
        """Answer until the connection is closed."""
        while True:
            try:
                _, message_id, action, payload = await self.station.receive()
            except ConnectionClosed:
                return
            self.asked.append(payload.get("updateType", action))
            if not self.has_lists:
                await self.station.send([4, message_id, "NotImplemented", "", {}])
                continue
            answer: dict[str, Any] = {"listVersion": self.version}
            if action == "SendLocalList":
                self.version = payload["listVersion"]
                answer = {"status": "Accepted"}
            await self.station.send([3, message_id, answer])


async def test_lists_are_kept_equal(
    autojump_clock: MockClock, system: System, now: FakeNow
) -> None:
    sync = LocalListSync(system.central, system.commands)
    async with trio.open_nursery() as nursery:
        stations = []
        for name, has_lists in (("CP001", True), ("CP002", False)):
            station = await connect(system.listener, nursery, f"/{name}")
            await station.boot()
            stations.append(ListStation(station, has_lists=has_lists))
            nursery.start_soon(stations[-1].serve)
        first, second = stations
        await sync.tick()
        assert first.asked == []
        now.ms += 60_000
        await sync.tick()
        assert first.asked == ["GetLocalListVersion", "Full"]
        assert second.asked == ["GetLocalListVersion"]
        await sync.tick()
        assert len(first.asked) == 2
        assert len(second.asked) == 1
        database = system.central.database
        await database.write(id_tags.put, "NEW", {}, now())
        await sync.tick()
        assert first.asked[2:] == ["GetLocalListVersion", "Differential"]
        found = await database.read(local_lists.find, "CP001", now())
        assert found is not None
        assert [row["id_tag"] for row in found[1]] == ["NEW", "TAG"]
        assert found[0]["version"] == first.version == 2
        # Another list than we know of, and nobody there.
        await database.write(id_tags.put, "MORE", {}, now())
        first.version = 99
        await sync.tick()
        assert first.asked[4:] == ["GetLocalListVersion", "Full"]
        assert first.version == 100
        await first.station.websocket.aclose()
        await wait_all_tasks_blocked()
        await database.write(id_tags.delete, "MORE")
        await sync.tick()
        assert len(first.asked) == 6
        nursery.cancel_scope.cancel()
