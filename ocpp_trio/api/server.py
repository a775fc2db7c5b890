"""Hypercorn on Trio, guarded. The only module that imports hypercorn.

As it comes, bytes of one client can end hypercorn's whole server (an h2c upgrade with broken
settings, HTTP/2 with a path that is not ASCII, a byte after an upgrade), and a client that does not
read hangs its shutdown. The guard contains each connection and can drop them all.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Awaitable, Callable
from typing import cast

import hypercorn.trio.run
import structlog
import trio
from hypercorn.config import Config, Sockets
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.utils import wrap_app

from ocpp_trio.config import Settings
from ocpp_trio.tls import Tls

log = structlog.get_logger()

ASGIApp = Callable[..., Awaitable[None]]

_open_streams: set[trio.abc.Stream] = set()


class GuardedServer(TCPServer):
    """One HTTP connection; whatever it raises ends with it."""

    _client_is_gone = False

    async def run(self) -> None:
        _open_streams.add(self.stream)
        try:
            await super().run()
        except* trio.Cancelled:
            raise
        except* Exception as group:
            log.debug("HTTP connection failed", why=repr(group.exceptions[0]))
        finally:
            _open_streams.discard(self.stream)
            await trio.aclose_forcefully(self.stream)

    async def _read_data(self) -> None:
        await super()._read_data()
        # Else the socket stays open until the connection has been idle for the whole limit.
        self._client_is_gone = True
        await self.idle_task.stop()

    async def _idle_timeout(self) -> None:
        if not self._client_is_gone:
            await super()._idle_timeout()


class _Config(Config):
    """Hypercorn's settings, with a TLS context of ours."""

    tls: Tls | None = None

    def create_ssl_context(self) -> ssl.SSLContext | None:
        # Hypercorn only wraps streams with it.
        return cast("ssl.SSLContext | None", self.tls)


async def serve_http(
    app: ASGIApp,
    settings: Settings,
    sockets: list[socket.socket],
    tls: Tls | None,
    stopping: trio.Event,
    drain: float,
) -> None:
    """Serve `app` on sockets that listen already, until `stopping` is set and requests are done.

    After `drain` seconds what is left is dropped, also clients that do not read.
    """
    setattr(hypercorn.trio.run, "TCPServer", GuardedServer)  # noqa: B010 - not exported
    config = _Config()
    config.tls = tls
    config.alpn_protocols = ["http/1.1"]
    config.graceful_timeout = drain
    config.read_timeout = None
    config.keep_alive_timeout = settings.header_timeout
    config.ssl_handshake_timeout = settings.handshake_timeout
    config.h11_max_incomplete_size = 64 * 1024
    config.include_server_header = False
    config.websocket_max_message_size = 1
    config.errorlog = None
    config.accesslog = None
    shared = Sockets(
        secure_sockets=sockets if tls else [],
        insecure_sockets=[] if tls else sockets,
        quic_sockets=[],
    )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_drop_stuck_clients, stopping, drain)
        # hypercorn.trio.serve() would bind sockets of its own.
        await hypercorn.trio.run.worker_serve(
            wrap_app(app, config.wsgi_max_body_size, "asgi"),
            config,
            sockets=shared,
            shutdown_trigger=stopping.wait,
        )
        nursery.cancel_scope.cancel()


async def _drop_stuck_clients(stopping: trio.Event, drain: float) -> None:
    """Hypercorn shields its sends: a client that does not read would hang the stop for ever."""
    await stopping.wait()
    await trio.sleep(drain)
    for stream in tuple(_open_streams):
        with trio.CancelScope(shield=True):
            await trio.aclose_forcefully(stream)
