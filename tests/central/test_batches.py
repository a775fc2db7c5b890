"""Batches: so many stations at once, a record each, whatever happens on the way."""

from __future__ import annotations

from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from ocpp_trio.central.batches import RETRY
from ocpp_trio.errors import StoreUnavailable
from ocpp_trio.services.command_queue import tend_queue
from ocpp_trio.store import charge_points, command_batches, commands
from ocpp_trio.store.command_batches import NewBatch, Selection
from tests.central.conftest import OpenSystem, System
from tests.support.clock import HOUR, SECOND, START, FakeNow
from tests.support.station import TestStation, connect

ACCEPTED = {"status": "Accepted"}
POINTS = [f"CP{number:03}" for number in range(1, 7)]


async def create(
    system: System, concurrency: int = 2, expires_at: int | None = None, start: bool = True
) -> int:
    """A ClearCache for everybody."""
    new = NewBatch("ClearCache", "{}", "test", concurrency, expires_at, 30_000, None)
    database = system.central.database
    created = await database.write(command_batches.create, new, Selection(), 100, START)
    assert created.batch_id is not None
    if start:
        system.commands.batches.start(created.batch_id, concurrency)
    return created.batch_id


async def progress(system: System, batch_id: int) -> dict[str, int]:
    row = await system.central.database.read(command_batches.find, batch_id)
    assert row is not None
    states: dict[str, int] = row["states"]
    return states


async def stations(system: System, nursery: trio.Nursery, count: int) -> list[TestStation]:
    """Connected stations; the others of POINTS are registered only."""
    found = []
    for point in POINTS[:count]:
        station = await connect(system.listener, nursery, f"/{point}")
        await station.boot()
        found.append(station)
    for point in POINTS[count:]:
        await system.central.database.write(
            charge_points.register, point, charge_points.ACCEPTED, {}, START
        )
    return found


async def answer(station: TestStation, payload: dict[str, Any] = ACCEPTED) -> None:
    await station.send([3, (await station.receive())[1], payload])
    await wait_all_tasks_blocked()


async def test_so_many_at_once(autojump_clock: MockClock, system: System) -> None:
    async with trio.open_nursery() as nursery:
        connected = await stations(system, nursery, 6)
        batch = await create(system)
        await wait_all_tasks_blocked()
        assert await progress(system, batch) == {"sent": 2, "queued": 4}
        await answer(connected[0])
        assert await progress(system, batch) == {"accepted": 1, "sent": 2, "queued": 3}
        await answer(connected[1], {"status": "Rejected"})
        # One that never answers holds nobody up.
        await connected[2].receive()
        for station in connected[3:]:
            await answer(station)
        assert await progress(system, batch) == {"accepted": 4, "refused": 1, "sent": 1}
        await trio.sleep(31)
        assert await progress(system, batch) == {"accepted": 4, "refused": 1, "timeout": 1}
        assert system.central.queue.batches == {}
        nursery.cancel_scope.cancel()


async def test_without_expiry_who_is_not_there_is_not_asked(
    autojump_clock: MockClock, system: System
) -> None:
    async with trio.open_nursery() as nursery:
        (station,) = await stations(system, nursery, 1)
        batch = await create(system)
        await answer(station)
        assert await progress(system, batch) == {"accepted": 1, "expired": 5}
        row = await system.central.database.read(commands.find, 2)
        assert row is not None
        assert row["error"] == "charge point CP002 is not connected"
        nursery.cancel_scope.cancel()


async def test_with_expiry_who_is_not_there_is_asked_later(
    autojump_clock: MockClock, system: System, now: FakeNow
) -> None:
    async with trio.open_nursery() as nursery:
        (station,) = await stations(system, nursery, 1)
        batch = await create(system, concurrency=1, expires_at=START + HOUR)
        await answer(station)
        assert await progress(system, batch) == {"accepted": 1, "queued": 5}
        assert system.central.queue.batches == {}, "it does not wait for them"
        late = await connect(system.listener, nursery, f"/{POINTS[4]}")
        await late.boot()
        await answer(late)
        assert await progress(system, batch) == {"accepted": 2, "queued": 4}
        now.ms += HOUR
        await tend_queue(system.central)
        assert await progress(system, batch) == {"accepted": 2, "expired": 4}
        nursery.cancel_scope.cancel()


