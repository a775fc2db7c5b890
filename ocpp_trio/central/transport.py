"""One WebSocket to a charge point: trio-websocket, with the guards it lacks.

The only module of the server that imports trio_websocket and wsproto. Nothing a peer sends raises
anything but ConnectionEnded out of here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import cast

import trio
import trio_websocket
import wsproto
from trio_websocket import ConnectionClosed, WebSocketConnection, WebSocketRequest
from wsproto.events import BytesMessage, CloseConnection, Ping, TextMessage

from ocpp_trio.certificates import ClientCertificate

MAX_FRAGMENTS = 1024
"""Frames of one message. Empty continuation frames would otherwise grow a list without end."""

RECEIVE_BUFFER = 4096

Deliver = Callable[[str], Awaitable[None]]


class ConnectionEnded(Exception):
    """The WebSocket is closed: its close code (1006 without a close frame) and reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code} {reason}".strip())
        self.code = code
        self.reason = reason


class WatchedStream(trio.abc.Stream):
    """A stream that notes when its peer was last heard, whatever it sent."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream
        self.last_received = trio.current_time()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        data = await self._stream.receive_some(max_bytes)
        self.last_received = trio.current_time()
        return data

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await self._stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self._stream.wait_send_all_might_not_block()

    async def aclose(self) -> None:
        await self._stream.aclose()


class _Connection(WebSocketConnection):
    """trio-websocket's connection, which hands each message over where it is read.

    The library would pass it through a channel to another task: one more switch per message. It
    also has no bound on fragments, and its ping() waits for the pong.
    """

    def __init__(self, stream: WatchedStream, max_message_size: int) -> None:
        # No extensions are offered: permessage-deflate would inflate without a bound.
        super().__init__(
            stream,
            wsproto.WSConnection(wsproto.ConnectionType.SERVER),
            max_message_size=max_message_size,
            receive_buffer_size=RECEIVE_BUFFER,
        )
        self.deliver: Deliver | None = None
        self.attached = trio.Event()
        self.reader_ended = trio.Event()

    def attach(self, deliver: Deliver) -> None:
        """From now on messages go to `deliver`; until then the reader waits."""
        self.deliver = deliver
        self.attached.set()

    async def _handle_message_event(self, event: BytesMessage | TextMessage) -> None:
        self._message_size += len(event.data)
        parts = cast("list[str]", self._message_parts)
        parts.append(cast(str, event.data))
        if isinstance(event, BytesMessage):
            await self._give_up(1003, "OCPP-J messages are text")
        elif self._message_size > self._max_message_size:
            await self._give_up(1009, "the message is too large")
        elif not event.message_finished:
            if len(parts) > MAX_FRAGMENTS:
                await self._give_up(1008, "too many fragments")
        else:
            text = parts[0] if len(parts) == 1 else "".join(parts)
            self._message_size = 0
            self._message_parts = []
            if self.deliver is None:
                await self.attached.wait()
                assert self.deliver is not None
            await self.deliver(text)

    async def _give_up(self, code: int, reason: str) -> None:
        self._message_parts = []
        self._close_reason = trio_websocket.CloseReason(code, reason)
        await self._send(CloseConnection(code=code, reason=reason))
        self._reader_running = False

    async def send_text(self, text: str) -> None:
        """Send a text message as one frame. The server's frames are not masked (RFC 6455 5.2)."""
        if self._close_reason is not None:
            raise ConnectionClosed(self._close_reason)
        payload = text.encode()
        size = len(payload)
        if size < 126:
            head = bytes((0x81, size))
        elif size < 65536:
            head = b"\x81\x7e" + size.to_bytes(2, "big")
        else:
            head = b"\x81\x7f" + size.to_bytes(8, "big")
        lock = self._stream_lock
        if lock.locked():
            await lock.acquire()
        else:
            lock.acquire_nowait()
        try:
            await self._stream.send_all(head + payload)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            await self._abort_web_socket()
            raise ConnectionClosed(self._close_reason) from None
        finally:
            lock.release()

    async def send_ping(self, payload: bytes) -> None:
        """Send a ping and wait for nothing: whatever comes back shows that the peer lives."""
        await self._send(Ping(payload=payload))


