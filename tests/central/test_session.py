"""What a station is answered, message by message."""

import contextlib
import gc
import json
import weakref
from typing import Any

import pytest
import trio
from trio.testing import MockClock
from trio_websocket import ConnectionClosed

from ocpp_trio.central import handlers
from ocpp_trio.domain.times import parse_timestamp
from ocpp_trio.errors import StoreUnavailable
from ocpp_trio.store import charge_points, connectors, meter_values, review, transactions
from tests.central.conftest import OpenSystem, System
from tests.support.clock import SECOND, FakeNow
from tests.support.faults import driver_of
from tests.support.station import Refused, TestStation, connect, connected, refusal

START = {
    "connectorId": 1,
    "idTag": "TAG",
    "meterStart": 0,
    "timestamp": "2026-11-23T08:00:00Z",
}


async def test_a_whole_session(autojump_clock: MockClock, system: System, now: FakeNow) -> None:
    database = system.central.database
    async with connected(system.listener) as station:
        boot = await station.boot()
        assert boot["interval"] == 60
        assert parse_timestamp(boot["currentTime"]) == now()
        for connector in (0, 1):
            status = {"connectorId": connector, "status": "Available", "errorCode": "NoError"}
            assert await station.call("StatusNotification", status) == {}
        authorized = await station.call("Authorize", {"idTag": "tag"})
        assert authorized == {"idTagInfo": {"status": "Accepted"}}
        started = await station.start()
        assert started["idTagInfo"] == {"status": "Accepted"}
        number = started["transactionId"]
        for minute in (1, 2, 3):
            assert await station.meter(number, 1000 + 500 * minute, minute) == {}
        running = await database.read(transactions.find, number)
        assert running is not None
        assert running["register_wh"] == 2500
        stopped = await station.stop(number, idTag="TAG", reason="EVDisconnected")
        assert stopped == {"idTagInfo": {"status": "Accepted"}}
        assert await station.stop(number + 1) == {}
    row = await database.read(transactions.find, number)
    assert row is not None
    assert (row["is_complete"], row["meter_stop"], row["stop_reason"]) == (
        1,
        3500,
        "EVDisconnected",
    )
    assert len(await database.read(meter_values.of_transaction, number)) == 3
    assert len(await database.read(connectors.of_charge_point, "CP001")) == 2
    assert len(await database.read(review.of_charge_point, "CP001")) == 1


async def test_nothing_but_a_boot_before_the_first_boot(
    autojump_clock: MockClock, system: System
) -> None:
    async with connected(system.listener) as station:
        for send in (station.start(), station.call("Heartbeat", {})):
            with pytest.raises(Refused) as refused:
                await send
            assert refused.value.args[0] == "SecurityError"
        kept = await system.central.database.read(review.of_charge_point, "CP001")
        assert [item["action"] for item in kept] == ["StartTransaction"]
        assert json.loads(kept[0]["message"])["idTag"] == "TAG"
        await station.boot()
        assert (await station.start())["transactionId"] > 0


async def test_a_station_that_booted_before_may_just_go_on(
    autojump_clock: MockClock, system: System
) -> None:
    async with connected(system.listener) as station:
        await station.boot()
    async with connected(system.listener) as station:
        assert (await station.start())["transactionId"] > 0


async def test_a_retried_start_gets_its_first_answer_on_any_connection(
    autojump_clock: MockClock, system: System
) -> None:
    async with connected(system.listener) as station:
        await station.boot()
        first = await station.start()
        assert await station.start() == first
    async with connected(system.listener) as station:
        assert await station.start() == first
        assert await station.start(timestamp="2026-11-23T08:00:01Z") != first


