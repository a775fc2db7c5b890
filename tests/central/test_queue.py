"""Commands that are kept: until their station is back, once, in order, or until they expire."""

from __future__ import annotations

from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from ocpp_trio.central.commands import Commands, Outcome
from ocpp_trio.errors import (
    ChargePointOffline,
    CommandCancelled,
    CommandExpired,
    CommandFailed,
    CommandQueued,
    CommandReplaced,
    CommandTimedOut,
    StoreUnavailable,
    TooManyWaiting,
)
from ocpp_trio.services.command_queue import tend_queue
from ocpp_trio.store import charge_points, commands
from tests.central.conftest import OpenSystem, System
from tests.support.clock import SECOND, FakeNow
from tests.support.station import TestStation, connect, connected

ACCEPTED = {"status": "Accepted"}


async def keep(system: System, **changes: Any) -> int:
    """Keep a command without waiting for it; its id."""
    options: dict[str, Any] = {"action": "ClearCache", "payload": {}, "expires": 600} | changes
    with pytest.raises(CommandQueued) as queued:
        await system.commands.execute("CP001", actor="test", wait=False, **options)
    assert queued.value.command_id is not None
    return queued.value.command_id


async def states(system: System, *numbers: int) -> list[str]:
    rows = [await system.central.database.read(commands.find, number) for number in numbers]
    return [row["state"] for row in rows if row is not None]


async def answer(station: TestStation, payload: dict[str, Any] = ACCEPTED) -> str:
    """Answer the next command; its action."""
    _, number, action, _ = await station.receive()
    await station.send([3, number, payload])
    await wait_all_tasks_blocked()
    return str(action)


async def hear_nothing(station: TestStation, seconds: float = 60) -> None:
    with trio.move_on_after(seconds) as quiet:
        await station.receive()
    assert quiet.cancelled_caught


@pytest.fixture
async def offline(system: System) -> System:
    """A system that knows CP001, which has booted before and is offline."""
    async with connected(system.listener) as station:
        await station.boot()
    return system


async def test_kept_until_it_is_back_and_sent_in_order(
    autojump_clock: MockClock, offline: System
) -> None:
    kept = [
        await keep(offline, action="Reset", payload={"type": "Soft"}),
        await keep(offline),
        await keep(offline, action="GetLocalListVersion"),
    ]
    assert await states(offline, *kept) == ["queued"] * 3
    async with trio.open_nursery() as nursery:
        station = await connect(offline.listener, nursery)
        before = trio.current_time()
        await station.boot()
        assert await answer(station) == "Reset"
        assert await states(offline, *kept) == ["accepted", "sent", "queued"]
        assert await answer(station, {"status": "Rejected"}) == "ClearCache"
        assert await answer(station, {"listVersion": 0}) == "GetLocalListVersion"
        assert trio.current_time() == before
        assert await states(offline, *kept) == ["accepted", "refused", "accepted"]
        await hear_nothing(station)
        nursery.cancel_scope.cancel()
    assert list(offline.central.queue.expected) == []


async def test_without_a_boot_it_waits_for_the_first_message(
    autojump_clock: MockClock, offline: System
) -> None:
    await keep(offline)
    async with trio.open_nursery() as nursery:
        station = await connect(offline.listener, nursery)
        await hear_nothing(station, 9)
        await station.call("Heartbeat", {})
        assert await answer(station) == "ClearCache"
        nursery.cancel_scope.cancel()


async def test_nothing_before_the_first_boot_of_all(
    autojump_clock: MockClock, system: System, now: FakeNow
) -> None:
    await system.central.database.write(
        charge_points.register, "CP001", charge_points.ACCEPTED, {}, now()
    )
    await keep(system)
    async with trio.open_nursery() as nursery:
        station = await connect(system.listener, nursery)
        await hear_nothing(station)
        await tend_queue(system.central)
        await hear_nothing(station)
        await station.boot()
        assert await answer(station) == "ClearCache"
        nursery.cancel_scope.cancel()


