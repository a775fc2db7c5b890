"""The server's ports: sockets that listen, and the TLS of each."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

import trio

from ocpp_trio import network
from ocpp_trio.config import Settings
from ocpp_trio.settings.nodes import API, WEBSOCKET
from ocpp_trio.tls import Tls, contexts

Sockets = list[socket.socket]


class Ports(NamedTuple):
    """Sockets that listen, and their TLS, None for none. `wss` is empty without OCPP_WSS_PORT, and
    what OCPP_ROLE leaves to other servers is empty.
    """

    websocket: Sockets
    wss: Sockets
    api: Sockets
    websocket_tls: Tls | None
    station_tls: Tls | None
    api_tls: Tls | None

    @property
    def for_stations(self) -> list[tuple[list[trio.SocketListener], Tls | None]]:
        """Where charge points come in."""
        ports = [(self.websocket, self.websocket_tls), (self.wss, self.station_tls)]
        return [([_listener(sock) for sock in sockets], tls) for sockets, tls in ports if sockets]

    @property
    def sockets(self) -> Sockets:
        """All of them."""
        return [*self.websocket, *self.wss, *self.api]

    @property
    def tls(self) -> list[Tls]:
        """Every TLS in use."""
        return [each for each in (self.station_tls, self.api_tls) if each is not None]


@contextmanager
def listening(settings: Settings) -> Iterator[Ports]:
    """All ports that the settings name; they are closed at the end.

    Raises ConfigError that names the variable of a port or file that cannot be used.
    """
    tls = contexts(settings)
    with ExitStack() as ends:

        def bind(port: int, variable: str) -> Sockets:
            sockets = network.bind(settings.host, port, variable)
            ends.callback(network.close, sockets)
            return sockets

        websocket: Sockets = []
        wss: Sockets = []
        api: Sockets = []
        if settings.role != API:
            websocket = bind(settings.websocket_port, "OCPP_WEBSOCKET_PORT")
            if settings.wss_port is not None:
                wss = bind(settings.wss_port, "OCPP_WSS_PORT")
        if settings.role != WEBSOCKET:
            api = bind(settings.api_port, "OCPP_API_PORT")
        yield Ports(websocket, wss, api, *tls)


def _listener(sock: socket.socket) -> trio.SocketListener:
    return trio.SocketListener(trio.socket.from_stdlib_socket(sock))
