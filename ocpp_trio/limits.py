"""Limits on what peers may take: how often each was reached, and the arithmetic of two of them."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, fields, replace

from ocpp_trio.settings import Settings

RESERVED_FILES = 128
"""Open files that are no connection of a peer: database, its readers, log, copies, our sockets."""


@dataclass(slots=True)
class Counts:
    """How often each limit was reached since the start; docs/security.md lists them."""

    handshakes_timed_out: int = 0
    handshakes_dropped: int = 0
    connections_broken: int = 0
    connections_refused: int = 0
    stations_unauthorized: int = 0
    stations_unknown: int = 0
    stations_limited: int = 0
    stations_busy: int = 0
    messages_too_large: int = 0
    messages_in_too_many_frames: int = 0
    messages_unusable: int = 0
    messages_delayed: int = 0
    sends_stuck: int = 0
    http_connections_dropped: int = 0
    http_connections_refused: int = 0
    http_connections_broken: int = 0
    http_sends_stuck: int = 0
    bodies_too_large: int = 0
    bodies_too_slow: int = 0
    uploads_refused: int = 0
    commands_refused: int = 0
    accepts_failed: int = 0

    def station_refused(self, status: int) -> None:
        """A charge point was refused by who it is, with this HTTP status."""
        if status == 401:
            self.stations_unauthorized += 1
        elif status == 404:
            self.stations_unknown += 1
        elif status == 429:
            self.stations_limited += 1
        else:
            self.stations_busy += 1

    def since(self, before: Counts) -> dict[str, int]:
        """What was counted after the copy `before` was made, by name; only what rose."""
        rises = {each.name: getattr(self, each.name) for each in fields(self)}
        return {
            name: count - getattr(before, name)
            for name, count in rises.items()
            if count != getattr(before, name)
        }

    def copy(self) -> Counts:
        """The counts as they are now."""
        return replace(self)


class Throttle:
    """`rate` events a second, `burst` more at once: a leaky bucket, kept as one moment."""

    __slots__ = ("_full", "_interval", "_slack")

    def __init__(self, rate: float, burst: float) -> None:
        self._interval = 1 / rate
        self._slack = burst / rate
        # When the bucket is empty again.
        self._full = 0.0

    def take(self, now: float) -> float:
        """Count one event; for how many seconds to wait before the next, 0 within the limit."""
        full = self._full
        self._full = full = (full if full > now else now) + self._interval
        return full - now - self._slack


class WaitingConnections:
    """Connections that have asked for nothing yet, oldest first.

    Past `most` of them, or `most_per_address` of one address, the oldest is dropped and not the
    newcomer: who has something to ask does so at once. An address of "" is nobody's in particular
    (many are behind a proxy) and has no bound of its own.
    """

    def __init__(self, most: int, most_per_address: int) -> None:
        self._most = most
        self._most_per_address = most_per_address
        self._drops: OrderedDict[object, tuple[str, Callable[[], None]]] = OrderedDict()
        self._by_address: dict[str, OrderedDict[object, None]] = {}

    def __len__(self) -> int:
        return len(self._drops)

    def add(self, token: object, address: str, drop: Callable[[], None]) -> bool:
        """A connection waits; `drop` ends it. Whether another one was dropped for it."""
        self._drops[token] = (address, drop)
        if address:
            of_address = self._by_address.setdefault(address, OrderedDict())
            of_address[token] = None
            if len(of_address) > self._most_per_address:
                return self._drop(next(iter(of_address)))
        return len(self._drops) > self._most and self.drop_oldest()

    def discard(self, token: object) -> None:
        """A connection waits no longer, or has ended."""
        address, _ = self._drops.pop(token, ("", None))
        of_address = self._by_address.get(address)
        if of_address is not None:
            of_address.pop(token, None)
            if not of_address:
                del self._by_address[address]

    def drop_oldest(self) -> bool:
        """Drop the connection that has waited longest; False if none waits."""
        return bool(self._drops) and self._drop(next(iter(self._drops)))

    def _drop(self, token: object) -> bool:
        drop = self._drops[token][1]
        self.discard(token)
        drop()
        return True


def address_of(host: str) -> str:
    """What counts as one address: of IPv6 the first 64 bits, of which a peer may use any other."""
    if ":" not in host:
        return host
    try:
        address = ipaddress.IPv6Address(host.partition("%")[0])
    except ValueError:
        return host
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.IPv6Address(int(address) >> 64 << 64))


def within_open_files(settings: Settings, open_files: int) -> tuple[Settings, str | None]:
    """Settings whose connections fit into the limit of open files, and a warning if they did not.

    Without a descriptor left even the database could not be opened again.
    """
    needed = (
        settings.max_connections
        + settings.max_handshakes
        + settings.max_http_connections
        + RESERVED_FILES
    )
    if needed <= open_files:
        return settings, None
    room = max(open_files - RESERVED_FILES, 8)
    handshakes = min(settings.max_handshakes, max(1, room // 8))
    http = min(settings.max_http_connections, max(1, room // 8))
    stations = min(settings.max_connections, room - handshakes - http)
    fitting = replace(
        settings,
        max_connections=stations,
        max_handshakes=handshakes,
        max_http_connections=http,
    )
    return fitting, (
        f"only {open_files} files may be open: room for {stations} charge points, {handshakes}"
        f" handshakes and {http} HTTP connections at once; all that is set needs {needed}"
        " (ulimit -n, LimitNOFILE=, --ulimit nofile=)"
    )
