"""Whole sessions: their messages in order, refusals, the ledger, the summary."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trio
import trio.testing
from trio.testing import MockClock

from ocpp_trio.errors import CallRefused
from ocpp_trio.simulator import fleet
from ocpp_trio.simulator.plan import Run
from ocpp_trio.simulator.summary import Tally
from tests.simulator.central import Central, Scripted

MakeRun = Callable[..., Run]

SESSION = [
    "1 Preparing",
    "Authorize",
    "StartTransaction",
    "1 Charging",
    "MeterValues",
    "MeterValues",
    "MeterValues",
    "StopTransaction",
    "1 Finishing",
    "1 Available",
]
BLOCKED = {"idTagInfo": {"status": "Blocked"}}


async def test_a_whole_session_in_order(
    autojump_clock: MockClock, central: Central, make_run: MakeRun
) -> None:
    run = make_run(sessions=2)
    await fleet.play(run)
    first = ["BootNotification", "0 Available", "1 Available"]
    assert central.actions() == first + SESSION + SESSION
    assert central.paths == ["/ocpp/SIM0001"]
    assert central.connections == 1
    summary = run.tally.as_json(1)
    assert summary["sessionsCompleted"] == 2
    assert summary["messages"] == len(central.received)
    assert summary["closeCodes"] == {}


async def test_the_meter_is_cumulative_and_the_energy_is_counted(
    autojump_clock: MockClock, central: Central, make_run: MakeRun
) -> None:
    run = make_run(sessions=3, meter_values=4)
    await fleet.play(run)
    starts, stops = central.payloads("StartTransaction"), central.payloads("StopTransaction")
    assert [stop["transactionId"] for stop in stops] == [1, 2, 3]
    assert [stop["reason"] for stop in stops] == ["Local"] * 3
    assert [stop["idTag"] for stop in stops] == ["SIM0001TAG"] * 3
    readings = [
        reading
        for start, stop in zip(starts, stops, strict=True)
        for reading in (start["meterStart"], stop["meterStop"])
    ]
    assert readings == sorted(readings)
    assert readings[1] == readings[2]
    assert run.tally.energy_wh == readings[-1] - readings[0] > 0
    for values in central.payloads("MeterValues"):
        sampled = values["meterValue"][0]["sampledValue"]
        assert [each["measurand"] for each in sampled] == [
            "Energy.Active.Import.Register",
            "Power.Active.Import",
            "Current.Import",
            "Voltage",
            "SoC",
        ]
    assert [values["transactionId"] for values in central.payloads("MeterValues")] == (
        [1] * 4 + [2] * 4 + [3] * 4
    )


async def test_with_an_interval_power_and_energy_agree(
    autojump_clock: MockClock, central: Central, make_run: MakeRun
) -> None:
    await fleet.play(make_run(interval=60.0))
    first, *_, last = central.payloads("MeterValues")
    register = [int(each["meterValue"][0]["sampledValue"][0]["value"]) for each in (first, last)]
    power = int(last["meterValue"][0]["sampledValue"][1]["value"])
    assert register[1] - register[0] == pytest.approx(power * 120 / 3600, rel=0.05)
    assert first["meterValue"][0]["timestamp"] == "2026-11-23T08:01:00Z"


@pytest.mark.parametrize("status", ["Invalid", "Blocked", "Expired"])
async def test_a_tag_that_is_not_authorized_does_not_charge(
    autojump_clock: MockClock, central: Central, make_run: MakeRun, status: str
) -> None:
    central.answers["Authorize"] = {"idTagInfo": {"status": status}}
    run = make_run(sessions=2)
    await fleet.play(run)
    assert central.actions()[3:] == ["1 Preparing", "Authorize", "1 Available"] * 2
    assert run.tally.as_json(1)["sessionsRefused"] == 2


async def test_a_refused_start_is_stopped_at_once(
    autojump_clock: MockClock, central: Central, make_run: MakeRun, said: list[str]
) -> None:
    central.answers["StartTransaction"] = {"transactionId": 7} | BLOCKED
    run = make_run()
    await fleet.play(run)
    assert central.actions()[3:] == [
        "1 Preparing",
        "Authorize",
        "StartTransaction",
        "StopTransaction",
        "1 Finishing",
        "1 Available",
    ]
    stop = central.payloads("StopTransaction")[0]
    assert (stop["transactionId"], stop["reason"]) == (7, "DeAuthorized")
    assert stop["meterStop"] == central.payloads("StartTransaction")[0]["meterStart"]
    assert run.tally.as_json(1)["sessionsRefused"] == 1
    assert run.tally.energy_wh == 0
    assert said == ["SIM0001: StartTransaction of SIM0001TAG: Blocked"]


async def test_a_start_that_is_always_refused_by_callerror_is_given_up(
    autojump_clock: MockClock, central: Central, make_run: MakeRun, said: list[str]
) -> None:
    central.answers["StartTransaction"] = CallRefused("InternalError", "no")
    run = make_run()
    await fleet.play(run)
    assert central.actions().count("StartTransaction") == 3
    assert "MeterValues" not in central.actions()
    assert "StopTransaction" not in central.actions()
    assert run.tally.as_json(1)["sessionsFailed"] == 1
    assert "given up after 3 attempts: InternalError: no" in said[0]


async def test_an_answer_that_does_not_come_is_asked_for_again(
    autojump_clock: MockClock, central: Central, make_run: MakeRun
) -> None:
    answers: Iterator[Scripted] = iter([None, {}])
    central.answers["StopTransaction"] = lambda _: next(answers)
    run = make_run(timeout=5.0)
    await fleet.play(run)
    first, second = central.payloads("StopTransaction")
    assert first == second
    assert run.tally.as_json(1)["sessionsCompleted"] == 1


async def test_every_station_has_its_own_tag_or_all_have_one(
    autojump_clock: MockClock, central: Central, make_run: MakeRun
) -> None:
    await fleet.play(make_run(count=3, prefix="X"))
    tags = {payload["idTag"] for payload in central.payloads("Authorize")}
    assert tags == {"X0001TAG", "X0002TAG", "X0003TAG"}
    central.received.clear()
    run = make_run(count=3, id_tag="ONE")
    await fleet.play(run)
    assert {payload["idTag"] for payload in central.payloads("Authorize")} == {"ONE"}
    assert run.plan.tags() == ["ONE"]


async def test_the_ledger_has_what_was_acknowledged_when_it_was(
    autojump_clock: MockClock, central: Central, make_run: MakeRun, tmp_path: Path
) -> None:
    path = tmp_path / "ledger.jsonl"
    path.write_text('{"kind":"older"}\n')
    seen: list[int] = []

    def lines() -> list[str]:
        return path.read_text().splitlines()

    def count(_: object) -> dict[str, object]:
        seen.append(len(lines()))
        return {}

    central.answers["MeterValues"] = central.answers["StopTransaction"] = count
    run = make_run(path, meter_values=1)
    with run.ledger:
        await fleet.play(run)
    assert seen == [2, 3]
    start, meter, stop = (json.loads(line) for line in lines()[1:])
    request = central.payloads("StartTransaction")[0]
    assert start == {
        "kind": "start",
        "chargePointId": "SIM0001",
        "connectorId": 1,
        "idTag": "SIM0001TAG",
        "timestamp": request["timestamp"],
        "meterStart": request["meterStart"],
        "transactionId": 1,
        "status": "Accepted",
    }
    values = central.payloads("MeterValues")[0]["meterValue"][0]
    assert meter == {
        "kind": "meter",
        "chargePointId": "SIM0001",
        "transactionId": 1,
        "timestamp": values["timestamp"],
        "register": values["sampledValue"][0]["value"],
        "samples": len(values["sampledValue"]),
    }
    request = central.payloads("StopTransaction")[0]
    assert stop == {
        "kind": "stop",
        "chargePointId": "SIM0001",
        "transactionId": 1,
        "meterStop": request["meterStop"],
        "timestamp": request["timestamp"],
        "reason": "Local",
    }


async def test_a_fault_of_one_station_stays_its_own(
    autojump_clock: MockClock, central: Central, make_run: MakeRun, expected_errors: list[object]
) -> None:
    run = make_run(count=3)
    real = run.ledger.start

    def start(charge_point_id: str, request: dict[str, object], answer: dict[str, object]) -> None:
        if charge_point_id == "SIM0002":
            raise RuntimeError("broken")
        real(charge_point_id, request, answer)

    run.ledger.start = start  # type: ignore[method-assign]
    await fleet.play(run)
    summary = run.tally.as_json(3)
    assert (summary["sessionsCompleted"], summary["sessionsFailed"]) == (2, 1)
    assert len(expected_errors) == 1


async def test_no_more_connect_at_once_than_allowed(
    autojump_clock: MockClock, central: Central, make_run: MakeRun
) -> None:
    run = make_run(count=5, concurrency=2)
    opening = most = 0
    open_stream = run.endpoint.open_stream

    async def slow(tls: ssl.SSLContext | None) -> trio.abc.Stream:
        nonlocal opening, most
        opening += 1
        most = max(most, opening)
        await trio.sleep(1)
        opening -= 1
        return await open_stream(tls)

    run.endpoint = run.endpoint._replace(open_stream=slow)
    await fleet.play(run)
    assert most == 2
    assert run.tally.as_json(5)["sessionsCompleted"] == 5


def test_the_summary_in_words() -> None:
    tally = Tally()
    tally.energy_wh, tally.messages, tally.seconds = 12_345, 7, 1.5
    tally.close_codes[1001] = 2
    assert tally.as_text(3).splitlines() == [
        "stations: 3",
        "sessions: 0 completed, 0 refused, 0 failed",
        "messages sent: 7",
        "duration: 1.50 s",
        "energy: 12345 Wh (12.345 kWh)",
        "close codes: 1001 x 2",
    ]
    assert tally.as_json(3) == {
        "stations": 3,
        "sessionsCompleted": 0,
        "sessionsRefused": 0,
        "sessionsFailed": 0,
        "messages": 7,
        "seconds": 1.5,
        "energyWh": 12345,
        "closeCodes": {"1001": 2},
    }


def test_complaints_are_bounded(said: list[str]) -> None:
    tally = Tally(said.append)
    for number in range(100):
        tally.complain(str(number))
    assert said == [*map(str, range(20)), "more of this is only counted"]
    assert tally.complaints == 100


async def test_an_authorize_answered_by_callerror_fails_the_session(
    autojump_clock: MockClock, central: Central, make_run: MakeRun, said: list[str]
) -> None:
    central.answers["Authorize"] = CallRefused("InternalError", "no")
    run = make_run()
    await fleet.play(run)
    assert run.tally.as_json(1)["sessionsFailed"] == 1
    assert said == ["SIM0001: no session: InternalError: no"]


async def test_a_status_answered_by_callerror_is_said_and_survived(
    autojump_clock: MockClock, central: Central, make_run: MakeRun, said: list[str]
) -> None:
    central.answers["StatusNotification"] = CallRefused("InternalError", "no")
    run = make_run()
    await fleet.play(run)
    assert run.tally.as_json(1)["sessionsCompleted"] == 1
    assert said == ["SIM0001: StatusNotification: InternalError: no"] * 6
