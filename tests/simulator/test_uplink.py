"""How charge points are connected: boots, lost connections, replays, giving up."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import trio
import trio.testing
from trio.testing import MockClock

from ocpp_trio.errors import CallRefused
from ocpp_trio.ocppj.frames import Payload
from ocpp_trio.simulator import fleet
from ocpp_trio.simulator.endpoint import CannotConnect
from ocpp_trio.simulator.plan import Run
from tests.simulator.central import DROP, Central, Scripted
from tests.simulator.conftest import PlayFleet

MakeRun = Callable[..., Run]


def dropping_first(central: Central, action: str) -> None:
    """Let the connection break instead of the first answer to this action."""
    answer = central.answers[action]
    tries: list[Payload] = []

    def scripted(payload: Payload) -> Scripted:
        tries.append(payload)
        return DROP if len(tries) == 1 else answer

    central.answers[action] = scripted


@pytest.mark.parametrize("action", ["StartTransaction", "MeterValues", "StopTransaction"])
async def test_what_was_not_answered_is_replayed_in_order(
    autojump_clock: MockClock, central: Central, make_run: MakeRun, tmp_path: Path, action: str
) -> None:
    dropping_first(central, action)
    run = make_run(tmp_path / "ledger")
    with run.ledger:
        await fleet.play(run)
    assert central.connections == 2
    assert central.actions().count("BootNotification") == 1
    first, second = central.payloads(action)[:2]
    assert first == second
    assert len(set(central.ids)) == len(central.ids)
    about = [each for each, _ in central.received if each in {"StartTransaction", "MeterValues"}]
    assert about == sorted(about, reverse=True)
    assert {values["transactionId"] for values in central.payloads("MeterValues")} == {1}
    assert central.payloads("StopTransaction")[-1]["transactionId"] == 1
    assert central.actions()[-1] == "1 Available"
    summary = run.tally.as_json(1)
    assert summary["sessionsCompleted"] == 1
    assert summary["closeCodes"] == {"1006": 1}
    lines = (tmp_path / "ledger").read_text().splitlines()
    assert [json.loads(line)["kind"] for line in lines] == ["start", *["meter"] * 3, "stop"]


async def test_a_whole_session_offline_is_delivered_afterwards(
    autojump_clock: MockClock, central: Central, make_run: MakeRun
) -> None:
    central.answers["StartTransaction"] = lambda _: DROP
    run = make_run(give_up=600.0)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(fleet.play, run)
        await central.until("StartTransaction")
        central.listening = False
        central.answers["StartTransaction"] = central.start
        await trio.sleep(100)
        central.listening = True
    assert central.connections == 2
    again = central.actions().index("0 Available", 3)
    assert central.actions()[again:] == [
        "0 Available",
        "1 Finishing",
        "StartTransaction",
        "MeterValues",
        "MeterValues",
        "MeterValues",
        "StopTransaction",
        "1 Available",
    ]
    first, second = central.payloads("StartTransaction")
    assert first == second
    assert central.payloads("StopTransaction")[0]["timestamp"] < "2026-11-23T08:00:01Z"
    assert run.tally.as_json(1)["sessionsCompleted"] == 1


async def test_a_start_refused_after_the_reconnect_ends_the_session(
    autojump_clock: MockClock, central: Central, make_run: MakeRun
) -> None:
    central.answers["StartTransaction"] = {
        "transactionId": 5,
        "idTagInfo": {"status": "Expired"},
    }
    dropping_first(central, "StartTransaction")
    run = make_run(interval=30.0)
    await fleet.play(run)
    stop = central.payloads("StopTransaction")[0]
    assert (stop["transactionId"], stop["reason"]) == (5, "DeAuthorized")
    assert run.tally.as_json(1)["sessionsRefused"] == 1


async def test_sessions_that_follow_wait_for_the_connection(
    autojump_clock: MockClock, central: Central, make_run: MakeRun
) -> None:
    dropping_first(central, "Authorize")
    run = make_run(sessions=2)
    await fleet.play(run)
    assert run.tally.as_json(1)["sessionsCompleted"] == 2


async def test_a_close_with_1001_is_counted_and_survived(
    autojump_clock: MockClock, central: Central, make_run: MakeRun
) -> None:
    run = make_run(interval=10.0)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(fleet.play, run)
        await central.until("MeterValues")
        await central.close(1001)
    summary = run.tally.as_json(1)
    assert summary["sessionsCompleted"] == 1
    assert summary["closeCodes"] == {"1001": 1}


async def test_it_gives_up_after_a_while(
    autojump_clock: MockClock, central: Central, make_run: MakeRun, said: list[str]
) -> None:
    run = make_run(sessions=3, interval=10.0, give_up=30.0)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(fleet.play, run)
        await central.until("MeterValues")
        central.listening = False
        await central.close(1001)
    assert 40 <= trio.current_time() <= 42
    assert run.tally.as_json(1)["sessionsFailed"] == 3
    assert said == ["SIM0001: gave up after 30 s: connection refused"]


async def test_nobody_there_at_the_start(
    autojump_clock: MockClock, central: Central, make_run: MakeRun
) -> None:
    central.listening = False
    with pytest.raises(CannotConnect, match="connection refused"):
        await fleet.play(make_run(count=3))


async def test_a_refused_handshake(
    autojump_clock: MockClock, central: Central, make_run: MakeRun
) -> None:
    central.refuse_with = 404
    with pytest.raises(CannotConnect, match="HTTP 404: not this one"):
        await fleet.play(make_run())


@pytest.mark.parametrize("status", ["Pending", "Rejected"])
async def test_a_boot_that_is_not_accepted_is_sent_again(
    autojump_clock: MockClock, central: Central, make_run: MakeRun, said: list[str], status: str
) -> None:
    accepted = central.answers["BootNotification"]
    assert isinstance(accepted, dict)
    answers = iter(
        [
            accepted | {"status": status, "interval": 7},
            accepted | {"status": status, "interval": 900},
            accepted,
        ]
    )
    central.answers["BootNotification"] = lambda _: next(answers)
    run = make_run(boot_wait=20.0)
    await fleet.play(run)
    assert trio.current_time() == pytest.approx(27)
    assert central.actions()[:4] == ["BootNotification"] * 3 + ["0 Available"]
    assert run.tally.as_json(1)["sessionsCompleted"] == 1
    assert said == [
        f"SIM0001: boot {status}, the next in 7 s",
        f"SIM0001: boot {status}, the next in 20 s",
    ]


async def test_a_boot_that_is_never_accepted(
    autojump_clock: MockClock, central: Central, make_run: MakeRun, said: list[str]
) -> None:
    central.answers["BootNotification"] = CallRefused("InternalError", "not today")
    run = make_run(give_up=5.0)
    await fleet.play(run)
    assert run.tally.as_json(1)["sessionsFailed"] == 1
    assert said[-1] == ("SIM0001: gave up after 5 s: BootNotification: InternalError: not today")


async def test_a_security_error_makes_it_boot_again(
    autojump_clock: MockClock, central: Central, make_run: MakeRun
) -> None:
    answers: list[Scripted] = [CallRefused("SecurityError", "boot first")]
    central.answers["MeterValues"] = lambda _: answers.pop() if answers else {}
    run = make_run()
    await fleet.play(run)
    assert central.actions().count("BootNotification") == 2
    assert run.tally.as_json(1)["sessionsCompleted"] == 1


async def test_it_reports_its_status_after_a_reconnect(
    autojump_clock: MockClock, central: Central, staying: PlayFleet
) -> None:
    async with staying():
        await central.until("1 Available")
        await central.drop()
        await central.until("1 Available", 2)
        assert central.actions() == ["BootNotification"] + ["0 Available", "1 Available"] * 2
