"""What one peer may take: it waits, or loses its own connection, and is counted; others notice
nothing.
"""

from __future__ import annotations

import struct
from typing import Any

import pytest
import trio
from trio.testing import MockClock, memory_stream_pair, wait_all_tasks_blocked

from ocpp_trio.limits import Counts
from tests.central.conftest import OpenSystem, System
from tests.support.station import connect, connected, refusal

UPGRADE = (
    b"GET /CP001 HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    b"Sec-WebSocket-Protocol: ocpp1.6\r\n\r\n"
)


def counted(system: System) -> dict[str, int]:
    """The limits that were reached."""
    return system.central.counts.since(Counts())


async def test_a_flood_is_made_to_wait_and_no_message_is_lost(
    autojump_clock: MockClock, open_system: OpenSystem
) -> None:
    variables = {"OCPP_MESSAGE_RATE": "20", "OCPP_MESSAGE_BURST": "50"}
    async with open_system(**variables) as system, connected(system.listener) as station:
        await station.boot()
        before = trio.current_time()
        for number in range(449):
            await station.send([2, f"f{number}", "Heartbeat", {}])
        async with connected(system.listener, "/CP002") as neighbour:
            await neighbour.boot()
            assert trio.current_time() == before, "nobody else waits"
        for number in range(449):
            assert (await station.receive())[:2] == [3, f"f{number}"]
        assert trio.current_time() - before == pytest.approx(400 / 20, rel=0.05)
        # It was heard all the time: no ping found it dead.
        assert counted(system) == {"messages_delayed": pytest.approx(400, abs=2)}
        await trio.sleep(60)
        before = trio.current_time()
        assert await station.call("Heartbeat", {})
        assert trio.current_time() == before


async def test_a_flooder_of_hours_stays_connected(
    autojump_clock: MockClock, open_system: OpenSystem
) -> None:
    variables = {"OCPP_MESSAGE_RATE": "10", "OCPP_MESSAGE_BURST": "1"}
    async with open_system(**variables) as system, trio.open_nursery() as nursery:
        ours, theirs = memory_stream_pair()
        nursery.start_soon(system.listener.serve_stream, theirs)
        await ours.send_all(UPGRADE)
        # In one piece: while it is worked off, nothing more is received.
        await ours.send_all(b"\x8a\x80\0\0\0\0" * 36_000)
        await trio.sleep(3500)
        assert system.central.hub.connected("CP001")
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("opcode", [b"\x89", b"\x8a"], ids=["ping", "pong"])
async def test_control_frames_count(
    autojump_clock: MockClock, open_system: OpenSystem, opcode: bytes
) -> None:
    variables = {"OCPP_MESSAGE_RATE": "100", "OCPP_MESSAGE_BURST": "100"}
    async with open_system(**variables) as system, connected(system.listener) as station:
        await station.boot()
        before = trio.current_time()
        await station.websocket._stream.send_all((opcode + b"\x80\0\0\0\0") * 1_000)
        assert await station.call("Heartbeat", {})
        assert trio.current_time() - before == pytest.approx(9, rel=0.05)


async def test_a_message_may_come_in_many_pieces_but_not_in_many_frames(
    autojump_clock: MockClock, open_system: OpenSystem
) -> None:
    text = b'[2,"1","Heartbeat",{}]' + b" " * 65_500
    frame = b"\x81\xfe" + struct.pack("!H", len(text[:65_535])) + b"\0\0\0\0" + text[:65_535]
    async with open_system(OCPP_MAX_FRAGMENTS="10") as system:
        async with connected(system.listener) as station:
            await station.boot()
            for start in range(0, len(frame), 13):
                await station.websocket._stream.send_all(frame[start : start + 13])
                await wait_all_tasks_blocked()
            assert (await station.receive())[:2] == [3, "1"]
            # Nine frames and the last are ten.
            first, more, last = b"\x01\x81\0\0\0\0[", b"\x00\x80\0\0\0\0", b"\x80\x81\0\0\0\0]"
            await station.websocket._stream.send_all(first + more * 8 + last)
            assert await station.call("Heartbeat", {})
            await station.websocket._stream.send_all(first + more * 9 + last)
            assert await station.close_code() == 1008
        assert counted(system) == {"messages_unusable": 1, "messages_in_too_many_frames": 1}


async def test_as_many_unusable_messages_as_set_end_the_connection(
    autojump_clock: MockClock, open_system: OpenSystem
) -> None:
    async with open_system(OCPP_MAX_UNUSABLE="3") as system, connected(system.listener) as station:
        await station.boot()
        for _ in range(2):
            await station.send("[]")
        await trio.sleep(61)
        for _ in range(3):
            await station.send("[]")
        assert await station.close_code() == 1007
        assert counted(system) == {"messages_unusable": 5}


