"""Ends reservations whose time is over; stations do so by themselves (OCPP 1.6 section 5.13)."""

from __future__ import annotations

import structlog

from ocpp_trio.domain.times import Now
from ocpp_trio.store import reservations
from ocpp_trio.store.database import Database

log = structlog.get_logger()

BATCH = 200


async def expire_reservations(database: Database, now: Now) -> None:
    """One tick."""
    ended = BATCH
    while ended == BATCH:
        ended = await database.write(reservations.expire, BATCH, now())
        if ended:
            log.info("reservations expired", source="reservation expiry", count=ended)
