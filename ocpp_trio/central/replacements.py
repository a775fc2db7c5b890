"""Charge points that take over their own connection again and again.

Two devices with one id, or an attacker beside a charge point, would push each other out for ever.
Beyond a bound the id is turned away for a while, and a security event tells.
"""

from __future__ import annotations

from collections import OrderedDict
from contextlib import suppress

import structlog
import trio

from ocpp_trio.central.burst import Burst
from ocpp_trio.config import Settings
from ocpp_trio.domain.security_events import REPLACED
from ocpp_trio.domain.times import Now
from ocpp_trio.errors import StoreUnavailable
from ocpp_trio.store import security_events, station_keys
from ocpp_trio.store.database import Database, Tx

log = structlog.get_logger(source="listener")

MAX_REMEMBERED = 10_000

BLOCKED = "replaced its connection too often"


class Replacements:
    """Counts who replaced a connection."""

    def __init__(self, settings: Settings, database: Database, now: Now) -> None:
        self._settings = settings
        self._database = database
        self._now = now
        self._bursts: OrderedDict[str, Burst] = OrderedDict()

    async def note(self, charge_point_id: str, remote: str) -> bool:
        """A connection was replaced; True if that was too often: then the id is blocked."""
        settings = self._settings
        burst = self._bursts.get(charge_point_id)
        if burst is None:
            burst = Burst(settings.replacements + 1, settings.replacement_window)
            self._bursts[charge_point_id] = burst
        self._bursts.move_to_end(charge_point_id)
        if len(self._bursts) > MAX_REMEMBERED:
            self._bursts.popitem(last=False)
        if not burst.hit():
            return False
        del self._bursts[charge_point_id]
        now = self._now()
        until = now + int(settings.replacement_block * 1000)
        # Whoever calls holds a session that must end in order, whatever becomes of this.
        with trio.CancelScope(shield=True), suppress(StoreUnavailable):
            await self._database.write(_block, charge_point_id, remote, until, now)
        log.warning(
            "charge point blocked: it replaced its connection too often",
            charge_point=charge_point_id,
            remote=remote,
            seconds=settings.replacement_block,
        )
        return True


def _block(tx: Tx, charge_point_id: str, remote: str, until: int, now: int) -> None:
    station_keys.block(tx, charge_point_id, until, now)
    security_events.note(tx, charge_point_id, REPLACED, f"last from {remote}", now)