class Deaf(trio.abc.Stream):
    """A stream whose peer stops reading: from then on no send gets through."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream
        self.is_deaf = False
        self._closed = trio.Event()

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        if self.is_deaf:
            await self._closed.wait()
            raise trio.ClosedResourceError
        await self._stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self._stream.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        return await self._stream.receive_some(max_bytes)

    async def aclose(self) -> None:
        self._closed.set()
        await self._stream.aclose()


async def test_who_does_not_read_is_cut_off(autojump_clock: MockClock, system: System) -> None:
    ours, theirs = memory_stream_pair()
    stream = Deaf(theirs)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(system.listener.serve_stream, stream)
        await ours.send_all(UPGRADE)
        while not system.central.hub.connected("CP001"):  # noqa: ASYNC110
            await trio.sleep(0.1)
        stream.is_deaf = True
        call = b'[2,"1","Heartbeat",{}]'
        before = trio.current_time()
        await ours.send_all(bytes((0x81, 0x80 | len(call), 0, 0, 0, 0)) + call)
        with trio.fail_after(20):
            while await ours.receive_some():
                pass
        assert trio.current_time() - before == pytest.approx(10, abs=2)
    assert not system.central.hub.connected("CP001")
    assert counted(system) == {"sends_stuck": 1}


async def test_past_the_bound_of_one_address_its_oldest_handshake_is_dropped(
    autojump_clock: MockClock, open_system: OpenSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    addresses: dict[object, str] = {}
    monkeypatch.setattr(
        "ocpp_trio.central.listener._remote_address", lambda stream: addresses[id(stream)]
    )
    async with (
        open_system(OCPP_MAX_WAITING_PER_ADDRESS="2", OCPP_WAITING_GRACE="0") as system,
        trio.open_nursery() as nursery,
    ):

        async def half(address: str) -> trio.abc.Stream:
            ours, theirs = memory_stream_pair()
            addresses[id(theirs)] = f"{address}:4711"
            nursery.start_soon(system.listener.serve_stream, theirs)
            await ours.send_all(UPGRADE[:40])
            await wait_all_tasks_blocked()
            return ours

        elsewhere = await half("192.0.2.9")
        first, second, third = [await half("192.0.2.1") for _ in range(3)]
        assert await first.receive_some() == b""
        # The rest of the address, and everybody else, may go on.
        for number, stream in enumerate((elsewhere, second, third)):
            await stream.send_all(UPGRADE[40:])
            assert b" 101 " in await stream.receive_some(), number
        assert counted(system) == {"handshakes_dropped": 1}
        nursery.cancel_scope.cancel()


async def test_handshakes_that_are_slow_or_broken_are_counted(
    autojump_clock: MockClock, system: System
) -> None:
    for sent in (UPGRADE[:40], b"\x00\xff" * 500):
        ours, theirs = memory_stream_pair()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(system.listener.serve_stream, theirs)
            await ours.send_all(sent)
    assert counted(system) == {"handshakes_timed_out": 1, "connections_broken": 1}


async def test_as_many_stations_as_may_be_and_a_known_one_may_come_back(
    autojump_clock: MockClock, open_system: OpenSystem
) -> None:
    async with (
        open_system(OCPP_MAX_CONNECTIONS="2") as system,
        connected(system.listener, "/CP001") as first,
        connected(system.listener, "/CP002") as second,
    ):
        await first.boot()
        for _ in range(3):
            assert await refusal(system.listener, "/CP003") == 503
        async with trio.open_nursery() as nursery:
            again = await connect(system.listener, nursery, "/CP001")
            assert await first.close_code() == 1008
            assert await again.call("Heartbeat", {})
            assert await second.boot()
            await again.websocket.aclose()
            await wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
        async with connected(system.listener, "/CP003") as third:
            assert await third.boot()
        assert counted(system) == {"connections_refused": 3}


class Counting(Deaf):
    """A stream that counts what is taken from it."""

    taken = 0

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        data = await super().receive_some(max_bytes)
        self.taken += len(data)
        return data


async def test_nothing_piles_up_behind_a_handshake_that_is_not_answered_yet(
    autojump_clock: MockClock, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = memory_stream_pair()
    stream = Counting(theirs)
    write, decide = system.central.database.write, trio.Event()

    async def slow(*work: Any) -> Any:
        await decide.wait()
        return await write(*work)

    monkeypatch.setattr(system.central.database, "write", slow)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(system.listener.serve_stream, stream)
        call = b'[2,"early","Heartbeat",{}]'
        frame = bytes((0x81, 0x80 | len(call), 0, 0, 0, 0)) + call
        await ours.send_all(UPGRADE + frame + b"\x8a\x80\0\0\0\0" * 100_000)
        await wait_all_tasks_blocked()
        assert stream.taken <= 8192
        decide.set()
        # What came too early counts all the same.
        answer = b""
        while b'[4,"early","SecurityError"' not in answer:
            piece = await ours.receive_some()
            assert piece, answer
            answer += piece
        nursery.cancel_scope.cancel()
