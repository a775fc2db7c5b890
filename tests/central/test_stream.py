"""The way to the socket: all bytes, in their order, and the errors that Trio's streams raise."""

from __future__ import annotations

import gc
import socket
import struct
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from ocpp_trio.central.poller import Poller
from ocpp_trio.central.stream import Data, WatchedStream

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
        await wait_all_tasks_blocked()
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
        await wait_all_tasks_blocked()
        await stream.aclose()
    with pytest.raises(trio.ClosedResourceError):
        await watched.receive_some()
    with pytest.raises(trio.ClosedResourceError):
        await watched.send_all(b"x")


# Without a turn of the reader's task


class Direct:
    """The server's end of a connection that an own epoll watches. What comes is noted and begun;
    `todo` is what the reader is to do with it, taken from it once.
    """

    def __init__(self, stream: WatchedStream) -> None:
        self.stream = stream
        self.begun: list[bytes] = []
        self.todo: Callable[[Data], Awaitable[Data | None]] | None = None
        self.error: Exception | None = None
        stream.begin = self._begin

    def _begin(self, data: Data, now: float) -> Awaitable[Data | None] | None:
        self.begun.append(bytes(data))
        if self.error is not None:
            raise self.error
        todo, self.todo = self.todo, None
        return None if todo is None else todo(data)


@pytest.fixture
async def direct(ends: Ends) -> AsyncIterator[Direct]:
    _, stream, _ = ends
    poller = Poller()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(poller.run)
        await wait_all_tasks_blocked()
        watched = WatchedStream(stream, poller)
        assert watched.is_direct
        yield Direct(watched)
        nursery.cancel_scope.cancel()


class Reading:
    """A task that reads as trio-websocket's does: until there is an end or an error."""

    def __init__(self, stream: WatchedStream) -> None:
        self._stream = stream
        self.found: list[bytes] = []
        self.error = ""

    async def run(self) -> None:
        try:
            while not self.found or self.found[-1]:
                self.found.append(bytes(await self._stream.receive_some()))
        except Exception as error:
            self.error = type(error).__name__
        finally:
            self._stream.detach()


@pytest.fixture
async def reading(direct: Direct, nursery: trio.Nursery) -> Reading:
    task = Reading(direct.stream)
    nursery.start_soon(task.run)
    await wait_all_tasks_blocked()
    return task


async def test_what_is_begun_wakes_nobody(ends: Ends, direct: Direct, reading: Reading) -> None:
    theirs = ends[2]
    before = direct.stream.last_received
    for each in (b"one", b"two"):
        theirs.sendall(each)
        await wait_all_tasks_blocked()
    assert direct.begun == [b"one", b"two"]
    assert direct.stream.last_received > before
    theirs.shutdown(socket.SHUT_WR)
    await wait_all_tasks_blocked()
    assert (reading.found, reading.error) == ([b""], "")


async def test_what_is_left_to_the_reader_is_done_before_more_is_read(
    ends: Ends, direct: Direct, reading: Reading
) -> None:
    """Also if more comes while the reader is at it, and is not parked."""
    theirs = ends[2]
    may = trio.Event()

    async def slowly(data: Data) -> Data:
        await may.wait()
        return data.upper()

    async def nothing(data: Data) -> None:
        await trio.lowlevel.checkpoint()

    direct.todo = slowly
    theirs.sendall(b"one")
    await wait_all_tasks_blocked()
    for each in (b"two", b"three"):
        theirs.sendall(each)
        await wait_all_tasks_blocked()
    assert direct.begun == [b"one"]
    direct.todo = nothing
    may.set()
    await wait_all_tasks_blocked()
    assert reading.found == [b"ONE"]
    theirs.sendall(b"four")
    await wait_all_tasks_blocked()
    assert direct.begun == [b"one", b"twothree", b"four"]
    theirs.close()
    await wait_all_tasks_blocked()
    assert (reading.found, reading.error) == ([b"ONE", b""], "")


async def test_nothing_is_read_while_it_is_held(
    ends: Ends, direct: Direct, reading: Reading
) -> None:
    theirs = ends[2]
    direct.stream.hold()
    for each in (b"one", b"two"):
        theirs.sendall(each)
        await wait_all_tasks_blocked()
    theirs.shutdown(socket.SHUT_WR)
    await wait_all_tasks_blocked()
    assert (direct.begun, reading.found) == ([], [])
    direct.stream.release()
    await wait_all_tasks_blocked()
    assert (direct.begun, reading.found) == ([b"onetwo"], [b""])


