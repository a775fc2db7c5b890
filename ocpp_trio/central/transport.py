"""One WebSocket to a charge point: trio-websocket, with the guards it lacks.

Nothing a peer sends raises anything but ConnectionEnded out of here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import trio
from trio_websocket import ConnectionClosed, WebSocketRequest

from ocpp_trio.central.poller import Poller
from ocpp_trio.central.stream import WatchedStream
from ocpp_trio.central.websocket import Begin, Connection, Deliver
from ocpp_trio.certificates import ClientCertificate
from ocpp_trio.config import Settings
from ocpp_trio.limits import Counts


class ConnectionEnded(Exception):
    """The WebSocket is closed: its close code (1006 without a close frame) and reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code} {reason}".strip())
        self.code = code
        self.reason = reason


class Transport:
    """A WebSocket after its handshake: whole text messages in and out."""

    __slots__ = ("_sending", "_stream", "_websocket", "broken", "sending_since")

    def __init__(self, websocket: Connection, stream: WatchedStream) -> None:
        self._websocket = websocket
        self._stream = stream
        self._sending = 0
        self.sending_since = 0.0
        # A send that was cut off has left half a frame behind: nothing may follow it.
        self.broken = False

    @property
    def is_throttled(self) -> bool:
        """Whether the peer has ever sent more than its rate."""
        return self._websocket.is_throttled

    @property
    def last_received(self) -> float:
        """When any byte last came in, on Trio's clock."""
        return self._stream.last_received

    def stuck_for(self, now: float) -> float:
        """How long a send has been under way, in seconds; 0 if none is."""
        return now - self.sending_since if self._sending else 0.0

    def attach(self, deliver: Deliver, begin: Begin) -> None:
        """Have each text message handed to `deliver`, one at a time, in the reader's task. While it
        runs nothing more is read. It raises nothing but Cancelled.

        Where the reader's task need not wake for it, the message goes to `begin`, which may `hold`
        what comes next, or return what the reader is to await.
        """
        self._websocket.attach(deliver, begin if self._stream.is_direct else None)

    def hold(self) -> None:
        """Read nothing until `release`."""
        self._stream.hold()

    def release(self) -> None:
        """Go on reading after `hold`."""
        self._stream.release()

    def send_now(self, text: str) -> bool:
        """For `begin`: send a text message without waiting; if that was not all of it, False, and
        `flush` must follow. Raises ConnectionEnded.
        """
        if self.broken:
            raise ConnectionEnded(1006, "half a frame was left behind")
        try:
            return self._websocket.send_now(text)
        except ConnectionClosed as closed:
            raise _ended(closed) from None

    async def flush(self) -> None:
        """Send what `send_now` has left. Raises ConnectionEnded."""
        await self._send(self._websocket.flush)

    async def finished(self) -> ConnectionEnded:
        """Wait until nothing more can come; how the connection ended."""
        await self._websocket.reader_ended.wait()
        return _ended(ConnectionClosed(self._websocket.closed))

    async def send(self, text: str) -> None:
        """Send a text message. Raises ConnectionEnded. Never call with a time limit of your own."""
        await self._send(self._websocket.send_text, text)

    async def _send(self, send: Callable[..., Awaitable[None]], *text: str) -> None:
        if self._sending == 0:
            self.sending_since = trio.current_time()
        self._sending += 1
        try:
            await send(*text)
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
        assert isinstance(websocket, Connection)
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
    nursery: trio.Nursery,
    stream: trio.abc.Stream,
    settings: Settings,
    counts: Counts,
    poller: Poller | None = None,
) -> Handshake:
    """Read a handshake from `stream`; the reader task lives in `nursery`.

    Raises ConnectionEnded if the peer goes away first. What the libraries raise on hostile bytes
    comes out of the nursery.
    """
    watched = WatchedStream(stream, poller)
    connection = Connection(watched, settings, counts)
    waiting = trio.CancelScope()

    async def read() -> None:
        await connection.read()
        # Ended without a request, it would leave us waiting for one.
        waiting.cancel()

    with waiting:
        nursery.start_soon(read)
        return Handshake(await connection.get_request(), watched)
    raise ConnectionEnded(1006, "gone before the handshake")
