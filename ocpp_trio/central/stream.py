"""The bytes of one connection: when its peer was last heard, and the shortest way to its socket."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable

import trio

DEFAULT_SIZE = 4096

Data = bytes | bytearray


class WatchedStream(trio.abc.Stream):
    """A stream that notes when its peer was last heard, whatever it sent.

    On a plain socket it reads and writes by itself: Trio's own stream tries each call before it
    waits, and lets all other tasks run after each that went through. A station sends its next
    message after our answer, so that the first read always fails, and waiting for the next is turn
    enough for the others.
    """

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream
        self._socket = stream.socket if isinstance(stream, trio.SocketStream) else None
        self.last_received = trio.current_time()
        # Is given all data first, and returns what it leaves to the caller of `receive_some`.
        self.take: Callable[[Data], Awaitable[Data]] | None = None

    async def receive_some(self, max_bytes: int | None = None) -> Data:
        while True:
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

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send everything. What fits into the socket's buffer goes without letting others run.

        One task at a time, as for every stream of Trio.
        """
        if self._socket is not None:
            sent = self._write(data)
            if sent == len(data):
                return
            data = memoryview(data)[sent:]
        await self._stream.send_all(data)

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
        await self._stream.aclose()
