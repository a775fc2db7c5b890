"""The bytes of one connection: when its peer was last heard, and the shortest way to its socket."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable

import trio

from ocpp_trio.central.poller import Poller

DEFAULT_SIZE = 4096

Data = bytes | bytearray


class WatchedStream(trio.abc.Stream):
    """A stream that notes when its peer was last heard, whatever it sent.

    On a plain socket it reads and writes by itself: Trio's own stream tries each call before it
    waits, and lets all other tasks run after each that went through. A station sends its next
    message after our answer, so that the first read always fails, and waiting for the next is turn
    enough for the others.
    """

    def __init__(self, stream: trio.abc.Stream, poller: Poller | None = None) -> None:
        self._stream = stream
        self._socket = stream.socket if isinstance(stream, trio.SocketStream) else None
        self.last_received = trio.current_time()
        # Is given all data first, and returns what it leaves to the caller of `receive_some`.
        self.take: Callable[[Data], Awaitable[Data]] | None = None
        # The same without a turn of the reader's task: returns what that is to await, or None.
        self.begin: Callable[[Data, float], Awaitable[Data | None] | None] | None = None
        self._poller = poller
        self._watched = -1
        self._reader: trio.lowlevel.Task | None = None
        self._handed: Awaitable[Data | None] | Exception | None = None
        self._is_held = False
        self._unsent = b""

    @property
    def is_direct(self) -> bool:
        """Whether `begin`, `send_now` and `hold` can be used."""
        return self._socket is not None and self._poller is not None and self._poller.is_running

    async def receive_some(self, max_bytes: int | None = None) -> Data:
        while True:
            if self.begin is not None and self.is_direct:
                todo = await self._wait_for_poller()
                if todo is None:
                    return b""
                left = await todo
                if left:
                    return left
                continue
            if self._socket is None:
                data = await self._stream.receive_some(max_bytes)
            else:
                data = await self._read(max_bytes or DEFAULT_SIZE)
            self.last_received = trio.current_time()
            if not data or self.take is None:
                return data
            data = await self.take(data)
            if data:
                return data

    async def _read(self, max_bytes: int) -> bytes:
        while True:
            await trio.lowlevel.wait_readable(self._descriptor())
            try:
                return os.read(self._descriptor(), max_bytes)
            except BlockingIOError:
                continue
            except OSError as error:
                raise trio.BrokenResourceError(f"socket connection broken: {error}") from error

    async def _wait_for_poller(self) -> Awaitable[Data | None] | None:
        """Wait for what `begin` leaves to do, or for the end of the data: then None."""

        def cancelled(_: object) -> trio.lowlevel.Abort:
            self._reader = None
            return trio.lowlevel.Abort.SUCCEEDED

        self._watch()
        self._reader = trio.lowlevel.current_task()
        await trio.lowlevel.wait_task_rescheduled(cancelled)
        handed, self._handed = self._handed, None
        if isinstance(handed, Exception):
            try:
                raise handed
            finally:
                # Its traceback refers to this frame: a cycle, see websocket._break_cycles.
                del handed
        return handed

    def on_readable(self, now: float) -> None:
        """There is something to read. See poller.Watched."""
        if self._reader is None or self._is_held:
            # Found readable again and again until somebody reads.
            self._unwatch()
            return
        try:
            data = os.read(self._descriptor(), DEFAULT_SIZE)
            self.last_received = now
            assert self.begin is not None
            todo = self.begin(data, now) if data else None
            if todo is not None or not data:
                self._wake_reader(todo)
        except BlockingIOError:
            return
        except OSError as error:
            self._wake_reader(trio.BrokenResourceError(f"socket connection broken: {error}"))
        except Exception as error:
            self._wake_reader(error)

    def _wake_reader(self, handed: Awaitable[Data | None] | Exception | None) -> None:
        if self._reader is not None:
            self._handed = handed
            trio.lowlevel.reschedule(self._reader)
            self._reader = None

    def hold(self) -> None:
        """Let nothing be read until `release`: a message is in work that no task waits for."""
        self._is_held = True

    def release(self) -> None:
        """Go on reading after `hold`."""
        self._is_held = False
        if self._reader is not None:
            self._watch()

    def _watch(self) -> None:
        if self._watched < 0 and self._poller is not None and not self._is_held:
            self._watched = self._descriptor()
            self._poller.watch(self._watched, self)

    def _unwatch(self) -> None:
        if self._watched >= 0 and self._poller is not None:
            self._poller.unwatch(self._watched)
            self._watched = -1

    def detach(self) -> None:
        """Let go of the poller and of who takes the data. For the reader's task, at its end."""
        self._unwatch()
        self.take = self.begin = None

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send everything. What fits into the socket's buffer goes without letting others run.

        One task at a time, as for every stream of Trio.
        """
        if self._unsent:
            data, self._unsent = self._unsent + bytes(data), b""
        if self._socket is not None:
            sent = self._write(data)
            if sent == len(data):
                return
            data = memoryview(data)[sent:]
        await self._stream.send_all(data)

    def send_now(self, data: bytes) -> bool:
        """Send what the socket takes at once; whether that was all. The rest goes before whatever
        `send_all` is given next. While that is at work, `queue` is to be called instead.
        """
        if self._unsent:
            self.queue(data)
            return False
        sent = self._write(data)
        self._unsent = data[sent:]
        return not self._unsent

    def queue(self, data: bytes) -> None:
        """Have this sent before whatever `send_all` is given next."""
        self._unsent += data

    def _write(self, data: bytes | bytearray | memoryview) -> int:
        try:
            return os.write(self._descriptor(), data)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise trio.BrokenResourceError(f"socket connection broken: {error}") from error

    def _descriptor(self) -> int:
        """Asked for each time: after a close the system gives the number to somebody else."""
        assert self._socket is not None
        descriptor = self._socket.fileno()
        if descriptor < 0:
            raise trio.ClosedResourceError("this socket was already closed")
        return descriptor

    async def wait_send_all_might_not_block(self) -> None:
        await self._stream.wait_send_all_might_not_block()

    async def aclose(self) -> None:
        self._unwatch()
        self._wake_reader(trio.ClosedResourceError("this socket was already closed"))
        await self._stream.aclose()
