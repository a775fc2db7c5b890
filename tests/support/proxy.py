"""A TCP proxy before one server on this machine or several, which makes trouble between them and
their clients.
"""

from __future__ import annotations

import contextlib
import random
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

CHUNK = 65536
TICK = 0.02
COMMITTED = b"C\x00\x00\x00\x0bCOMMIT\x00"
"""PostgreSQL's answer to COMMIT: the message CommandComplete."""


class Link:
    """A client's connection, and the one to the server that belongs to it."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.client = client
        self.server = server
        self.flows = threading.Event()
        self.flows.set()

    def reset(self) -> None:
        """Both sides get a RST."""
        for each in (self.client, self.server):
            with contextlib.suppress(OSError):
                each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                # Wakes who waits in recv; close alone does not.
                each.shutdown(socket.SHUT_RDWR)
            each.close()


class Proxy:
    """Passes on what comes to `port`, until it is told otherwise. Its threads end with it.

    Each connection goes to any of the servers that takes it.
    """

    def __init__(self, *server_ports: int, seed: int = 1) -> None:
        self.swallowed = 0
        self._server_ports = server_ports
        self._chance = random.Random(seed)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.port: int = self._listener.getsockname()[1]
        self._links: set[Link] = set()
        self._flows = threading.Event()
        self._flows.set()
        self.resets = 0
        self._to_pass: int | None = None
        self._bytes_per_second = 0.0
        self._to_swallow = 0
        self._hangs = False
        self._is_closed = False
        threading.Thread(target=self._accept, daemon=True, name="proxy").start()

    def freeze(self) -> None:
        """Nothing passes any more, in either direction; connections stay, new ones are taken."""
        self._flows.clear()

    def freeze_present(self) -> None:
        """Nothing passes any more on the connections that there are."""
        for link in list(self._links):
            link.flows.clear()

    def thaw(self) -> None:
        """What was held back goes on."""
        self._flows.set()
        for link in list(self._links):
            link.flows.set()

    def reset(self) -> None:
        """End all connections with a RST."""
        for link in list(self._links):
            link.reset()

    def reset_before(self, chunk: int | None) -> None:
        """End a connection with a RST instead of passing on what comes after so many; None: not."""
        self._to_pass = chunk

    def throttle(self, bytes_per_second: float) -> None:
        """Let so much pass in each direction of each connection; 0 lifts it."""
        self._bytes_per_second = bytes_per_second

    def swallow_commits(self, count: int, *, hang: bool = False) -> None:
        """Keep the next answers to COMMIT to ourselves, and end each connection, or let it hang."""
        self._hangs = hang
        self._to_swallow = count

    def close(self) -> None:
        """End everything."""
        self._is_closed = True
        self.thaw()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.reset()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = self._connect()
            if server is None:
                client.close()
                continue
            for each in (client, server):
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            link = Link(client, server)
            self._links.add(link)
            for source, target in ((client, server), (server, client)):
                threading.Thread(
                    target=self._pass_on, args=(link, source, target), daemon=True, name="proxy"
                ).start()

    def _connect(self) -> socket.socket | None:
        for port in self._chance.sample(self._server_ports, len(self._server_ports)):
            with contextlib.suppress(OSError):
                return socket.create_connection(("127.0.0.1", port))
        return None

    def _pass_on(self, link: Link, source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(CHUNK):
                self._flows.wait()
                link.flows.wait()
                if self._bytes_per_second:
                    time.sleep(len(data) / self._bytes_per_second)
                if self._is_enough():
                    break
                if source is link.server and self._swallows(data):
                    if not self._hangs:
                        break
                    while not self._is_closed:
                        time.sleep(TICK)
                target.sendall(data)
        except OSError:
            pass
        self._links.discard(link)
        link.reset()

    def _is_enough(self) -> bool:
        if self._to_pass is None:
            return False
        if self._to_pass == 0:
            self._to_pass = None
            self.resets += 1
            return True
        self._to_pass -= 1
        return False

    def _swallows(self, data: bytes) -> bool:
        if not self._to_swallow or COMMITTED not in data:
            return False
        self._to_swallow -= 1
        self.swallowed += 1
        return True


@contextmanager
def proxy(*server_ports: int, seed: int = 1) -> Iterator[Proxy]:
    """A proxy while the block runs."""
    made = Proxy(*server_ports, seed=seed)
    try:
        yield made
    finally:
        made.close()
