"""Hypercorn on Trio, guarded. The only module that imports hypercorn.

As it comes, bytes of one client can end hypercorn's whole server (an h2c upgrade with broken
settings, HTTP/2 with a path that is not ASCII, a byte after an upgrade), and a client that does not
read hangs its shutdown. The guard contains each connection, bounds how many there are and can drop
them all; HTTP/1.1 is all it speaks.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Awaitable, Callable
from typing import Any, cast

import hypercorn.protocol
import hypercorn.trio.run
import structlog
import trio
from hypercorn.config import Config, Sockets
from hypercorn.events import Closed, Event, RawData, Updated
from hypercorn.protocol.events import Request
from hypercorn.protocol.h11 import STREAM_ID, H11Protocol
from hypercorn.protocol.http_stream import HTTPStream
from hypercorn.trio.tcp_server import MAX_RECV, TCPServer
from hypercorn.utils import wrap_app

from ocpp_trio.config import Settings
from ocpp_trio.limits import Counts, WaitingConnections, address_of
from ocpp_trio.proxies import TrustedProxies
from ocpp_trio.tls import Tls

log = structlog.get_logger()

ASGIApp = Callable[..., Awaitable[None]]

REFUSAL = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Length: 0\r\n"
    b"Connection: close\r\n\r\n"
)


MAX_REFUSING = 64
REFUSING_TIME = 1.0
PIECE = 64 * 1024
"""Bytes that a client must take within the limit of a send."""


class Door:
    """All HTTP connections: those open, and those of them that wait for their client: to ask for
    something, or to read what it was sent.
    """

    def __init__(self, settings: Settings, counts: Counts) -> None:
        self.counts = counts
        self.streams: set[trio.abc.Stream] = set()
        self.waiting = WaitingConnections(
            settings.max_http_connections, settings.max_waiting_per_address, settings.waiting_grace
        )
        self.send_timeout = settings.send_timeout
        self.proxies = TrustedProxies(settings.trusted_proxies)
        self._most = settings.max_http_connections
        self._refusing = 0

    def enter(self, stream: trio.abc.Stream) -> bool:
        """Whether there is room for one more, if need be in the place of who has waited longest."""
        if len(self.streams) >= self._most:
            if not self.waiting.drop_oldest():
                self.counts.http_connections_refused += 1
                return False
            self.counts.http_connections_dropped += 1
        self.streams.add(stream)
        return True

    async def refuse(self, stream: trio.SocketStream) -> None:
        """Tell a client to come later, if not too many are being told already."""
        if self._refusing >= MAX_REFUSING:
            return
        self._refusing += 1
        try:
            with trio.move_on_after(REFUSING_TIME):
                # Closed with its request unread, the client would see a reset and not the answer.
                await stream.receive_some(MAX_RECV)
                await stream.send_all(REFUSAL)
                await stream.send_eof()
        finally:
            self._refusing -= 1


class _Config(Config):
    """Hypercorn's settings, with a TLS context and a door of ours."""

    tls: Tls | None = None
    door: Door

    def create_ssl_context(self) -> ssl.SSLContext | None:
        # Hypercorn only wraps streams with it.
        return cast("ssl.SSLContext | None", self.tls)


class GuardedServer(TCPServer):
    """One HTTP connection; whatever it raises ends with it."""

    _client_is_gone = False

    async def run(self) -> None:
        assert isinstance(self.config, _Config)
        self._door = self.config.door
        # Hypercorn calls it a TLS stream; without TLS it is a socket.
        stream: trio.abc.Stream = self.stream
        host = _host(stream)
        self._address = "" if self._door.proxies.trusts(host) else address_of(host)
        try:
            with trio.CancelScope() as self._scope:
                if self._door.enter(self.stream):
                    self._waits(True)
                    await super().run()
                elif isinstance(stream, trio.SocketStream):
                    await self._door.refuse(stream)
        except* trio.Cancelled:
            raise
        except* Exception as group:
            self._door.counts.http_connections_broken += 1
            log.debug("HTTP connection failed", why=repr(group.exceptions[0]))
        finally:
            self._door.waiting.discard(self)
            self._door.streams.discard(self.stream)
            await trio.aclose_forcefully(self.stream)

    def _waits(self, yes: bool) -> None:
        if yes:
            now = trio.current_time()
            dropped = self._door.waiting.add(self, self._address, now, self._drop)
            self._door.counts.http_connections_dropped += dropped
        else:
            self._door.waiting.discard(self)

    def _drop(self) -> None:
        # Its place is free at once, and not when its task has noticed.
        self._door.streams.discard(self.stream)
        self._scope.cancel()

    async def protocol_send(self, event: Event) -> None:
        if isinstance(event, RawData):
            async with self.send_lock:
                self._waits(True)
                is_sent = await self._send(event.data)
                self._waits(False)
            if not is_sent:
                # What is under way for it could wait for its end, and its end for us, for ever.
                self._scope.cancel()
            return
        if isinstance(event, Updated):
            self._waits(event.idle)
        await super().protocol_send(event)

    async def _send(self, data: bytes) -> bool:
        """Send; False if the client is gone, or reads so little that it may as well be."""
        pieces = [data] if len(data) <= PIECE else _pieces(data)
        try:
            for piece in pieces:
                # Shielded, so that a request that is cancelled leaves no half answer.
                with trio.CancelScope(shield=True) as scope:
                    scope.deadline = trio.current_time() + self._door.send_timeout
                    await self.stream.send_all(piece)
                if scope.cancelled_caught:
                    self._door.counts.http_sends_stuck += 1
                    await trio.aclose_forcefully(self.stream)
                    return False
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return False
        return True

    async def _read_data(self) -> None:
        while not self._client_is_gone:
            try:
                data = bytes(await self.stream.receive_some(MAX_RECV))
            except (trio.ClosedResourceError, trio.BrokenResourceError):
                await self.protocol.handle(Closed())
                break
            await self.protocol.handle(RawData(data))
            # Who only shuts its sending side still waits for the answer to what it asked.
            self._client_is_gone = not data
        self._client_is_gone = True
        # Else the socket stays open until the connection has been idle for the whole limit.
        await self.idle_task.stop()

    async def _idle_timeout(self) -> None:
        if not self._client_is_gone:
            await super()._idle_timeout()


