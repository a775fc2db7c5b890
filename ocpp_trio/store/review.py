"""Review items: messages that could not be matched, kept for a person to decide."""

from __future__ import annotations

from collections.abc import Sequence

from ocpp_trio.domain import readings
from ocpp_trio.store import queries
from ocpp_trio.store.database import Row, Tx

Q = queries.load("review")

UNMATCHED = "unmatched"
CONFLICT = "conflict"
ABSURD = "absurd"


def keep(
    tx: Tx,
    kind: str,
    charge_point_id: str,
    action: str,
    reason: str,
    message: str,
    now: int,
    suggestion: int | None = None,
) -> None:
    """Keep a message; `message` is its payload as JSON, `suggestion` a transaction that may fit.

    The same payload of the same charge point is kept once and counted.
    """
    tx.run(
        Q.put,
        kind=kind,
        charge_point_id=charge_point_id,
        action=action,
        reason=reason,
        message=message,
        digest=readings.digest(action, 0, message),
        suggestion=suggestion,
        now=now,
    )


def of_charge_point(tx: Tx, charge_point_id: str) -> Sequence[Row]:
    """What waits for a person about one charge point, oldest first."""
    return tx.all(Q.of_charge_point, charge_point_id=charge_point_id)


def keep_of_stranger(
    tx: Tx, charge_point_id: str, action: str, message: str, limit: int, now: int
) -> None:
    """Keep a message of a station that is not accepted; of each at most `limit` items."""
    row = tx.one(Q.count_of, charge_point_id=charge_point_id)
    if row is not None and row["total"] < limit:
        reason = "the charge point was not accepted when it sent this"
        keep(tx, UNMATCHED, charge_point_id, action, reason, message, now)