async def test_the_caller_gets_the_answer_if_it_comes_in_time(
    autojump_clock: MockClock, offline: System
) -> None:
    outcomes: list[Outcome] = []

    async def call() -> None:
        outcomes.append(
            await offline.commands.execute("CP001", "ClearCache", {}, actor="test", expires=600)
        )

    async with trio.open_nursery() as nursery:
        nursery.start_soon(call)
        await trio.sleep(20)
        station = await connect(offline.listener, nursery)
        await station.boot()
        _, number, *_ = await station.receive()
        # Later than 30 s after the call, but not after the send.
        await trio.sleep(20)
        await station.send([3, number, ACCEPTED])
        await wait_all_tasks_blocked()
        assert [outcome.response for outcome in outcomes] == [ACCEPTED]
        nursery.cancel_scope.cancel()


async def test_a_caller_who_waited_long_enough_is_told_that_it_is_queued(
    autojump_clock: MockClock, offline: System
) -> None:
    before = trio.current_time()
    with pytest.raises(CommandQueued) as queued:
        await offline.commands.execute(
            "CP001", "ClearCache", {}, actor="test", expires=600, timeout=5
        )
    assert trio.current_time() - before == pytest.approx(5)
    assert await states(offline, queued.value.command_id or 0) == ["queued"]


@pytest.mark.parametrize(
    ("frame", "error", "state"),
    [
        ([4, "NotSupported", "", {}], CommandFailed, "error"),
        ([3, {"status": "Perhaps"}], CommandFailed, "error"),
        (None, CommandTimedOut, "timeout"),
    ],
)
async def test_the_caller_hears_of_every_failure(
    autojump_clock: MockClock,
    offline: System,
    frame: list[Any] | None,
    error: type[CommandFailed],
    state: str,
) -> None:
    async with trio.open_nursery() as nursery:
        station = await connect(offline.listener, nursery)
        await station.boot()

        async def serve() -> None:
            number = (await station.receive())[1]
            if frame is not None:
                await station.send([frame[0], number, *frame[1:]])

        nursery.start_soon(serve)
        with pytest.raises(error) as failed:
            await offline.commands.execute("CP001", "ClearCache", {}, actor="test", expires=600)
        assert await states(offline, failed.value.command_id or 0) == [state]
        await hear_nothing(station)
        nursery.cancel_scope.cancel()


async def test_a_connection_lost_before_the_answer_leaves_it_unknown_and_it_is_not_sent_again(
    autojump_clock: MockClock, offline: System
) -> None:
    first, second = await keep(offline), await keep(offline)
    async with trio.open_nursery() as nursery:
        station = await connect(offline.listener, nursery)
        await station.boot()
        await station.receive()
        await station.websocket.aclose()
        await wait_all_tasks_blocked()
        assert await states(offline, first, second) == ["unknown", "queued"]
        station = await connect(offline.listener, nursery)
        await station.boot()
        await answer(station)
        await hear_nothing(station)
        assert await states(offline, first, second) == ["unknown", "accepted"]
        nursery.cancel_scope.cancel()


async def test_replaced_while_on_its_way(autojump_clock: MockClock, offline: System) -> None:
    async with trio.open_nursery() as nursery:
        station = await connect(offline.listener, nursery)
        await station.boot()

        async def replace() -> None:
            await station.receive()
            await connect(offline.listener, nursery)

        nursery.start_soon(replace)
        with pytest.raises(CommandReplaced) as replaced:
            await offline.commands.execute("CP001", "ClearCache", {}, actor="test", expires=600)
        await wait_all_tasks_blocked()
        assert await states(offline, replaced.value.command_id or 0) == ["replaced"]
        nursery.cancel_scope.cancel()


async def test_what_a_station_not_accepted_may_not_do_waits_and_is_overtaken(
    autojump_clock: MockClock, open_system: OpenSystem, now: FakeNow
) -> None:
    policy = {"OCPP_UNKNOWN_CHARGE_POINTS": "pending"}
    async with open_system(**policy) as system, trio.open_nursery() as nursery:
        station = await connect(system.listener, nursery)
        await station.boot()
        start = await keep(system, action="RemoteStartTransaction", payload={"idTag": "TAG"})
        await keep(system)
        assert await answer(station) == "ClearCache"
        assert await states(system, start) == ["queued"]
        await system.central.database.write(
            charge_points.set_registration, "CP001", charge_points.ACCEPTED, now()
        )
        system.central.hub.set_registration("CP001", charge_points.ACCEPTED)
        await tend_queue(system.central)
        assert await answer(station) == "RemoteStartTransaction"
        assert await states(system, start) == ["accepted"]
        nursery.cancel_scope.cancel()


