"""Who is let in, and who is not."""

import contextlib
from typing import Any

import pytest
import trio
from trio.testing import MockClock, memory_stream_pair

from ocpp_trio.errors import StoreUnavailable
from ocpp_trio.store import charge_points, security_events
from tests.central.conftest import OpenSystem, System
from tests.support.clock import FakeNow
from tests.support.station import connect, connected, refusal

HANDSHAKE = (
    b"GET /%s HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    b"Sec-WebSocket-Protocol: ocpp1.6\r\n\r\n"
)

HOSTILE = {
    "host is not text": HANDSHAKE.replace(b"Host: test", b"Host: \xff"),
    "host is broken punycode": HANDSHAKE.replace(b"Host: test", b"Host: xn--999999999"),
    "connection is not text": HANDSHAKE.replace(b"Connection: Upgrade", b"Connection: \xff"),
    "subprotocol is not text": HANDSHAKE.replace(b"ocpp1.6", b"\xff"),
    "extension is not text": HANDSHAKE.replace(
        b"\r\n\r\n", b"\r\nSec-WebSocket-Extensions: \xff\r\n\r\n"
    ),
    "not HTTP": b"\x16\x03\x01\x02\x00" + b"\x00" * 600,
    "plain request": b"GET / HTTP/1.1\r\nHost: test\r\n\r\n",
    "wrong version": HANDSHAKE.replace(b": 13", b": 99"),
    "endless header": b"GET / HTTP/1.1\r\nX: " + b"a" * 200_000,
    "path is not text": HANDSHAKE.replace(b"/%s", b"/\xff\xfe"),
    "nothing but line ends": b"\r\n" * 5_000,
    "no key": HANDSHAKE.replace(b"Sec-WebSocket-Key", b"X-Key"),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_hostile_handshakes_end_only_themselves(
    autojump_clock: MockClock, system: System, name: str
) -> None:
    ours, theirs = memory_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(system.listener.serve_stream, theirs)
        with trio.move_on_after(60):
            await ours.send_all(HOSTILE[name])
            while await ours.receive_some():
                pass
        await ours.aclose()
    async with connected(system.listener) as station:
        assert (await station.boot())["status"] == "Accepted"


async def test_a_silent_or_slow_peer_is_dropped_in_time(
    autojump_clock: MockClock, system: System
) -> None:
    ours, theirs = memory_stream_pair()
    started = trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(system.listener.serve_stream, theirs)
        with contextlib.suppress(trio.BrokenResourceError):
            for byte in HANDSHAKE:
                await ours.send_all(bytes([byte]))
                await trio.sleep(1)
    assert trio.current_time() - started <= 12


async def test_only_the_subprotocol_of_ocpp_16_is_taken(
    autojump_clock: MockClock, system: System
) -> None:
    assert await refusal(system.listener, subprotocols=("ocpp2.0.1",)) == 400
    assert await refusal(system.listener, subprotocols=("ocpp0.1",)) == 400
    assert await refusal(system.listener, subprotocols=()) == 400
    assert await refusal(system.listener, subprotocols=("OCPP1.6",)) == 400
    async with connected(system.listener, subprotocols=("ocpp0.1", "ocpp1.6")) as station:
        assert station.websocket.subprotocol == "ocpp1.6"


async def test_stations_without_subprotocol_can_be_admitted(
    autojump_clock: MockClock, open_system: OpenSystem
) -> None:
    async with open_system(OCPP_REQUIRE_SUBPROTOCOL="false") as system:
        async with connected(system.listener, subprotocols=()) as station:
            assert station.websocket.subprotocol is None
            assert (await station.boot())["status"] == "Accepted"
        assert await refusal(system.listener, subprotocols=("ocpp2.0.1",)) == 400


async def test_a_path_without_an_id_is_not_found(autojump_clock: MockClock, system: System) -> None:
    assert await refusal(system.listener, "/") == 404
    assert await refusal(system.listener, "/CP%00") == 404


async def test_unknown_stations_by_policy(
    autojump_clock: MockClock, open_system: OpenSystem, now: FakeNow
) -> None:
    async with open_system(OCPP_UNKNOWN_CHARGE_POINTS="reject") as system:
        assert await refusal(system.listener) == 404
        assert await system.central.database.read(charge_points.find, "CP001") is None
        await system.central.database.write(
            charge_points.register, "CP001", charge_points.ACCEPTED, {}, now()
        )
        async with connected(system.listener) as station:
            assert (await station.boot())["status"] == "Accepted"


async def test_strangers_wait_until_they_are_adopted(
    autojump_clock: MockClock, open_system: OpenSystem, now: FakeNow
) -> None:
    async with open_system(
        OCPP_UNKNOWN_CHARGE_POINTS="pending", OCPP_MAX_PENDING="1", OCPP_PENDING_RETRY="100"
    ) as system:
        database = system.central.database
        async with connected(system.listener) as station:
            answer = await station.boot()
            assert answer["status"] == "Pending"
            assert 80 <= answer["interval"] <= 120
            assert await refusal(system.listener, "/CP002") == 404
            await database.write(
                charge_points.set_registration, "CP001", charge_points.ACCEPTED, now()
            )
            system.central.hub.set_registration("CP001", charge_points.ACCEPTED)
            answer = await station.boot()
            assert answer["status"] == "Accepted"
            assert answer["interval"] == 60


async def test_who_comes_through_a_proxy_is_not_local(
    autojump_clock: MockClock, system: System
) -> None:
    headers = [(b"X-Forwarded-For", b"203.0.113.7")]
    async with connected(system.listener, headers=headers) as station:
        assert (await station.boot())["status"] == "Pending"


async def test_the_newest_connection_wins_at_once(
    autojump_clock: MockClock, system: System
) -> None:
    async with trio.open_nursery() as nursery:
        first = await connect(system.listener, nursery)
        await first.boot()
        session = system.central.hub.get("CP001")
        second = await connect(system.listener, nursery)
        assert await first.close_code() == 1008
        assert await second.call("Heartbeat", {})
        await trio.testing.wait_all_tasks_blocked()
        assert system.central.hub.get("CP001") is not session
        row = await system.central.database.read(charge_points.find, "CP001")
        assert row is not None
        assert row["is_connected"] == 1
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("trouble", ["the database fails", "it takes too long"])
async def test_a_connection_that_replaced_another_runs_whatever_becomes_of_counting_it(
    autojump_clock: MockClock, system: System, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    async def note(*_: object) -> bool:
        if trouble == "the database fails":
            raise StoreUnavailable("no")
        await trio.sleep(15)
        return False

    monkeypatch.setattr(system.central.replacements, "note", note)
    async with trio.open_nursery() as nursery:
        first = await connect(system.listener, nursery)
        await first.boot()
        second = await connect(system.listener, nursery)
        assert await first.close_code() == 1008
        assert await second.call("Heartbeat", {})
        await second.websocket.aclose()
        await trio.testing.wait_all_tasks_blocked()
        assert not system.central.hub.connected("CP001")
        nursery.cancel_scope.cancel()


async def test_an_older_connection_that_never_answers_the_close_does_not_delay(
    autojump_clock: MockClock,
    system: System,
) -> None:
    ours, theirs = memory_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(system.listener.serve_stream, theirs)
        await ours.send_all(HANDSHAKE % b"CP001")
        assert b"101" in await ours.receive_some()
        before = trio.current_time()
        second = await connect(system.listener, nursery)
        await second.boot()
        assert trio.current_time() == before
        nursery.cancel_scope.cancel()


async def test_past_the_bound_the_oldest_handshake_is_dropped(
    autojump_clock: MockClock, open_system: OpenSystem
) -> None:
    async with open_system(OCPP_MAX_HANDSHAKES="1") as system, trio.open_nursery() as nursery:
        ours, theirs = memory_stream_pair()
        nursery.start_soon(system.listener.serve_stream, theirs)
        await trio.testing.wait_all_tasks_blocked()
        async with connected(system.listener) as station:
            assert await station.boot()
        assert await ours.receive_some() == b""


async def test_who_replaces_its_connection_too_often_is_turned_away_for_a_while(
    autojump_clock: MockClock, open_system: OpenSystem, now: FakeNow
) -> None:
    async with (
        open_system(OCPP_REPLACEMENTS="3", OCPP_REPLACEMENT_BLOCK="600") as system,
        trio.open_nursery() as nursery,
    ):
        database = system.central.database
        for _ in range(4):
            await (await connect(system.listener, nursery)).boot()
        last = await connect(system.listener, nursery)
        assert await last.close_code() == 1008
        await trio.testing.wait_all_tasks_blocked()
        assert len(system.central.hub) == 0
        assert await refusal(system.listener) == 429
        async with connected(system.listener, "/CP002"):
            pass
        events = await database.read(
            security_events.listing.page, security_events.Filter("CP001"), None, 10, 0
        )
        assert [event["type"] for event in events] == ["ConnectionReplacedTooOften"]
        now.ms += 600_000
        async with connected(system.listener):
            pass
        nursery.cancel_scope.cancel()


async def test_replacements_now_and_then_are_nothing(
    autojump_clock: MockClock, open_system: OpenSystem
) -> None:
    async with open_system(OCPP_REPLACEMENTS="3") as system, trio.open_nursery() as nursery:
        for _ in range(10):
            await (await connect(system.listener, nursery)).boot()
            await trio.sleep(1900)
        assert len(system.central.hub) == 1
        nursery.cancel_scope.cancel()


async def test_thousands_at_once_do_not_stand_before_what_others_ask(
    autojump_clock: MockClock, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_ups = system.central.database._look_ups
    gate, asked = trio.Event(), 0
    read = look_ups._run_reader

    async def held(*arguments: Any) -> Any:
        nonlocal asked
        asked += 1
        await gate.wait()
        return await read(*arguments)

    monkeypatch.setattr(look_ups, "_run_reader", held)
    async with trio.open_nursery() as nursery:
        for number in range(50):
            nursery.start_soon(connect, system.listener, nursery, f"/CP{number}")
        await trio.testing.wait_all_tasks_blocked()
        assert asked == 1
        gate.set()
        await trio.testing.wait_all_tasks_blocked()
        assert len(system.central.hub) == 50
        assert asked < 10, "those that waited were looked up together"
        nursery.cancel_scope.cancel()
