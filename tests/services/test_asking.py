"""The manners of asking stations what nobody ordered."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from ocpp_trio.errors import StoreUnavailable
from ocpp_trio.services.asking import Question
from ocpp_trio.store import charge_points
from tests.services.conftest import OpenWatched
from tests.services.support import Obedient, Watched, told
from tests.support.station import TestStation, connect, connected

STATUS = Question("CP001", 1, "StatusNotification", 7, "silent")
METER = STATUS._replace(message="MeterValues")


async def joined(watched: Watched) -> Obedient:
    station = Obedient(await watched.connect(), watched.central)
    watched.nursery.start_soon(station.run)
    return station


async def test_nothing_in_the_first_minute_after_a_boot(
    autojump_clock: MockClock, watched: Watched
) -> None:
    asking, station = watched.asking(), await watched.connect()
    await trio.sleep(59.9)
    assert not asking.may_ask(STATUS)
    await trio.sleep(0.2)
    assert asking.may_ask(STATUS)
    await station.boot()
    await trio.sleep(59.9)
    assert not asking.may_ask(STATUS)
    await trio.sleep(0.2)
    assert asking.may_ask(STATUS)


async def test_a_boot_while_the_question_waits_puts_it_off(
    autojump_clock: MockClock, watched: Watched
) -> None:
    station = await watched.connect()
    await trio.sleep(100)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(watched.asking().ask, "test", [STATUS])
        await wait_all_tasks_blocked()
        await station.boot()
        with trio.move_on_after(100) as silence:
            await station.receive()
        assert silence.cancelled_caught


async def test_nor_in_the_first_minute_of_a_connection(
    autojump_clock: MockClock, watched: Watched
) -> None:
    async with connected(watched.system.listener) as station:
        await station.boot()
        await trio.sleep(100)
    await connect(watched.system.listener, watched.nursery)
    asking = watched.asking()
    await trio.sleep(59.9)
    assert not asking.may_ask(STATUS)
    await trio.sleep(0.2)
    assert asking.may_ask(STATUS)


async def test_strangers_and_those_who_are_not_there_are_not_asked(
    autojump_clock: MockClock, open_watched: OpenWatched
) -> None:
    async with open_watched(OCPP_UNKNOWN_CHARGE_POINTS="pending") as watched:
        asking = watched.asking()
        assert not asking.may_ask(STATUS)
        await watched.connect()
        await trio.sleep(100)
        assert not asking.may_ask(STATUS)
        watched.central.hub.set_registration("CP001", charge_points.ACCEPTED)
        assert asking.may_ask(STATUS)


async def test_the_commands_of_people_come_first(
    autojump_clock: MockClock, watched: Watched
) -> None:
    asking, station = watched.asking(), await watched.connect()
    await trio.sleep(100)
    watched.nursery.start_soon(clear_cache, watched)
    number = (await station.receive())[1]
    assert not asking.may_ask(STATUS)
    await asking.ask("test", [STATUS])
    assert len(await watched.fetch("SELECT * FROM commands")) == 1
    await station.send([3, number, {"status": "Accepted"}])
    await wait_all_tasks_blocked()
    assert asking.may_ask(STATUS)


async def clear_cache(watched: Watched) -> None:
    await watched.system.commands.execute("CP001", "ClearCache", {}, actor="person")


async def test_a_message_that_is_not_known_says_nothing_of_others(
    autojump_clock: MockClock, watched: Watched
) -> None:
    asking, station = watched.asking(), await joined(watched)
    await trio.sleep(100)
    station.answer = [3, {"status": "NotImplemented"}]
    await asking.ask("test", [STATUS])
    assert not asking.may_ask(STATUS)
    assert asking.may_ask(METER)
    station.answer = [4, "NotImplemented", "", {}]
    await asking.ask("test", [METER])
    assert not asking.may_ask(METER)
    booted = METER._replace(last_boot=8), STATUS._replace(last_boot=8)
    assert all(asking.may_ask(question) for question in booted)
    await asking.ask("test", booted[:1])
    assert not asking.may_ask(booted[1])


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ([3, {"status": "Rejected"}], "answer: Rejected"),
        ([4, "InternalError", "no idea", {}], "answer: InternalError: no idea"),
        ([3, {"status": "Perhaps"}], "answer: the answer breaks the schema"),
        (None, "answer: no answer within 30 s"),
    ],
)
async def test_other_answers_are_told_and_do_not_end_it(
    autojump_clock: MockClock, watched: Watched, answer: list[object] | None, words: str
) -> None:
    asking, station = watched.asking(), await joined(watched)
    await trio.sleep(100)
    station.answer = answer
    await asking.ask("test service", [STATUS])
    assert asking.may_ask(STATUS)
    ((point, level, message),) = told("test service")
    assert (point, level) == ("CP001", "INFO")
    assert words in message
    assert "why: silent" in message


async def test_a_station_whose_connection_dies_of_it_twice_is_left_alone(
    autojump_clock: MockClock, watched: Watched
) -> None:
    asking = watched.asking()
    for left in (1, 0):
        station = await watched.connect()
        await trio.sleep(100)
        assert asking.may_ask(STATUS)
        watched.nursery.start_soon(die, station)
        await asking.ask("test", [STATUS])
        assert ("until the server is restarted" in told("test")[-1][2]) == (left == 0)
    await watched.connect()
    await trio.sleep(100)
    assert not asking.may_ask(STATUS)


async def die(station: TestStation) -> None:
    await station.receive()
    await station.websocket.aclose()


async def test_one_that_fails_ends_no_other_question(
    autojump_clock: MockClock, watched: Watched
) -> None:
    stations = {}
    for name in ("CP001", "CP002"):
        stations[name] = Obedient(await watched.connect(name), watched.central)
        watched.nursery.start_soon(stations[name].run)
    await trio.sleep(100)
    stations["CP001"].answer = [4, "GenericError", "", {}]
    both = [STATUS, STATUS._replace(charge_point_id="CP002")]
    await watched.asking().ask("test", both)
    assert [len(station.asked) for station in stations.values()] == [1, 1]


async def test_a_database_that_fails_meanwhile_ends_no_service(
    autojump_clock: MockClock, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    station = await joined(watched)
    await trio.sleep(100)

    async def fail(*_: object) -> None:
        await trio.lowlevel.checkpoint()
        raise StoreUnavailable("disk full")

    monkeypatch.setattr(watched.database, "write", fail)
    await watched.asking().ask("test", [STATUS])
    assert "answer: disk full" in told("test")[0][2]
    assert station.asked == []
    monkeypatch.undo()
