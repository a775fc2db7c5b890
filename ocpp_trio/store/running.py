"""Running transactions as the services watch over them: unread, offline, or not what they seem."""

from __future__ import annotations

from collections.abc import Sequence

from ocpp_trio.store import queries, stops
from ocpp_trio.store.database import Row, Tx

Q = queries.load("running")

HOUR_MS = 3_600_000


def unread(tx: Tx, before: int, now: int) -> Sequence[Row]:
    """Running transactions whose newest reading is older than `before` (ms), or of the future."""
    return tx.all(Q.unread, before=before, now=now)


def back_up(tx: Tx) -> int:
    """Keep the newest register of each running transaction as a meter value; how many were new."""
    return tx.run(Q.back_up)


def offline(tx: Tx, before: int) -> Sequence[Row]:
    """Running transactions of charge points that were offline already at `before` (ms)."""
    return tx.all(Q.offline, before=before)


def close_offline(tx: Tx, before: int, now: int) -> Sequence[Row]:
    """End those transactions with their last register reading; what was ended. One that cannot be
    ended so is left to people, and stops no other.
    """
    closed = []
    for row in offline(tx, before):
        hours = (now - row["since"]) / HOUR_MS
        reason = f"closed by the server: the charge point was offline for {hours:.1f} h"
        if tx.attempt(stops.close_by_hand, row["id"], None, reason, now) is None:
            closed.append(row)
    return closed


def charging_without(tx: Tx) -> Sequence[Row]:
    """Connectors that charge without a transaction."""
    return tx.all(Q.charging_without)


def running_on_available(tx: Tx) -> Sequence[Row]:
    """Running transactions whose connector is Available."""
    return tx.all(Q.running_on_available)
