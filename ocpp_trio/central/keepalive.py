"""Dead links: one timer looks at all connections (OCPP-J 1.6 errata 3.11).

A ping goes out every OCPP_PING_INTERVAL give or take 20 %. Unanswered for OCPP_PING_TIMEOUT it is a
miss and the next follows at once; after two misses without a single byte the link is dead. A send
that hangs for OCPP_SEND_TIMEOUT is a dead link too.
"""

from __future__ import annotations

import trio

from ocpp_trio.central.context import Central
from ocpp_trio.supervise import jittered

MISSES = 2
AT_ONCE = 50
"""Connections looked at before others have a turn: 10,000 in one go would hold all messages up."""


class Pulse:
    """The ping state of one connection."""

    __slots__ = ("interval", "misses", "next_ping", "sent_at", "timeout")

    def __init__(self, interval: float, timeout: float, now: float) -> None:
        self.interval = interval
        self.timeout = timeout
        self.misses = 0
        self.sent_at: float | None = None
        self.next_ping = now + jittered(interval)

    def check(self, now: float, last_received: float, busy: bool) -> str:
        """What to do: "" nothing, "ping" or "dead". `busy`: we are not reading, so cannot judge."""
        if self.sent_at is None:
            if now < self.next_ping:
                return ""
            self.sent_at = now
            return "ping"
        if last_received >= self.sent_at or busy:
            self.sent_at = None
            self.misses = 0
            self.next_ping = now + jittered(self.interval)
            return ""
        if now - self.sent_at < self.timeout:
            return ""
        self.misses += 1
        if self.misses >= MISSES:
            return "dead"
        self.sent_at = now
        return "ping"


async def watch(central: Central) -> None:
    """Look at all connections, for ever. Sends the stations offline when the database fails."""
    settings = central.settings
    step = min(
        1.0, settings.ping_timeout / 4, settings.ping_interval / 4, settings.send_timeout / 4
    )
    while True:
        await trio.sleep(step)
        for place, session in enumerate(central.hub.sessions(), 1):
            if place % AT_ONCE == 0:
                await trio.lowlevel.checkpoint()
            if central.database.failing_for() >= settings.db_offline_after:
                # Offline, a station keeps its transactions; answered with errors it drops them.
                session.end(1013, "the database is not available, try again later")
            else:
                session.check_link(trio.current_time())
