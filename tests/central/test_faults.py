"""Faults from outside that a system without ports can play: clocks that jump, peers that stop
reading.
"""

from __future__ import annotations

from typing import Any

import pytest
import trio
from trio.testing import MockClock, memory_stream_pair, wait_all_tasks_blocked
from trio_websocket import wrap_client_stream

from ocpp_trio.central.commands import Outcome
from ocpp_trio.domain.times import format_timestamp
from ocpp_trio.errors import CommandTimedOut
from ocpp_trio.store import charge_points, commands, meter_values, transactions
from tests.central.conftest import OpenSystem, System
from tests.support.clock import DAY, FakeNow
from tests.support.station import TestStation, connect

JUMPS = [DAY, -DAY]


@pytest.mark.parametrize("jump", JUMPS)
async def test_a_jump_of_the_clock_changes_no_time_limit(
    autojump_clock: MockClock, system: System, now: FakeNow, jump: int
) -> None:
    outcomes: list[Any] = []

    async def ask() -> None:
        try:
            outcomes.append(await system.commands.execute("CP001", "ClearCache", {}, actor="test"))
        except CommandTimedOut as error:
            outcomes.append(error)

    async with trio.open_nursery() as nursery:
        station = await connect(system.listener, nursery)
        await station.boot()
        nursery.start_soon(ask)
        first = await station.receive()
        await trio.sleep(20)
        now.ms += jump
        await trio.sleep(9)
        assert outcomes == []
        await station.send([3, first[1], {"status": "Accepted"}])
        await wait_all_tasks_blocked()
        (answered,) = outcomes
        assert isinstance(answered, Outcome)
        nursery.start_soon(ask)
        await station.receive()
        now.ms -= jump
        await trio.sleep(29)
        assert len(outcomes) == 1
        await trio.sleep(2)
        assert isinstance(outcomes[1], CommandTimedOut)
        # Nor is the link taken for dead: its pings are answered.
        await trio.sleep(300)
        assert system.central.hub.get("CP001") is not None
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("jump", JUMPS)
async def test_a_jump_of_the_clock_changes_neither_order_nor_repeats(
    autojump_clock: MockClock, system: System, now: FakeNow, jump: int
) -> None:
    database = system.central.database
    async with trio.open_nursery() as nursery:
        station = await connect(system.listener, nursery)
        answer = await station.boot()
        assert answer["currentTime"] == format_timestamp(now())
        first = (await station.start())["transactionId"]
        await station.meter(first, 2000)
        now.ms += jump
        # The station is told the clock that is now the server's.
        assert await station.call("Heartbeat", {}) == {"currentTime": format_timestamp(now())}
        assert (await station.start())["transactionId"] == first
        await station.meter(first, 2000)
        second = (await station.start(connectorId=2))["transactionId"]
        await station.stop(first)
        await station.stop(first)
        assert second > first
        rows = await database.read(transactions.page, None, None, None, 10, 0)
        assert [row["id"] for row in rows] == [second, first]
        assert rows[1]["is_complete"] == 1
        assert len(await database.read(meter_values.of_transaction, first)) == 1
        kept = [await database.write(commands.enqueue, _kept(now()), 10, now()) for _ in range(2)]
        row = await database.read(commands.next_kept, "CP001", 0)
        assert row is not None
        assert row["id"] == kept[0]
        nursery.cancel_scope.cancel()


def _kept(now: int) -> commands.Request:
    return commands.Request("CP001", "ClearCache", "{}", "test", None, now + DAY, 1000, None)


class ChokedStream(trio.abc.Stream):
    """The server's end of a line. Once `choke` was called its peer takes nothing more, as if all
    buffers were full; what the peer sends still comes.
    """

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream
        self._open = trio.Event()
        self._open.set()
        self.closed = False

    def choke(self) -> None:
        self._open = trio.Event()

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await self._open.wait()
        await self._stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self._open.wait()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        return await self._stream.receive_some(max_bytes)

    async def aclose(self) -> None:
        self.closed = True
        await self._stream.aclose()


