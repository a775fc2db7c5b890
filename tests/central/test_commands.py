"""Commands: one at a time, each with its answer and its record."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import pytest
import trio
from structlog.typing import EventDict
from trio.testing import MockClock

from ocpp_trio.central.commands import Outcome
from ocpp_trio.errors import (
    CallErrorReceived,
    ChargePointNotAccepted,
    ChargePointOffline,
    ChargePointUnknown,
    CommandFailed,
    CommandReplaced,
    CommandTimedOut,
    InvalidAnswer,
    TooManyWaiting,
)
from ocpp_trio.ocppj.peer import Answer
from ocpp_trio.store import charge_points, commands
from ocpp_trio.store.batch import DriverWriter
from ocpp_trio.store.effects import ENDED, Effect
from tests.central.conftest import OpenSystem, System
from tests.support.clock import FakeNow
from tests.support.station import TestStation, connect, connected

CLEAR: tuple[str, dict[str, Any]] = ("ClearCache", {})


class Caller:
    """Sends a command in the background and keeps its outcome."""

    def __init__(self, system: System, nursery: trio.Nursery, point: str = "CP001") -> None:
        self._system = system
        self._nursery = nursery
        self._point = point
        self.outcomes: list[Outcome | CommandFailed] = []
        self.done = trio.Event()

    def send(self, action: str = "ClearCache", payload: dict[str, Any] | None = None) -> None:
        self._nursery.start_soon(self._send, action, payload or {})

    async def _send(self, action: str, payload: dict[str, Any]) -> None:
        try:
            outcome: Outcome | CommandFailed = await self._system.commands.execute(
                self._point, action, payload, actor="test"
            )
        except CommandFailed as error:
            outcome = error
        self.outcomes.append(outcome)
        self.done.set()


@contextmanager
def writes_held(system: System) -> Iterator[None]:
    """While the block runs, the database commits nothing."""
    writer, go_on = system.central.database._writer, trio.Event()
    assert isinstance(writer, DriverWriter)
    run = writer._run

    async def wait(*arguments: Any) -> Any:
        await go_on.wait()
        return await run(*arguments)

    writer._run = wait
    try:
        yield
    finally:
        writer._run = run
        go_on.set()


async def state_of(system: System, command_id: int | None) -> str:
    assert command_id is not None
    row = await system.central.database.read(commands.find, command_id)
    assert row is not None
    state: str = row["state"]
    return state


async def booted(system: System, nursery: trio.Nursery) -> TestStation:
    station = await connect(system.listener, nursery)
    await station.boot()
    return station


async def test_a_command_and_its_answer(autojump_clock: MockClock, system: System) -> None:
    async with trio.open_nursery() as nursery:
        station = await booted(system, nursery)
        caller = Caller(system, nursery)
        caller.send("Reset", {"type": "Soft"})
        kind, number, action, payload = await station.receive()
        assert (kind, action, payload) == (2, "Reset", {"type": "Soft"})
        assert len(number) == 36
        await station.send([3, number, {"status": "Accepted"}])
        await trio.testing.wait_all_tasks_blocked()
        (outcome,) = caller.outcomes
        assert isinstance(outcome, Outcome)
        assert outcome.response == {"status": "Accepted"}
        assert await state_of(system, outcome.command_id) == "accepted"
        nursery.cancel_scope.cancel()


async def test_nobody_there(autojump_clock: MockClock, system: System, now: FakeNow) -> None:
    with pytest.raises(ChargePointUnknown) as unknown:
        await system.commands.execute("CP001", *CLEAR, actor="test")
    assert unknown.value.command_id is None
    await system.central.database.write(
        charge_points.register, "CP001", charge_points.ACCEPTED, {}, now()
    )
    with pytest.raises(ChargePointOffline) as offline:
        await system.commands.execute("CP001", *CLEAR, actor="test")
    assert await state_of(system, offline.value.command_id) == "expired"


async def test_one_at_a_time_and_a_late_answer_goes_to_its_own_command(
    autojump_clock: MockClock, system: System
) -> None:
    async with trio.open_nursery() as nursery:
        station = await booted(system, nursery)
        caller = Caller(system, nursery)
        caller.send("Reset", {"type": "Soft"})
        first = await station.receive()
        caller.send()
        with trio.move_on_after(25) as quiet:
            await station.receive()
        assert quiet.cancelled_caught
        second = await station.receive()
        (timed_out,) = caller.outcomes
        assert isinstance(timed_out, CommandTimedOut)
        assert await state_of(system, timed_out.command_id) == "timeout"
        await station.send([3, first[1], {"status": "Rejected"}])
        await station.call("Heartbeat", {})
        assert len(caller.outcomes) == 1
        assert await state_of(system, timed_out.command_id) == "late"
        await station.send([3, second[1], {"status": "Accepted"}])
        await trio.testing.wait_all_tasks_blocked()
        answered = caller.outcomes[1]
        assert isinstance(answered, Outcome)
        assert answered.response == {"status": "Accepted"}
        nursery.cancel_scope.cancel()


async def test_an_answer_whose_time_limit_passes_once_it_is_read_is_late(
    autojump_clock: MockClock, system: System
) -> None:
    """It is read where it comes in, and taken by a task that has its turn later."""
    async with trio.open_nursery() as nursery:
        station = await booted(system, nursery)
        caller = Caller(system, nursery)
        caller.send()
        asked = await station.receive()
        session = system.central.hub.get("CP001")
        assert session is not None
        answer = session.peer.receive(json.dumps([3, asked[1], {"status": "Accepted"}]))
        assert isinstance(answer, Answer)
        await caller.done.wait()
        await session.carrier.answered(answer)
        (timed_out,) = caller.outcomes
        assert isinstance(timed_out, CommandTimedOut)
        assert await state_of(system, timed_out.command_id) == "late"
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize(
    ("action", "payload", "answer", "error"),
    [
        # What follows from an answer in the books must not be read out of one that is none.
        ("GetConfiguration", {}, {"configurationKey": [{"value": "1"}]}, "configurationKey.0"),
        ("GetLocalListVersion", {}, {"listVersion": "7"}, "listVersion"),
        ("ClearCache", {}, {"status": "Perhaps"}, "status"),
        ("ClearCache", {}, [], "not part of the action"),
    ],
)
async def test_a_late_answer_that_breaks_the_schema_ends_its_own_command_and_nothing_else(
    autojump_clock: MockClock,
    system: System,
    action: str,
    payload: dict[str, Any],
    answer: Any,
    error: str,
) -> None:
    async with trio.open_nursery() as nursery:
        station = await booted(system, nursery)
        caller = Caller(system, nursery)
        caller.send(action, payload)
        called = await station.receive()
        await caller.done.wait()
        await station.send([3, called[1], answer])
        await station.call("Heartbeat", {})
        (timed_out,) = caller.outcomes
        assert isinstance(timed_out, CommandTimedOut)
        assert timed_out.command_id is not None
        row = await system.central.database.read(commands.find, timed_out.command_id)
        assert row is not None
        assert (row["state"], row["response"]) == ("late", None)
        assert row["error"].startswith("the answer breaks the schema: ")
        assert error in row["error"]
        nursery.cancel_scope.cancel()


async def test_an_effect_that_fails_costs_neither_the_outcome_nor_the_connection(
    autojump_clock: MockClock,
    system: System,
    monkeypatch: pytest.MonkeyPatch,
    expected_errors: list[EventDict],
) -> None:
    def fail(*_: object) -> None:
        raise KeyError("an answer like no other")

    monkeypatch.setitem(cast(dict[str, Effect], ENDED), "ClearCache", fail)
    async with trio.open_nursery() as nursery:
        station = await booted(system, nursery)
        caller = Caller(system, nursery)
        for word, state in (("Accepted", "accepted"), ("Rejected", "refused")):
            caller.send()
            await station.send([3, (await station.receive())[1], {"status": word}])
            await trio.testing.wait_all_tasks_blocked()
            outcome = caller.outcomes[-1]
            assert isinstance(outcome, Outcome)
            assert outcome.response == {"status": word}
            assert await state_of(system, outcome.command_id) == state
        assert (await station.start())["transactionId"] > 0
        assert [error["action"] for error in expected_errors] == ["ClearCache"] * 2
        nursery.cancel_scope.cancel()


async def test_refused_broken_and_error_answers(autojump_clock: MockClock, system: System) -> None:
    answers: list[tuple[list[Any], type, str]] = [
        ([3, {"status": "Rejected"}], Outcome, "refused"),
        ([3, {"status": "Perhaps"}], InvalidAnswer, "error"),
        ([3, {"status": "Accepted", "extra": None}], InvalidAnswer, "error"),
        ([4, "NotSupported", "line\nline", {}], CallErrorReceived, "error"),
    ]
    async with trio.open_nursery() as nursery:
        station = await booted(system, nursery)
        for (kind, *rest), expected, state in answers:
            caller = Caller(system, nursery)
            caller.send()
            number = (await station.receive())[1]
            await station.send([kind, number, *rest])
            await trio.testing.wait_all_tasks_blocked()
            (outcome,) = caller.outcomes
            assert isinstance(outcome, expected)
            assert isinstance(outcome, Outcome | CommandFailed)
            assert await state_of(system, outcome.command_id) == state
        assert await station.call("Heartbeat", {})
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize(
    "answer",
    [
        {
            "status": "Accepted",
            "scheduleStart": "2026-11-23T08:00:00Z",
            "chargingSchedule": {
                "chargingRateUnit": "A",
                "chargingSchedulePeriod": [{"startPeriod": 0, "limit": -1, "numberPhases": -1}],
            },
        },
        {
            "status": "Accepted",
            "chargingSchedule": {
                "duration": 8638204643667,
                "chargingRateUnit": "W",
                "chargingSchedulePeriod": [],
            },
        },
    ],
)
async def test_odd_but_valid_answers_are_answers(
    autojump_clock: MockClock, system: System, answer: dict[str, Any]
) -> None:
    async with trio.open_nursery() as nursery:
        station = await booted(system, nursery)
        caller = Caller(system, nursery)
        caller.send("GetCompositeSchedule", {"connectorId": 1, "duration": 60})
        await station.send([3, (await station.receive())[1], answer])
        await trio.testing.wait_all_tasks_blocked()
        (outcome,) = caller.outcomes
        assert isinstance(outcome, Outcome)
        assert outcome.response == answer
        row = await system.central.database.read(commands.find, outcome.command_id)
        assert row is not None
        assert json.loads(row["response"]) == answer
        nursery.cancel_scope.cancel()


async def test_an_answer_that_breaks_the_schema_fails_its_command_and_nothing_else(
    autojump_clock: MockClock, system: System
) -> None:
    async with trio.open_nursery() as nursery:
        station = await booted(system, nursery)
        caller = Caller(system, nursery)
        for answer in ({"status": "Perhaps"}, {"status": "Accepted"}):
            caller.send()
            await station.send([3, (await station.receive())[1], answer])
            await trio.testing.wait_all_tasks_blocked()
        failed, outcome = caller.outcomes
        assert isinstance(failed, InvalidAnswer)
        assert "status" in str(failed)
        assert isinstance(outcome, Outcome)
        assert (await station.start())["transactionId"] > 0
        nursery.cancel_scope.cancel()


async def test_a_queue_that_is_full_refuses_at_once(
    autojump_clock: MockClock, open_system: OpenSystem
) -> None:
    async with open_system(OCPP_COMMAND_QUEUE="2") as system, trio.open_nursery() as nursery:
        station = await booted(system, nursery)
        caller = Caller(system, nursery)
        for _ in range(4):
            caller.send()
            await trio.testing.wait_all_tasks_blocked()
        (outcome,) = caller.outcomes
        assert isinstance(outcome, TooManyWaiting)
        for _ in range(3):
            await station.send([3, (await station.receive())[1], {"status": "Accepted"}])
        await trio.testing.wait_all_tasks_blocked()
        assert sum(isinstance(each, Outcome) for each in caller.outcomes) == 3
        nursery.cancel_scope.cancel()


async def test_a_connection_that_ends_fails_its_commands_at_once(
    autojump_clock: MockClock, system: System
) -> None:
    async with trio.open_nursery() as nursery:
        station = await booted(system, nursery)
        caller = Caller(system, nursery)
        caller.send()
        await station.receive()
        caller.send()
        await trio.testing.wait_all_tasks_blocked()
        before = trio.current_time()
        await station.websocket.aclose()
        await trio.testing.wait_all_tasks_blocked()
        assert trio.current_time() - before < 1
        kinds = {type(outcome) for outcome in caller.outcomes}
        assert kinds == {CommandReplaced, ChargePointOffline}
        states = [
            await state_of(system, outcome.command_id)
            for outcome in sorted(caller.outcomes, key=lambda each: each.command_id or 0)
        ]
        assert states == ["unknown", "expired"]


@pytest.mark.parametrize("replaced", [False, True])
async def test_an_answer_that_is_being_recorded_outlives_its_connection(
    autojump_clock: MockClock, system: System, replaced: bool
) -> None:
    """The station has answered: what the caller and the record are told is its answer."""
    async with trio.open_nursery() as nursery:
        station = await booted(system, nursery)
        caller = Caller(system, nursery)
        caller.send()
        called = await station.receive()
        await trio.testing.wait_all_tasks_blocked()
        with writes_held(system):
            await station.send([3, called[1], {"status": "Accepted"}])
            await trio.testing.wait_all_tasks_blocked()
            session = system.central.hub.get("CP001")
            assert session is not None
            session.end(1008 if replaced else 1001, "gone")
            await trio.testing.wait_all_tasks_blocked()
            assert caller.outcomes == []
        await trio.testing.wait_all_tasks_blocked()
        (outcome,) = caller.outcomes
        assert isinstance(outcome, Outcome)
        assert outcome.response == {"status": "Accepted"}
        assert await state_of(system, outcome.command_id) == "accepted"
        nursery.cancel_scope.cancel()


async def test_a_time_limit_that_is_being_recorded_stays_one(
    autojump_clock: MockClock, system: System
) -> None:
    async with trio.open_nursery() as nursery:
        station = await booted(system, nursery)
        caller = Caller(system, nursery)
        caller.send()
        await station.receive()
        with writes_held(system):
            await trio.sleep(31)
            session = system.central.hub.get("CP001")
            assert session is not None
            session.end(1001, "gone")
            await trio.testing.wait_all_tasks_blocked()
            assert caller.outcomes == []
        await trio.testing.wait_all_tasks_blocked()
        (outcome,) = caller.outcomes
        assert isinstance(outcome, CommandTimedOut)
        assert await state_of(system, outcome.command_id) == "timeout"
        nursery.cancel_scope.cancel()


async def test_a_command_whose_connection_ends_while_it_is_claimed_was_not_sent(
    autojump_clock: MockClock, system: System
) -> None:
    async with trio.open_nursery() as nursery:
        await booted(system, nursery)
        caller = Caller(system, nursery)
        session = system.central.hub.get("CP001")
        assert session is not None
        # Its record and its claim are one write.
        with writes_held(system):
            caller.send()
            await trio.testing.wait_all_tasks_blocked()
            session.end(1001, "gone")
            await trio.testing.wait_all_tasks_blocked()
        await caller.done.wait()
        await trio.testing.wait_all_tasks_blocked()
        (outcome,) = caller.outcomes
        assert isinstance(outcome, ChargePointOffline)
        assert await state_of(system, outcome.command_id) == "expired"
        nursery.cancel_scope.cancel()


async def test_a_command_whose_connection_ends_while_its_turn_comes_was_not_sent(
    autojump_clock: MockClock, system: System
) -> None:
    async with trio.open_nursery() as nursery:
        station = await booted(system, nursery)
        first, second = Caller(system, nursery), Caller(system, nursery)
        first.send()
        call = await station.receive()
        second.send()
        await trio.testing.wait_all_tasks_blocked()
        session = system.central.hub.get("CP001")
        assert session is not None
        with writes_held(system):
            await station.send([3, call[1], {"status": "Accepted"}])
            await trio.testing.wait_all_tasks_blocked()
        # The answer is recorded; now the claim of the second waits.
        with writes_held(system):
            await trio.testing.wait_all_tasks_blocked()
            session.end(1001, "gone")
            await trio.testing.wait_all_tasks_blocked()
        await second.done.wait()
        await trio.testing.wait_all_tasks_blocked()
        (outcome,) = second.outcomes
        assert isinstance(outcome, ChargePointOffline)
        assert await state_of(system, outcome.command_id) == "expired"
        nursery.cancel_scope.cancel()


async def test_a_replaced_connection_fails_its_command_as_replaced(
    autojump_clock: MockClock, system: System
) -> None:
    async with trio.open_nursery() as nursery:
        station = await booted(system, nursery)
        caller = Caller(system, nursery)
        caller.send()
        await station.receive()
        newer = await connect(system.listener, nursery)
        await trio.testing.wait_all_tasks_blocked()
        (outcome,) = caller.outcomes
        assert isinstance(outcome, CommandReplaced)
        assert await state_of(system, outcome.command_id) == "replaced"
        with trio.move_on_after(15) as quiet:
            await newer.receive()
        assert quiet.cancelled_caught, "a command must never be sent again by itself"
        nursery.cancel_scope.cancel()


async def test_nothing_is_sent_before_a_boot_a_message_or_ten_seconds(
    autojump_clock: MockClock, system: System
) -> None:
    async with connected(system.listener) as station:
        await station.boot()
    async with trio.open_nursery() as nursery:
        station = await connect(system.listener, nursery)
        caller = Caller(system, nursery)
        caller.send()
        before = trio.current_time()
        number = (await station.receive())[1]
        assert trio.current_time() - before == pytest.approx(10)
        await station.send([3, number, {"status": "Accepted"}])
        station = await connect(system.listener, nursery)
        caller.send()
        before = trio.current_time()
        await station.call("Heartbeat", {})
        await station.receive()
        assert trio.current_time() == before
        nursery.cancel_scope.cancel()


async def test_a_station_not_accepted_must_not_charge(
    autojump_clock: MockClock, open_system: OpenSystem
) -> None:
    policy = {"OCPP_UNKNOWN_CHARGE_POINTS": "pending"}
    async with open_system(**policy) as system, trio.open_nursery() as nursery:
        station = await booted(system, nursery)
        with pytest.raises(ChargePointNotAccepted):
            await system.commands.execute(
                "CP001", "RemoteStartTransaction", {"idTag": "TAG"}, actor="test"
            )
        caller = Caller(system, nursery)
        caller.send("TriggerMessage", {"requestedMessage": "BootNotification"})
        assert (await station.receive())[2] == "TriggerMessage"
        nursery.cancel_scope.cancel()


async def test_nothing_is_sent_to_a_station_that_never_booted(
    autojump_clock: MockClock, system: System
) -> None:
    async with connected(system.listener) as station:
        await trio.sleep(60)
        with pytest.raises(ChargePointNotAccepted, match="has not booted yet"):
            await system.commands.execute("CP001", *CLEAR, actor="test")
        await station.boot()


async def test_a_caller_that_leaves_does_not_stop_the_command(
    autojump_clock: MockClock, system: System
) -> None:
    async with trio.open_nursery() as nursery:
        station = await booted(system, nursery)
        with trio.move_on_after(1) as left:
            await system.commands.execute("CP001", *CLEAR, actor="test")
        assert left.cancelled_caught
        number = (await station.receive())[1]
        await station.send([3, number, {"status": "Accepted"}])
        await station.call("Heartbeat", {})
        assert await state_of(system, 1) == "accepted"
        nursery.cancel_scope.cancel()


async def test_a_stop_tells_who_waits_that_the_outcome_is_unknown(
    autojump_clock: MockClock, system: System
) -> None:
    async with trio.open_nursery() as nursery:
        station = await booted(system, nursery)
        caller = Caller(system, nursery)
        caller.send()
        await station.receive()
        before = trio.current_time()
        system.commands.drain(2)
        await caller.done.wait()
        assert trio.current_time() - before < 3
        assert isinstance(caller.outcomes[0], CommandTimedOut)
        nursery.cancel_scope.cancel()


async def test_the_key_of_a_station_stands_in_no_record(
    autojump_clock: MockClock, system: System
) -> None:
    secret = "00112233445566778899aabbccddeeff00112233"
    told = {"key": "AuthorizationKey", "readonly": False, "value": secret}
    async with trio.open_nursery() as nursery:
        station = await booted(system, nursery)
        caller = Caller(system, nursery)
        caller.send("ChangeConfiguration", {"key": "AuthorizationKey", "value": secret})
        _, number, _, payload = await station.receive()
        assert payload["value"] == secret
        await station.send([3, number, {"status": "Accepted"}])
        caller.send("GetConfiguration", {})
        _, number, _, _ = await station.receive()
        await station.send([3, number, {"configurationKey": [told]}])
        await trio.testing.wait_all_tasks_blocked()
        for outcome in caller.outcomes:
            assert isinstance(outcome, Outcome)
            assert secret not in str(outcome.response)
            row = await system.central.database.read(commands.find, outcome.command_id)
            assert row is not None
            assert row["state"] == "accepted"
            assert secret not in str(dict(row))
        nursery.cancel_scope.cancel()


async def test_a_key_in_a_late_answer_stands_in_no_record(
    autojump_clock: MockClock, system: System
) -> None:
    secret = "00112233445566778899aabbccddeeff00112233"
    told = {"key": "AuthorizationKey", "readonly": False, "value": secret}
    async with trio.open_nursery() as nursery:
        station = await booted(system, nursery)
        caller = Caller(system, nursery)
        caller.send("GetConfiguration", {})
        _, number, _, _ = await station.receive()
        await caller.done.wait()
        await station.send([3, number, {"configurationKey": [told]}])
        await trio.testing.wait_all_tasks_blocked()
        (outcome,) = caller.outcomes
        assert isinstance(outcome, CommandTimedOut)
        row = await system.central.database.read(commands.find, outcome.command_id or 0)
        assert row is not None
        assert row["state"] == "late"
        assert secret not in str(dict(row))
        nursery.cancel_scope.cancel()