async def test_a_repeated_message_id_gets_the_same_answer(
    autojump_clock: MockClock, system: System, now: FakeNow
) -> None:
    async with connected(system.listener) as station:
        await station.boot()
        first = await station.call("Heartbeat", {}, "same")
        now.ms += 5 * SECOND
        assert await station.call("Heartbeat", {}, "same") == first
        assert await station.call("Heartbeat", {}, "other") != first
        other = await station.call("Authorize", {"idTag": "TAG"}, "same")
        assert other == {"idTagInfo": {"status": "Accepted"}}


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ('[2,"1","Nope",{}]', "NotImplemented"),
        ('[2,"1","Reset",{"type":"Soft"}]', "NotSupported"),
        ('[2,"1","Authorize",{}]', "OccurenceConstraintViolation"),
        ('[2,"1","Authorize",{"idTag":5}]', "TypeConstraintViolation"),
        ('[2,"1","Authorize",{"idTag":"' + "x" * 21 + '"}]', "PropertyConstraintViolation"),
        ('[2,"1","Authorize",[]]', "FormationViolation"),
        ('[2,"1","Heartbeat"]', "FormationViolation"),
        ('[2,"1","StatusNotification",{"connectorId":NaN}]', "FormationViolation"),
        ('[2,"1","Authorize",{"idTag":"\\ud800"}]', "FormationViolation"),
    ],
)
async def test_errors_are_answered_and_the_connection_lives(
    autojump_clock: MockClock, system: System, frame: str, code: str
) -> None:
    async with connected(system.listener) as station:
        await station.boot()
        await station.send(frame)
        kind, number, answered, _, details = await station.receive()
        assert (kind, number, answered, details) == (4, "1", code, {})
        assert await station.call("Heartbeat", {})


async def test_unreadable_messages_are_ignored_and_end_the_connection_when_many(
    autojump_clock: MockClock,
    system: System,
) -> None:
    async with connected(system.listener) as station:
        await station.boot()
        for text in ("[" * 100_000, "", "[]", '[9,"x"]', "null", '[3,"x",{}]', "   "):
            await station.send(text)
        assert await station.call("Heartbeat", {})
        for _ in range(5):
            await station.send("nonsense")
        assert await station.close_code() == 1007


async def test_a_binary_message_ends_the_connection(
    autojump_clock: MockClock, system: System
) -> None:
    async with connected(system.listener) as station:
        await station.websocket.send_message(b"\x00")
        assert await station.close_code() == 1003


async def test_a_message_too_large_ends_the_connection(
    autojump_clock: MockClock, system: System
) -> None:
    async with connected(system.listener) as station:
        await station.send('[2,"1","Authorize",{"idTag":"' + "x" * 1_100_000 + '"}]')
        assert await station.close_code() == 1009


async def test_a_flood_of_empty_fragments_ends_the_connection(
    autojump_clock: MockClock, system: System
) -> None:
    async with connected(system.listener) as station:
        stream = station.websocket._stream
        await stream.send_all(b"\x01\x80\0\0\0\0" + b"\x00\x80\0\0\0\0" * 5_000)
        assert await station.close_code() == 1008