@pytest.mark.parametrize("is_held", [True, False])
async def test_a_reset_is_told_to_the_reader(
    ends: Ends, direct: Direct, reading: Reading, is_held: bool
) -> None:
    theirs = ends[2]
    if is_held:
        direct.stream.hold()
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    theirs.close()
    await wait_all_tasks_blocked()
    assert reading.error == ("" if is_held else "BrokenResourceError")
    direct.stream.release()
    await wait_all_tasks_blocked()
    assert reading.error == "BrokenResourceError"


@pytest.mark.parametrize("is_held", [True, False])
async def test_a_close_wakes_the_reader_and_lets_go_of_the_number(
    ends: Ends, direct: Direct, reading: Reading, is_held: bool
) -> None:
    _, stream, _ = ends
    if is_held:
        direct.stream.hold()
    number = stream.socket.fileno()
    await trio.aclose_forcefully(direct.stream)
    # Whoever has the number now is not disturbed by what still becomes of the old one.
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert ours.fileno() == number
        newer = WatchedStream(
            trio.SocketStream(trio.socket.from_stdlib_socket(ours)), direct.stream._poller
        )
        other = Direct(newer)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(newer.receive_some)
            await wait_all_tasks_blocked()
            direct.stream.release()
            assert reading.error == "ClosedResourceError"
            theirs.sendall(b"for the newer")
            await wait_all_tasks_blocked()
            assert (other.begun, direct.begun) == ([b"for the newer"], [])
            nursery.cancel_scope.cancel()
        newer.detach()


async def test_a_reader_that_was_cancelled_is_not_woken(ends: Ends, direct: Direct) -> None:
    theirs = ends[2]
    with trio.CancelScope() as scope:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(direct.stream.receive_some)
            await wait_all_tasks_blocked()
            direct.stream.hold()
            scope.cancel()
            # Between the cancellation and the reader's turn.
            theirs.sendall(b"x")
            direct.stream.on_readable(0.0)
            direct.stream.release()
    await wait_all_tasks_blocked()
    assert direct.begun == []
    # A reader that comes later finds it.
    async with trio.open_nursery() as nursery:
        nursery.start_soon(direct.stream.receive_some)
        await wait_all_tasks_blocked()
        assert direct.begun == [b"x"]
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("how", ["close", "error", "reset"])
async def test_an_end_leaves_no_cycle(ends: Ends, direct: Direct, how: str) -> None:
    """Its traceback refers to what was at work, which must not refer to it."""
    theirs = ends[2]
    left: list[weakref.ref[Any]] = []

    class Frame:
        """Lives as long as the frame that has it."""

    async def read() -> None:
        of_frame = Frame()
        left.append(weakref.ref(of_frame))
        try:
            await direct.stream.receive_some()
        except (trio.ClosedResourceError, trio.BrokenResourceError, ValueError):
            return

    gc.disable()
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(read)
            await wait_all_tasks_blocked()
            if how == "close":
                await trio.aclose_forcefully(direct.stream)
            elif how == "reset":
                theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                theirs.close()
            else:
                direct.error = ValueError("a bug")
                theirs.sendall(b"x")
                await wait_all_tasks_blocked()
                direct.error = None
        assert left[0]() is None
    finally:
        gc.enable()


async def test_an_error_of_who_begins_is_the_readers(
    ends: Ends, direct: Direct, reading: Reading
) -> None:
    direct.error = KeyError("a bug")
    ends[2].sendall(b"x")
    await wait_all_tasks_blocked()
    assert reading.error == "KeyError"
    assert direct.stream.is_direct


async def test_what_could_not_be_sent_at_once_goes_first_and_once(
    ends: Ends, direct: Direct
) -> None:
    theirs, stream = ends[2], direct.stream
    many = bytes(range(256)) * 40_000
    assert stream.send_now(b"first ")
    assert not stream.send_now(many)
    assert not stream.send_now(b"second ")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stream.send_all, b"third ")
        await wait_all_tasks_blocked()
        # It is at work, and waits.
        stream.queue(b"fourth ")
        expected = b"first " + many + b"second third fourth fifth "
        size = len(expected) - len(b"fourth fifth ")
        assert await read_all(theirs, size) == expected[:size]
    await stream.send_all(b"")
    assert stream.send_now(b"fifth ")
    assert await read_all(theirs, len(b"fourth fifth ")) == b"fourth fifth "


async def test_without_a_poller_that_runs_the_reader_waits_by_itself(ends: Ends) -> None:
    _, stream, theirs = ends
    watched = WatchedStream(stream, Poller())
    direct = Direct(watched)
    assert not watched.is_direct
    theirs.sendall(b"abc")
    assert await watched.receive_some() == b"abc"
    assert direct.begun == []
