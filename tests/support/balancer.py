"""What stands before several nodes: TCP connections go to any of them that takes connections.

It can also stand before a database, and be frozen: then nothing passes, and nobody is told.
"""

from __future__ import annotations

import random
import selectors
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress


class Balancer:
    """Serves in threads until the block of `balancing` ends."""

    def __init__(self, ports: Sequence[int], seed: int = 1) -> None:
        self._ports = ports
        self._chance = random.Random(seed)
        self._door = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.port: int = self._door.getsockname()[1]
        self._open: set[socket.socket] = set()
        self._running = threading.Event()
        self._running.set()
        self._passes = threading.Event()
        self._passes.set()

    def freeze(self) -> None:
        """Nothing passes any more; connections stay as they are."""
        self._passes.clear()

    def thaw(self) -> None:
        """Everything passes again, also what has waited."""
        self._passes.set()

    def serve(self) -> None:
        """Accept, until closed."""
        with suppress(OSError):
            while self._running.is_set():
                client, _ = self._door.accept()
                threading.Thread(target=self._connect, args=(client,), daemon=True).start()

    def _connect(self, client: socket.socket) -> None:
        self._passes.wait()
        for port in self._chance.sample(self._ports, len(self._ports)):
            with suppress(OSError):
                self._pump(client, socket.create_connection(("127.0.0.1", port), timeout=5))
                return
        client.close()

    def _pump(self, client: socket.socket, server: socket.socket) -> None:
        server.settimeout(None)
        other = {client: server, server: client}
        self._open |= {client, server}
        with selectors.DefaultSelector() as selector, suppress(OSError):
            for each in other:
                selector.register(each, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select():
                    data = key.fileobj.recv(65536)  # type: ignore[union-attr]
                    self._passes.wait()
                    if not data:
                        raise ConnectionResetError
                    other[key.fileobj].sendall(data)  # type: ignore[index]
        for each in other:
            self._open.discard(each)
            each.close()

    def close(self) -> None:
        """End all of it."""
        self._running.clear()
        self._passes.set()
        self._door.shutdown(socket.SHUT_RDWR)
        self._door.close()
        for each in tuple(self._open):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


@contextmanager
def balancing(*ports: int, seed: int = 1) -> Iterator[Balancer]:
    """A balancer before some ports, while the block runs."""
    balancer = Balancer(ports, seed)
    threading.Thread(target=balancer.serve, daemon=True).start()
    try:
        yield balancer
    finally:
        balancer.close()
