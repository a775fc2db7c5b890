"""Meter collection: asks about running transactions without readings, with manners."""

from __future__ import annotations

from functools import partial

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from ocpp_trio.domain.times import format_timestamp
from ocpp_trio.services.meter_collection import SOURCE, collect_meter_values
from tests.services.conftest import OpenWatched
from tests.services.support import Obedient, Watched, told
from tests.support.clock import HOUR
from tests.support.station import connect

ASKED = {"requestedMessage": "MeterValues", "connectorId": 1}


def collect(watched: Watched) -> None:
    watched.run(300, partial(collect_meter_values, watched.central, watched.asking()))


async def test_an_hour_with_a_station_that_sends_nothing_of_itself(
    autojump_clock: MockClock, watched: Watched
) -> None:
    station = await watched.charging()
    began = trio.current_time()
    collect(watched)
    await trio.sleep(3600)
    # A reading is 5 minutes old at the earliest, and then found within 5 minutes.
    assert 5 <= len(station.asked) <= 9
    assert station.questions == [ASKED] * len(station.asked)
    moments = [moment - began for moment, *_ in station.asked]
    assert moments[0] >= 300
    (transaction,) = await watched.fetch("SELECT * FROM transactions")
    assert transaction["register_wh"] == 2000 + 100 * len(station.asked)
    commands = await watched.fetch("SELECT * FROM commands")
    assert {(row["actor"], row["state"]) for row in commands} == {("meter-collection", "accepted")}
    assert len(commands) == len(station.asked)
    told_first, *_ = told(SOURCE)
    assert told_first[:2] == ("CP001", "INFO")
    for word in ("asked for MeterValues", "connector: 1", "no reading since its start", "Accepted"):
        assert word in told_first[2]


async def test_a_station_that_sends_its_readings_is_left_alone(
    autojump_clock: MockClock, watched: Watched
) -> None:
    station = await watched.charging()
    collect(watched)
    for _ in range(20):
        await trio.sleep(180)
        await station.send("MeterValues")
    assert station.asked == []


@pytest.mark.parametrize("ahead", [-2 * HOUR, 2 * HOUR])
async def test_readings_count_when_they_come_whatever_their_clock_says(
    autojump_clock: MockClock, watched: Watched, ahead: int
) -> None:
    station = await watched.charging()
    collect(watched)
    for minute in range(20):
        await trio.sleep(180)
        moment = format_timestamp(watched.central.now() + ahead)
        sampled = [{"value": str(3000 + minute)}]
        value = {"timestamp": moment, "sampledValue": sampled}
        payload = {"connectorId": 1, "transactionId": 1, "meterValue": [value]}
        await station.station.send([2, f"own{minute}", "MeterValues", payload])
    assert station.asked == []
    await wait_all_tasks_blocked()
    assert (await watched.fetch("SELECT register_wh FROM transactions"))[0]["register_wh"] == 3019


async def test_nobody_is_asked_who_has_no_transaction_or_is_gone(
    autojump_clock: MockClock, watched: Watched
) -> None:
    idle = Obedient(await watched.connect("IDLE"), watched.central)
    watched.nursery.start_soon(idle.run)
    gone = await watched.charging("GONE")
    await gone.station.websocket.aclose()
    collect(watched)
    await trio.sleep(3600)
    assert (idle.asked, gone.asked) == ([], [])
    assert await watched.fetch("SELECT * FROM commands") == []


@pytest.mark.parametrize(
    "answer",
    [
        [3, {"status": "NotImplemented"}],
        [4, "NotImplemented", "", {}],
        [4, "NotSupported", "what is that?", {}],
    ],
)
async def test_who_does_not_know_the_request_is_not_asked_again_before_its_next_boot(
    autojump_clock: MockClock, watched: Watched, answer: list[object]
) -> None:
    station = await watched.charging()
    station.answer = answer
    collect(watched)
    await trio.sleep(3600)
    assert len(station.asked) == 1
    assert "not asked again before its next boot" in told(SOURCE)[-1][2]
    # A new connection without a boot is the same software.
    await station.station.websocket.aclose()
    unbooted = await connect(watched.system.listener, watched.nursery)
    again = Obedient(unbooted, watched.central, transaction_id=1)
    watched.nursery.start_soon(again.run)
    await trio.sleep(3600)
    assert again.asked == []
    await again.station.websocket.aclose()
    booted = Obedient(await watched.connect(), watched.central, transaction_id=1)
    watched.nursery.start_soon(booted.run)
    await trio.sleep(600)
    assert booted.questions[0] == ASKED


async def test_stations_are_asked_one_by_one_over_a_minute(
    autojump_clock: MockClock, open_watched: OpenWatched
) -> None:
    async with open_watched(OCPP_ASKING_AT_ONCE="3") as watched:
        stations = [await watched.charging(f"CP{number}") for number in range(30)]
        await trio.sleep(400)
        await collect_meter_values(watched.central, watched.asking())
        moments = sorted(station.asked[0][0] for station in stations)
        assert [len(station.asked) for station in stations] == [1] * 30
        assert 20 < moments[-1] - moments[0] < 60
        assert len(set(moments)) == 30


async def test_one_question_for_each_connector(autojump_clock: MockClock, watched: Watched) -> None:
    station = await watched.charging()
    moment = format_timestamp(watched.central.now())
    for connector, meter in ((1, 5), (2, 0), (0, 0)):
        payload = {"connectorId": connector, "idTag": "TAG", "meterStart": meter}
        await station.station.send(
            [2, f"s{connector}", "StartTransaction", payload | {"timestamp": moment}]
        )
    await trio.sleep(400)
    await collect_meter_values(watched.central, watched.asking())
    assert [question["connectorId"] for question in station.questions] == [1, 2]
