"""Commands to a charge point that does something wrong on purpose."""

from __future__ import annotations

import pytest
import trio
import trio.testing
from trio.testing import MockClock

from ocpp_trio.ocppj.actions import ACTIONS, FROM_CENTRAL_SYSTEM
from ocpp_trio.simulator.commands import COMMANDS
from ocpp_trio.simulator.faults import WRONG_SCHEMA, refusal
from tests.simulator.central import Central
from tests.simulator.conftest import PlayFleet


def test_every_action_is_in_the_table() -> None:
    assert set(COMMANDS) == FROM_CENTRAL_SYSTEM


@pytest.mark.parametrize("action", sorted(FROM_CENTRAL_SYSTEM))
def test_a_refusal_is_a_valid_answer_and_a_wrong_one_is_not(action: str) -> None:
    assert not ACTIONS[action].response_is_valid(WRONG_SCHEMA)
    refused = refusal(action)
    if refused is not None:
        assert ACTIONS[action].response_is_valid(refused)


async def test_slow_is_carried_out_and_answered_later(
    autojump_clock: MockClock, central: Central, idle: PlayFleet
) -> None:
    async with idle(faults=("RemoteStartTransaction=slow:20",)):
        assert await central.status("RemoteStartTransaction", idTag="R") == "Accepted"
        assert trio.current_time() == pytest.approx(20)
        await central.until("StartTransaction")


async def test_late_is_carried_out_at_once(
    autojump_clock: MockClock, central: Central, idle: PlayFleet
) -> None:
    async with (
        idle(faults=("RemoteStartTransaction=late",)),
        trio.open_nursery() as nursery,
    ):

        async def start() -> None:
            assert await central.status("RemoteStartTransaction", idTag="R") == "Accepted"
            assert trio.current_time() == pytest.approx(35)

        nursery.start_soon(start)
        await central.until("StartTransaction")
        assert trio.current_time() < 1


async def test_a_slow_answer_keeps_no_other_waiting(
    autojump_clock: MockClock, central: Central, idle: PlayFleet
) -> None:
    async with idle(faults=("GetConfiguration=slow:20",)):
        await central.send_text('[2,"1","GetConfiguration",{}]')
        assert await central.status("ClearCache") == "Accepted"
        assert trio.current_time() < 1


async def test_silent_neither_answers_nor_does_it(
    autojump_clock: MockClock, central: Central, idle: PlayFleet
) -> None:
    async with idle(faults=("RemoteStartTransaction=silent",)):
        with trio.move_on_after(1000) as patience:
            await central.status("RemoteStartTransaction", idTag="R")
        assert patience.cancelled_caught
        assert "StartTransaction" not in central.actions()


async def test_the_other_kinds(
    autojump_clock: MockClock, central: Central, idle: PlayFleet
) -> None:
    faults = ("Reset=refuse", "ClearCache=callerror", "UnlockConnector=wrong-schema")
    async with idle(faults=faults):
        assert await central.status("Reset", type="Soft") == "Rejected"
        assert await central.command("ClearCache") == "InternalError"
        answer = await central.ask("UnlockConnector", connectorId=1)
        assert answer.invalid is not None
        assert central.connections == 1


async def test_a_late_answer_that_finds_no_connection_is_said(
    autojump_clock: MockClock, central: Central, idle: PlayFleet, said: list[str]
) -> None:
    async with idle(faults=("ClearCache=slow:20",)), trio.open_nursery() as nursery:
        nursery.start_soon(central.command, "ClearCache")
        await trio.testing.wait_all_tasks_blocked()
        await central.drop()
        await trio.sleep(30)
        assert said == ["SIM0001: ClearCache: the connection ended before it was answered"]
        nursery.cancel_scope.cancel()