async def test_an_expired_command_is_never_sent(
    autojump_clock: MockClock, offline: System, now: FakeNow
) -> None:
    gone, stays = await keep(offline, expires=60), await keep(offline, expires=61)
    now.ms += 60 * SECOND
    async with trio.open_nursery() as nursery:
        station = await connect(offline.listener, nursery)
        await station.boot()
        await answer(station)
        await hear_nothing(station)
        assert await states(offline, gone, stays) == ["queued", "accepted"]
        await tend_queue(offline.central)
        assert await states(offline, gone, stays) == ["expired", "accepted"]
        nursery.cancel_scope.cancel()


async def test_expired_between_the_look_and_the_send(
    autojump_clock: MockClock, offline: System, now: FakeNow
) -> None:
    number = await keep(offline, expires=5)
    async with trio.open_nursery() as nursery:
        # Handed over already, it waits for the boot.
        station = await connect(offline.listener, nursery)
        await wait_all_tasks_blocked()
        now.ms += 6 * SECOND
        await station.boot()
        await hear_nothing(station)
        await tend_queue(offline.central)
        assert await states(offline, number) == ["expired"]
        nursery.cancel_scope.cancel()


async def test_who_waits_hears_of_the_end(
    autojump_clock: MockClock, offline: System, now: FakeNow
) -> None:
    errors: list[CommandFailed] = []

    async def call() -> None:
        with pytest.raises(CommandFailed) as failed:
            await offline.commands.execute("CP001", "ClearCache", {}, actor="test", expires=10)
        errors.append(failed.value)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(call)
        await wait_all_tasks_blocked()
        nursery.start_soon(call)
        await wait_all_tasks_blocked()
        assert await offline.commands.cancel(1, "me") is not None
        await wait_all_tasks_blocked()
        now.ms += 10 * SECOND
        await tend_queue(offline.central)
    assert [type(error) for error in errors] == [CommandCancelled, CommandExpired]
    assert await states(offline, 1, 2) == ["cancelled", "expired"]
    row = await offline.central.database.read(commands.find, 1)
    assert row is not None
    assert row["error"] == "cancelled by me"


async def test_only_what_is_queued_can_be_cancelled(
    autojump_clock: MockClock, offline: System
) -> None:
    async with trio.open_nursery() as nursery:
        station = await connect(offline.listener, nursery)
        await station.boot()
        first, second = await keep(offline), await keep(offline, expires=None)
        frame = await station.receive()
        assert await offline.commands.cancel(first, "me") is None
        assert await offline.commands.cancel(second, "me") is not None
        assert await offline.commands.cancel(99, "me") is None
        await station.send([3, frame[1], ACCEPTED])
        await hear_nothing(station)
        assert await states(offline, first, second) == ["accepted", "cancelled"]
        nursery.cancel_scope.cancel()


async def test_only_so_many_are_kept_for_one_station(
    autojump_clock: MockClock, open_system: OpenSystem, now: FakeNow
) -> None:
    async with open_system(OCPP_DURABLE_QUEUE="2") as system:
        for point in ("CP001", "CP002"):
            await system.central.database.write(
                charge_points.register, point, charge_points.ACCEPTED, {}, now()
            )
        first, _ = await keep(system), await keep(system)
        with pytest.raises(TooManyWaiting) as full:
            await keep(system)
        assert full.value.command_id is None
        with pytest.raises(CommandQueued):
            await system.commands.execute(
                "CP002", "ClearCache", {}, actor="test", expires=9, wait=False
            )
        await system.commands.cancel(first, "me")
        assert await states(system, await keep(system)) == ["queued"]


async def test_taken_up_by_the_next_process(autojump_clock: MockClock, offline: System) -> None:
    number = await keep(offline)
    central = offline.central
    async with trio.open_nursery() as nursery:
        # What a new process has: nothing but the database.
        central.queue.__init__()  # type: ignore[misc]
        station = await connect(offline.listener, nursery)
        await station.boot()
        await hear_nothing(station)
        await nursery.start(Commands(central).run)
        assert await answer(station) == "ClearCache"
        assert await states(offline, number) == ["accepted"]
        nursery.cancel_scope.cancel()