class Transport:
    """A WebSocket after its handshake: whole text messages in and out."""

    __slots__ = ("_sending", "_stream", "_websocket", "broken", "sending_since")

    def __init__(self, websocket: _Connection, stream: WatchedStream) -> None:
        self._websocket = websocket
        self._stream = stream
        self._sending = 0
        self.sending_since = 0.0
        # A send that was cut off has left half a frame behind: nothing may follow it.
        self.broken = False

    @property
    def last_received(self) -> float:
        """When any byte last came in, on Trio's clock."""
        return self._stream.last_received

    def stuck_for(self, now: float) -> float:
        """How long a send has been under way, in seconds; 0 if none is."""
        return now - self.sending_since if self._sending else 0.0

    def attach(self, deliver: Deliver) -> None:
        """Have each text message handed to `deliver`, one at a time, in the reader's task.

        While `deliver` runs nothing more is read. It raises nothing but Cancelled.
        """
        self._websocket.attach(deliver)

    async def finished(self) -> ConnectionEnded:
        """Wait until nothing more can come; how the connection ended."""
        await self._websocket.reader_ended.wait()
        return _ended(ConnectionClosed(self._websocket.closed))

    async def send(self, text: str) -> None:
        """Send a text message. Raises ConnectionEnded. Never call with a time limit of your own."""
        if self._sending == 0:
            self.sending_since = trio.current_time()
        self._sending += 1
        try:
            await self._websocket.send_text(text)
        except ConnectionClosed as closed:
            raise _ended(closed) from None
        except trio.Cancelled:
            self.broken = True
            raise
        finally:
            self._sending -= 1

    async def ping(self, payload: bytes) -> None:
        """Send a ping; whatever comes back counts as an answer."""
        try:
            await self._websocket.send_ping(payload)
        except ConnectionClosed as closed:
            raise _ended(closed) from None
        except trio.Cancelled:
            self.broken = True
            raise

    async def close(self, code: int, reason: str) -> None:
        """Close with a close frame; the caller limits the time. A broken one is just dropped."""
        if self.broken:
            await self.abort()
        else:
            await self._websocket.aclose(code, reason)

    async def abort(self) -> None:
        """Drop the connection at once, without a close frame."""
        await trio.aclose_forcefully(self._stream)


def _ended(closed: ConnectionClosed) -> ConnectionEnded:
    reason = closed.reason
    if reason is None:
        return ConnectionEnded(1006, "")
    return ConnectionEnded(reason.code, str(reason.reason or ""))


class Handshake:
    """A charge point's request to connect, not answered yet."""

    def __init__(self, request: WebSocketRequest, stream: WatchedStream) -> None:
        self._request = request
        self._stream = stream
        self.target: str = request.path
        self.subprotocols: tuple[str, ...] = request.proposed_subprotocols
        self.headers: list[tuple[bytes, bytes]] = request.headers
        # What TLS says of the peer; the caller knows it.
        self.is_secure = False
        self.certificate: ClientCertificate | None = None

    def header(self, name: bytes) -> bytes | None:
        """The value of a header, by its lower-case name; b"" if it came more than once."""
        found = [value for key, value in self.headers if key.lower() == name]
        return found[0] if len(found) == 1 else (b"" if found else None)

    async def accept(self, subprotocol: str | None) -> Transport:
        """Complete the upgrade. Raises ConnectionEnded if the peer is gone."""
        try:
            websocket = await self._request.accept(subprotocol=subprotocol)
        except ConnectionClosed:
            raise ConnectionEnded(1006, "gone during the handshake") from None
        assert isinstance(websocket, _Connection)
        return Transport(websocket, self._stream)

    async def refuse(self, status: int, *headers: tuple[bytes, bytes]) -> None:
        """Answer with an HTTP error and an empty body: strangers learn nothing more."""
        try:
            await self._request.reject(
                status,
                extra_headers=[*headers, (b"Content-Length", b"0"), (b"Connection", b"close")],
            )
        except ConnectionClosed:
            return


async def receive_handshake(
    nursery: trio.Nursery, stream: trio.abc.Stream, max_message_size: int
) -> Handshake:
    """Read a handshake from `stream`; the reader task lives in `nursery`.

    Raises ConnectionEnded if the peer goes away first. What the libraries raise on hostile bytes
    comes out of the nursery.
    """
    watched = WatchedStream(stream)
    connection = _Connection(watched, max_message_size)
    waiting = trio.CancelScope()

    async def read() -> None:
        await connection._reader_task()
        connection.reader_ended.set()
        # Ended without a request, it would leave us waiting for one.
        waiting.cancel()

    with waiting:
        nursery.start_soon(read)
        return Handshake(await connection._get_request(), watched)
    raise ConnectionEnded(1006, "gone before the handshake")