async def test_who_comes_back_before_its_turn_waits_for_its_turn(
    autojump_clock: MockClock, system: System
) -> None:
    async with trio.open_nursery() as nursery:
        first, second = await stations(system, nursery, 2)
        await create(system, concurrency=1, expires_at=START + HOUR)
        await first.receive()
        system.central.queue.add(POINTS[1])
        await second.websocket.aclose()
        second = await connect(system.listener, nursery, f"/{POINTS[1]}")
        await second.boot()
        with trio.move_on_after(10) as quiet:
            await second.receive()
        assert quiet.cancelled_caught
        with trio.fail_after(25):
            await answer(second)
        nursery.cancel_scope.cancel()


async def test_a_connection_lost_on_the_way(autojump_clock: MockClock, system: System) -> None:
    async with trio.open_nursery() as nursery:
        first, second = await stations(system, nursery, 2)
        batch = await create(system)
        await first.receive()
        await first.websocket.aclose()
        await answer(second)
        await trio.sleep(RETRY * 2)
        assert await progress(system, batch) == {"accepted": 1, "unknown": 1, "expired": 4}
        nursery.cancel_scope.cancel()


async def test_cancelled_halfway(autojump_clock: MockClock, system: System) -> None:
    async with trio.open_nursery() as nursery:
        connected = await stations(system, nursery, 6)
        batch = await create(system)
        await wait_all_tasks_blocked()
        await system.commands.cancel_batch(batch, "me")
        for station in connected[:2]:
            await answer(station)
        for station in connected[2:]:
            with trio.move_on_after(1) as quiet:
                await station.receive()
            assert quiet.cancelled_caught
        assert await progress(system, batch) == {"accepted": 2, "cancelled": 4}
        assert system.central.queue.batches == {}
        nursery.cancel_scope.cancel()


async def test_a_stop_leaves_the_rest_queued_and_the_next_start_goes_on(
    autojump_clock: MockClock, open_system: OpenSystem, now: FakeNow
) -> None:
    async with open_system() as system, trio.open_nursery() as nursery:
        connected = await stations(system, nursery, 6)
        batch = await create(system)
        await wait_all_tasks_blocked()
        system.commands.drain(5)
        await answer(connected[0])
        await connected[1].receive()
        assert await progress(system, batch) == {"accepted": 1, "sent": 1, "queued": 4}
        nursery.cancel_scope.cancel()
    async with open_system() as system, trio.open_nursery() as nursery:
        assert await progress(system, batch) == {"accepted": 1, "unknown": 1, "queued": 4}
        await trio.sleep(5)
        for point in POINTS[1:4]:
            station = await connect(system.listener, nursery, f"/{point}")
            await station.boot()
            if point != POINTS[1]:
                await answer(station)
        assert await progress(system, batch) == {"accepted": 3, "unknown": 1, "queued": 2}
        now.ms += 300 * SECOND
        await tend_queue(system.central)
        assert await progress(system, batch) == {"accepted": 3, "unknown": 1, "expired": 2}
        nursery.cancel_scope.cancel()


async def test_taken_up_by_the_next_process(
    autojump_clock: MockClock, open_system: OpenSystem
) -> None:
    async with open_system() as system, trio.open_nursery() as nursery:
        await stations(system, nursery, 6)
        batch = await create(system, expires_at=START + HOUR, start=False)
        nursery.cancel_scope.cancel()
    async with open_system() as system, trio.open_nursery() as nursery:
        connected = await stations(system, nursery, 6)
        for station in connected:
            await answer(station)
        assert await progress(system, batch) == {"accepted": 6}
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("unit", [commands.mark_sent, commands.finish])
async def test_a_database_that_fails_delays_it(
    autojump_clock: MockClock, system: System, monkeypatch: pytest.MonkeyPatch, unit: Any
) -> None:
    database = system.central.database
    write = database.write
    failing = True

    async def fail(called: Any, *arguments: Any) -> Any:
        if failing and called is unit:
            raise StoreUnavailable("disk full")
        return await write(called, *arguments)

    monkeypatch.setattr(database, "write", fail)
    async with trio.open_nursery() as nursery:
        connected = await stations(system, nursery, 0 if unit is commands.finish else 2)
        batch = await create(system)
        await trio.sleep(RETRY * 3.5)
        assert (await progress(system, batch))["queued"] >= 2
        failing = False
        await trio.sleep(RETRY)
        for station in connected:
            await answer(station)
        states = await progress(system, batch)
        assert states == {"expired": 6} or states == {"accepted": 2, "expired": 4}
        nursery.cancel_scope.cancel()
