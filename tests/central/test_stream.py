"""The way to the socket: all bytes, in their order, and the errors that Trio's streams raise."""

from __future__ import annotations

import socket
import struct
from collections.abc import AsyncIterator

import pytest
import trio

from ocpp_trio.central.stream import WatchedStream

pytestmark = pytest.mark.real

Ends = tuple[WatchedStream, trio.SocketStream, socket.socket]


@pytest.fixture
async def ends() -> AsyncIterator[Ends]:
    """The server's end, watched and as it is, and the station's."""
    listener = socket.create_server(("127.0.0.1", 0))
    theirs = socket.create_connection(listener.getsockname())
    ours, _ = listener.accept()
    listener.close()
    stream = trio.SocketStream(trio.socket.from_stdlib_socket(ours))
    with trio.fail_after(10):
        yield WatchedStream(stream), stream, theirs
    theirs.close()
    await stream.aclose()


async def read_all(sock: socket.socket, size: int) -> bytes:
    """As much as was sent, read by a thread."""

    def read() -> bytes:
        found = b""
        while len(found) < size:
            found += sock.recv(65536)
        return found

    return await trio.to_thread.run_sync(read)


async def test_what_a_socket_cannot_hold_is_sent_when_it_can(ends: Ends) -> None:
    watched, _, theirs = ends
    data = bytes(range(256)) * 40_000
    async with trio.open_nursery() as nursery:
        nursery.start_soon(watched.send_all, data)
        await trio.testing.wait_all_tasks_blocked()
        assert await read_all(theirs, len(data)) == data


async def test_what_comes_is_noted_and_read_in_order(ends: Ends) -> None:
    watched, _, theirs = ends
    before = watched.last_received
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.to_thread.run_sync, lambda: theirs.sendall(b"abcdef"))
        assert await watched.receive_some(4) == b"abcd"
    assert await watched.receive_some() == b"ef"
    assert watched.last_received > before
    theirs.close()
    assert await watched.receive_some() == b""


async def test_a_reset_breaks_the_stream(ends: Ends) -> None:
    watched, _, theirs = ends
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    theirs.close()
    with pytest.raises(trio.BrokenResourceError):
        await watched.receive_some()
    with pytest.raises(trio.BrokenResourceError):
        await watched.send_all(b"x")


async def test_a_closed_stream_says_so(ends: Ends) -> None:
    watched, stream, _ = ends
    async with trio.open_nursery() as nursery:

        async def wait() -> None:
            with pytest.raises(trio.ClosedResourceError):
                await watched.receive_some()

        nursery.start_soon(wait)
        await trio.testing.wait_all_tasks_blocked()
        await stream.aclose()
    with pytest.raises(trio.ClosedResourceError):
        await watched.receive_some()
    with pytest.raises(trio.ClosedResourceError):
        await watched.send_all(b"x")