@pytest.mark.parametrize(
    "error",
    [
        Exception("any"),
        ExceptionGroup("inside", [KeyError("x")]),
        RecursionError("maximum recursion depth exceeded"),
        KeyError("x"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_a_broken_handler_costs_one_message_not_the_connection(
    autojump_clock: MockClock,
    system: System,
    monkeypatch: pytest.MonkeyPatch,
    expected_errors: list[Any],
    error: Exception,
) -> None:
    async def broken(*_: object) -> dict[str, Any]:
        raise error

    monkeypatch.setitem(handlers.HANDLERS, "Authorize", broken)
    async with connected(system.listener) as station:
        await station.boot()
        for _ in range(4):
            with pytest.raises(Refused, match="InternalError"):
                await station.call("Authorize", {"idTag": "TAG"})
        assert await station.call("Heartbeat", {})
        await station.send([2, "last", "Authorize", {"idTag": "TAG"}])
        assert await station.close_code() == 1011
    assert len(expected_errors) == 5


async def test_a_failing_database_is_answered_with_an_error_then_stations_go_offline(
    autojump_clock: MockClock, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise StoreUnavailable("disk full")

    async with connected(system.listener) as station:
        await station.boot()
        monkeypatch.setattr(driver_of(system.central.database), "run_batch", full)
        with pytest.raises(Refused, match="InternalError"):
            await station.start()
        before = trio.current_time()
        assert await station.close_code() == 1013
        assert trio.current_time() - before <= 12


async def test_stations_come_back_when_the_database_does(
    autojump_clock: MockClock, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise StoreUnavailable("disk full")

    driver = driver_of(system.central.database)
    async with connected(system.listener) as station:
        await station.boot()
        with monkeypatch.context() as failing:
            failing.setattr(driver, "run_batch", full)
            with pytest.raises(Refused, match="InternalError"):
                await station.start()
            assert await station.close_code() == 1013
            assert await refusal(system.listener) == 503
            await trio.sleep(60)
            assert await refusal(system.listener) == 503
    await trio.sleep(2)
    assert system.central.database.failing_for() == 0
    async with connected(system.listener) as station:
        assert (await station.start())["transactionId"] > 0


async def test_a_dead_link_is_found(autojump_clock: MockClock, system: System) -> None:
    async with trio.open_nursery() as nursery:
        station = await connect(system.listener, nursery)
        await station.boot()
        # The station stops reading: pings are neither seen nor answered.
        station.websocket._reader_running = False
        await station.send([2, "last", "Heartbeat", {}])
        before = trio.current_time()
        with trio.fail_after(90):
            while system.central.hub.connected("CP001"):  # noqa: ASYNC110 - as an operator would
                await trio.sleep(1)
        assert trio.current_time() - before >= 40
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    row = await system.central.database.read(charge_points.find, "CP001")
    assert row is not None
    assert row["disconnect_reason"] == "the station no longer answers"


async def test_a_message_in_work_is_answered_before_the_connection_is_closed(
    autojump_clock: MockClock, system: System
) -> None:
    async with connected(system.listener) as station:
        await station.boot()
        await station.send([2, "start", "StartTransaction", START])
        session = system.central.hub.get("CP001")
        assert session is not None
        while not session.is_handling:
            await trio.lowlevel.checkpoint()
        system.central.hub.end_all(1001, "the server is stopping")
        assert (await station.receive())[:2] == [3, "start"]
        before = trio.current_time()
        assert await station.close_code() == 1001
        await trio.testing.wait_all_tasks_blocked()
        assert not system.central.hub.connected("CP001")
        row = await system.central.database.read(charge_points.find, "CP001")
        assert row is not None
        assert row["disconnect_reason"] == "the server is stopping"
        assert trio.current_time() == before, "an answered close takes no time"


async def test_a_silent_station_that_answers_pings_stays(
    autojump_clock: MockClock, system: System
) -> None:
    async with connected(system.listener) as station:
        await station.boot()
        await trio.sleep(3600)
        assert system.central.hub.connected("CP001")
        assert await station.call("Heartbeat", {})


async def test_heartbeats_are_written_in_batches(
    autojump_clock: MockClock, system: System, now: FakeNow
) -> None:
    async with connected(system.listener) as station:
        await station.boot()
        now.ms += SECOND
        await station.call("Heartbeat", {})
        await system.central.presence.write(system.central.database)
    row = await system.central.database.read(charge_points.find, "CP001")
    assert row is not None
    assert row["last_heartbeat"] == now()


async def test_the_end_of_a_connection_is_on_record(
    autojump_clock: MockClock, system: System
) -> None:
    async with connected(system.listener) as station:
        await station.boot()
    await trio.testing.wait_all_tasks_blocked()
    row = await system.central.database.read(charge_points.find, "CP001")
    assert row is not None
    assert (row["is_connected"], row["disconnect_reason"]) == (0, "closed with 1000")


async def test_a_writer_that_dies_answers_nobody(
    autojump_clock: MockClock, open_system: OpenSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even with an error: offline, the station keeps its transaction and sends it again."""
    frames: list[Any] = []

    async def listen(station: TestStation) -> None:
        with contextlib.suppress(ConnectionClosed):
            while True:
                frames.append(await station.receive())

    def die(*_: object) -> None:
        raise SystemExit

    with pytest.raises(BaseExceptionGroup) as caught:  # noqa: PT012 - it ends the whole block
        async with trio.open_nursery() as nursery, open_system() as system:
            station = await connect(system.listener, nursery)
            await station.boot()
            nursery.start_soon(listen, station)
            monkeypatch.setattr(driver_of(system.central.database), "run_batch", die)
            await station.send([2, "start", "StartTransaction", START])
            await trio.sleep_forever()
    assert caught.group_contains(SystemExit)
    assert frames == []


@pytest.mark.parametrize("is_closed", [True, False])
async def test_a_connection_that_ended_leaves_nothing_to_be_collected(
    autojump_clock: MockClock, system: System, is_closed: bool
) -> None:
    gc.disable()
    try:
        async with trio.open_nursery() as nursery:
            station = await connect(system.listener, nursery)
            await station.boot()
            await station.start()
            session = system.central.hub.get("CP001")
            assert session is not None
            left = [
                weakref.ref(each)
                for each in (session, session.carrier, session._transport._websocket)
            ]
            del session
            if is_closed:
                await station.websocket.aclose()
            nursery.cancel_scope.cancel()
        await trio.testing.wait_all_tasks_blocked()
        assert [ref() for ref in left] == [None, None, None]
    finally:
        gc.enable()
