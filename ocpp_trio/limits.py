"""Limits on what peers may take: how often each was reached, and the arithmetic of two of them."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import NamedTuple

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
    api_keys_wrong: int = 0
    api_keys_refused: int = 0
    commands_refused: int = 0
    accepts_failed: int = 0

    def station_refused(self, status: int) -> None:
        """A charge point was refused by who it is, with this HTTP status."""
        if status in {401, 403}:
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


class _Waiting(NamedTuple):
    """A connection that waits: its address, since when, and how to end it."""

    address: str
    since: float
    drop: Callable[[], None]


class WaitingConnections:
    """Connections that have asked for nothing yet, oldest first.

    Past `most_per_address` of one address its oldest are dropped, but none that is younger than
    `grace` seconds: thousands of honest peers may be behind one address, and all come at once; each
    needs a moment. Past `most` in all one is dropped whatever its age, of the newcomer's address if
    that has more than its part. The newcomer never is: who has something to ask does so at once.

    An address of "" is nobody's in particular (a proxy) and has no bound of its own.
    """

    def __init__(self, most: int, most_per_address: int, grace: float) -> None:
        self._most = most
        self._most_per_address = most_per_address
        self._grace = grace
        self._all: OrderedDict[object, _Waiting] = OrderedDict()
        self._by_address: dict[str, OrderedDict[object, None]] = {}

    def __len__(self) -> int:
        return len(self._all)

    def add(self, token: object, address: str, now: float, drop: Callable[[], None]) -> int:
        """A connection waits from `now` on; `drop` ends it. How many others were dropped for it."""
        self._all[token] = _Waiting(address, now, drop)
        of_address = self._by_address.setdefault(address, OrderedDict())
        of_address[token] = None
        dropped = 0
        if address:
            while len(of_address) > self._most_per_address:
                oldest = next(iter(of_address))
                if now - self._all[oldest].since < self._grace:
                    break
                dropped += self._drop(oldest)
        if len(self._all) > self._most:
            is_most = len(of_address) > self._most_per_address
            dropped += self._drop(next(iter(of_address if is_most else self._all)))
        return dropped

    def discard(self, token: object) -> None:
        """A connection waits no longer, or has ended."""
        waiting = self._all.pop(token, None)
        if waiting is not None:
            of_address = self._by_address[waiting.address]
            del of_address[token]
            if not of_address:
                del self._by_address[waiting.address]

    def drop_oldest(self) -> bool:
        """Drop the connection that has waited longest; False if none waits."""
        return bool(self._all) and self._drop(next(iter(self._all)))

    def _drop(self, token: object) -> bool:
        drop = self._all[token].drop
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