async def choked(system: System, nursery: trio.Nursery) -> tuple[TestStation, ChokedStream]:
    """A station that has booted, and its line."""
    ours, theirs = memory_stream_pair()
    line = ChokedStream(theirs)
    nursery.start_soon(system.listener.serve_stream, line)
    websocket = await wrap_client_stream(
        nursery,
        ours,  # type: ignore[arg-type]
        "test",
        "/STUCK",
        subprotocols=("ocpp1.6",),
    )
    station = TestStation(websocket)
    await station.boot()
    return station, line


async def test_a_station_that_reads_nothing_is_dropped_and_holds_up_nobody(
    autojump_clock: MockClock, open_system: OpenSystem
) -> None:
    async with open_system(OCPP_SEND_TIMEOUT="10") as system, trio.open_nursery() as nursery:
        stuck, line = await choked(system, nursery)
        other = await connect(system.listener, nursery)
        await other.boot()
        line.choke()
        began = trio.current_time()
        await stuck.send(
            [
                2,
                "1",
                "StartTransaction",
                {
                    "connectorId": 1,
                    "idTag": "TAG",
                    "meterStart": 0,
                    "timestamp": "2026-11-23T08:00:00Z",
                },
            ]
        )
        await wait_all_tasks_blocked()
        # Its answer hangs, and what it sends meanwhile waits in its own buffers; the database and
        # the others know nothing of it.
        for number in range(20):
            await stuck.send([2, f"h{number}", "Heartbeat", {}])
        started = await other.start()
        await other.meter(started["transactionId"], 2000)
        assert trio.current_time() == began
        await trio.sleep(9)
        assert system.central.hub.get("STUCK") is not None
        await trio.sleep(4)
        assert system.central.hub.get("STUCK") is None
        assert line.closed
        row = await system.central.database.read(charge_points.find, "STUCK")
        assert row is not None
        assert (row["is_connected"], row["disconnect_reason"]) == (
            0,
            "the station did not read what was sent to it",
        )
        await other.stop(started["transactionId"])
        # What it was not told is in the books: the repeat of its start gets that transaction.
        rows = await system.central.database.read(transactions.page, "STUCK", None, None, 10, 0)
        assert len(rows) == 1
        nursery.cancel_scope.cancel()


async def test_a_command_that_a_station_does_not_read_ends_with_the_connection(
    autojump_clock: MockClock, open_system: OpenSystem
) -> None:
    async with open_system(OCPP_SEND_TIMEOUT="10") as system, trio.open_nursery() as nursery:
        _, line = await choked(system, nursery)
        line.choke()
        began = trio.current_time()
        with pytest.raises(Exception, match="connection ended") as failed:
            await system.commands.execute("STUCK", "ClearCache", {}, actor="test")
        assert trio.current_time() - began <= 13
        await wait_all_tasks_blocked()
        command_id = failed.value.command_id  # type: ignore[attr-defined]
        row = await system.central.database.read(commands.find, command_id)
        assert row is not None
        assert row["state"] == "unknown"
        nursery.cancel_scope.cancel()


async def test_a_station_that_reads_nothing_is_dropped_though_it_was_replaced(
    autojump_clock: MockClock, open_system: OpenSystem
) -> None:
    async with open_system(OCPP_SEND_TIMEOUT="10") as system, trio.open_nursery() as nursery:
        stuck, line = await choked(system, nursery)
        line.choke()
        await stuck.send([2, "1", "Heartbeat", {}])
        await wait_all_tasks_blocked()
        newer = await connect(system.listener, nursery, "/STUCK")
        await newer.boot()
        await trio.sleep(13)
        assert line.closed
        assert system.central.hub.get("STUCK") is not None
        nursery.cancel_scope.cancel()