async def test_a_database_that_fails_leaves_it_queued(
    autojump_clock: MockClock, offline: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = await keep(offline)
    database = offline.central.database
    write = database.write
    failing = True

    async def fail(unit: Any, *arguments: Any) -> Any:
        if failing and unit is commands.mark_sent:
            raise StoreUnavailable("disk full")
        return await write(unit, *arguments)

    monkeypatch.setattr(database, "write", fail)
    async with trio.open_nursery() as nursery:
        station = await connect(offline.listener, nursery)
        await station.boot()
        await hear_nothing(station)
        assert await states(offline, number) == ["queued"]
        failing = False
        await tend_queue(offline.central)
        assert await answer(station) == "ClearCache"
        nursery.cancel_scope.cancel()


async def test_an_outcome_that_the_database_did_not_take_is_recorded_later(
    autojump_clock: MockClock, offline: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = offline.central.database
    write = database.write
    failing = True

    async def fail(unit: Any, *arguments: Any) -> Any:
        if failing and unit is commands.finish:
            raise StoreUnavailable("disk full")
        return await write(unit, *arguments)

    monkeypatch.setattr(database, "write", fail)
    with pytest.raises(ChargePointOffline):
        await offline.commands.execute("CP001", "ClearCache", {}, actor="test")
    async with trio.open_nursery() as nursery:
        station = await connect(offline.listener, nursery)
        await station.boot()
        outcomes = []

        async def change() -> None:
            payload = {"key": "HeartbeatInterval", "value": "77"}
            outcomes.append(
                await offline.commands.execute("CP001", "ChangeConfiguration", payload, actor="t")
            )

        nursery.start_soon(change)
        assert await answer(station) == "ChangeConfiguration"
        await wait_all_tasks_blocked()
        # The caller is told; the record and the books wait for the database.
        assert [outcome.response for outcome in outcomes] == [{"status": "Accepted"}]
        with pytest.raises(StoreUnavailable):
            await tend_queue(offline.central)
        assert await states(offline, 1, 2) == ["queued", "sent"]
        failing = False
        await tend_queue(offline.central)
        await tend_queue(offline.central)
        assert await states(offline, 1, 2) == ["expired", "accepted"]
        row = await database.read(charge_points.find, "CP001")
        assert row is not None
        assert row["heartbeat_interval"] == 77
        nursery.cancel_scope.cancel()


async def test_not_waited_for_but_not_kept_either(
    autojump_clock: MockClock, offline: System
) -> None:
    with pytest.raises(ChargePointOffline):
        await keep(offline, expires=None)
    async with trio.open_nursery() as nursery:
        station = await connect(offline.listener, nursery)
        await station.boot()
        first, second = await keep(offline, expires=None), await keep(offline, expires=None)
        assert await answer(station) == "ClearCache"
        await station.receive()
        await station.websocket.aclose()
        await wait_all_tasks_blocked()
        assert await states(offline, first, second) == ["accepted", "unknown"]
        nursery.cancel_scope.cancel()


async def test_a_caller_cut_off_before_its_turn_leaves_no_queued_record(
    autojump_clock: MockClock, offline: System
) -> None:
    async with trio.open_nursery() as nursery:
        station = await connect(offline.listener, nursery)
        await station.boot()
        await keep(offline, expires=None)
        await wait_all_tasks_blocked()
        with trio.move_on_after(1):
            await offline.commands.execute("CP001", "ClearCache", {}, actor="test")
        await answer(station)
        await hear_nothing(station)
        assert await states(offline, 1, 2) == ["accepted", "expired"]
        nursery.cancel_scope.cancel()


async def test_a_stop_tells_who_waits_whether_it_was_sent(
    autojump_clock: MockClock, offline: System
) -> None:
    errors: list[CommandFailed] = []

    async def call() -> None:
        with pytest.raises(CommandFailed) as failed:
            await offline.commands.execute("CP001", "ClearCache", {}, actor="test", expires=600)
        errors.append(failed.value)

    async with trio.open_nursery() as nursery:
        station = await connect(offline.listener, nursery)
        await station.boot()
        for _ in range(2):
            nursery.start_soon(call)
            await wait_all_tasks_blocked()
        await station.receive()
        offline.commands.drain(2)
        await trio.sleep(3)
        assert {type(error) for error in errors} == {CommandTimedOut, CommandQueued}
        nursery.cancel_scope.cancel()