class _Http1(H11Protocol):
    """HTTP/1.1 and nothing else: an upgrade, to HTTP/2 or WebSocket, is a wish that is ignored."""

    async def _check_protocol(self, event: Any) -> None:
        """Not to HTTP/2, by upgrade or prior knowledge."""

    async def _create_stream(self, request: Any) -> None:
        self.stream = HTTPStream(
            self.app,
            self.config,
            self.context,
            self.task_group,
            self.ssl,
            self.client,
            self.server,
            self.stream_send,
            STREAM_ID,
        )
        await self.stream.handle(
            Request(
                stream_id=STREAM_ID,
                headers=list(request.headers),
                http_version=request.http_version.decode(),
                # As sent, for h11 goes by it: a "head" made HEAD would owe a body that never comes.
                method=request.method.decode("ascii"),
                raw_path=request.target,
                state=self.connection_state,
            )
        )
        self.keep_alive_requests += 1
        await self.context.mark_request()


def _pieces(data: bytes) -> list[memoryview]:
    view = memoryview(data)
    return [view[start : start + PIECE] for start in range(0, len(view), PIECE)]


def _host(stream: trio.abc.Stream) -> str:
    """The address of the client or the proxy; "" if it has gone already."""
    bare = stream.transport_stream if isinstance(stream, trio.SSLStream) else stream
    assert isinstance(bare, trio.SocketStream)
    try:
        return str(bare.socket.getpeername()[0])
    except OSError:
        return ""


async def serve_http(
    app: ASGIApp,
    settings: Settings,
    counts: Counts,
    sockets: list[socket.socket],
    tls: Tls | None,
    stopping: trio.Event,
    drain: float,
) -> None:
    """Serve `app` on sockets that listen already, until `stopping` is set and requests are done.

    After `drain` seconds what is left is dropped, also clients that do not read.
    """
    setattr(hypercorn.trio.run, "TCPServer", GuardedServer)  # noqa: B010 - not exported
    setattr(hypercorn.protocol, "H11Protocol", _Http1)  # noqa: B010 - not exported
    config = _Config()
    config.tls = tls
    config.door = door = Door(settings, counts)
    config.alpn_protocols = ["http/1.1"]
    config.graceful_timeout = drain
    config.read_timeout = None
    config.keep_alive_timeout = settings.header_timeout
    config.ssl_handshake_timeout = settings.handshake_timeout
    config.h11_max_incomplete_size = 64 * 1024
    config.include_server_header = False
    config.errorlog = None
    config.accesslog = None
    shared = Sockets(
        secure_sockets=sockets if tls else [],
        insecure_sockets=[] if tls else sockets,
        quic_sockets=[],
    )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_drop_stuck_clients, door, stopping, drain)
        # hypercorn.trio.serve() would bind sockets of its own.
        await hypercorn.trio.run.worker_serve(
            wrap_app(app, config.wsgi_max_body_size, "asgi"),
            config,
            sockets=shared,
            shutdown_trigger=stopping.wait,
        )
        nursery.cancel_scope.cancel()


async def _drop_stuck_clients(door: Door, stopping: trio.Event, drain: float) -> None:
    """Hypercorn shields its sends: a client that does not read would hang the stop for ever."""
    await stopping.wait()
    await trio.sleep(drain)
    for stream in tuple(door.streams):
        with trio.CancelScope(shield=True):
            await trio.aclose_forcefully(stream)
