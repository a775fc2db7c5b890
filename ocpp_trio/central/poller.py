"""One epoll for the sockets of all charge points, so that a message needs no turn of a task.

Trio's `wait_readable` asks the system anew for each message and wakes a task for it. Here a socket
stays registered, and what is readable is handled where it is found; the task that reads a
connection is woken only for what it alone can do.
"""

from __future__ import annotations

import select
from contextlib import suppress
from typing import Protocol

import trio

EVENTS = 64
"""Sockets looked at before other tasks have their turn."""


class Watched(Protocol):
    """What has a socket."""

    def on_readable(self, now: float) -> None:
        """There is something to read, at `now` by Trio's clock. Raises nothing."""


class Poller:
    """Tells the streams it watches when there is something to read; `run` is the task."""

    def __init__(self) -> None:
        self._epoll: select.epoll | None = None
        self._watched: dict[int, Watched] = {}

    @property
    def is_running(self) -> bool:
        """Whether `watch` may be called; else a stream is to wait by itself."""
        return self._epoll is not None

    def watch(self, descriptor: int, stream: Watched) -> None:
        """Tell `stream` when its descriptor is readable, again and again, until `unwatch`."""
        assert self._epoll is not None
        self._epoll.register(descriptor, select.EPOLLIN)
        self._watched[descriptor] = stream

    def unwatch(self, descriptor: int) -> None:
        """Look at a descriptor no longer; to be called before it is closed."""
        del self._watched[descriptor]
        if self._epoll is not None:
            # If it was closed all the same, the system has forgotten it by itself.
            with suppress(OSError):
                self._epoll.unregister(descriptor)

    async def run(self) -> None:
        """Watch until cancelled. Where there is no epoll (it is Linux's), streams wait by Trio."""
        if not hasattr(select, "epoll"):
            return
        with select.epoll() as epoll:
            self._epoll = epoll
            try:
                while True:
                    await trio.lowlevel.wait_readable(epoll.fileno())
                    now = trio.current_time()
                    for descriptor, _ in epoll.poll(0, EVENTS):
                        stream = self._watched.get(descriptor)
                        if stream is not None:
                            stream.on_readable(now)
            finally:
                self._epoll = None
