"""Review items: messages that could not be matched, kept for a person to decide. What a decision
does to the books is in store.resolving.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ocpp_trio.domain import readings
from ocpp_trio.store import queries, suggestions
from ocpp_trio.store.database import Row, Tx

Q = queries.load("review")

UNMATCHED = "unmatched"
CONFLICT = "conflict"
ABSURD = "absurd"

ATTACHED = "attached"
DISCARDED = "discarded"

LIMIT = 1000
"""Open items of one charge point, unless a setting says otherwise."""

MAX_LISTED = 65_536
"""Characters of a message that a list still shows: a thousand of them must fit into memory."""

Suggestion = int | Callable[[Tx], int | None] | None
"""A transaction that may fit, or how to find one: asked only for a message that is new."""


def keep(
    tx: Tx,
    kind: str,
    charge_point_id: str,
    action: str,
    reason: str,
    message: str,
    now: int,
    suggestion: Suggestion = None,
    limit: int = LIMIT,
) -> bool:
    """Keep a message; `message` is its payload as JSON. False: it is not kept, only counted, for
    the charge point has `limit` items open.

    The same payload of the same charge point is kept once and counted, also once it is resolved.
    Without a time that can be believed it may then be about another session, and is kept anew.
    """
    digest = readings.digest(action, 0, message)
    while True:
        same = tx.one(Q.find_same, charge_point_id=charge_point_id, digest=digest)
        if same is None:
            break
        if same["resolution"] is None or suggestions.has_time(message, now):
            tx.run(Q.count_again, id=same["id"])
            return True
        digest = readings.digest(action, same["id"], message)
    waiting = tx.one(Q.count_open_of, charge_point_id=charge_point_id)
    assert waiting is not None
    if waiting["total"] >= limit:
        tx.run(Q.count_overflow, charge_point_id=charge_point_id)
        return False
    tx.run(
        Q.insert,
        kind=kind,
        charge_point_id=charge_point_id,
        action=action,
        reason=reason,
        message=message,
        digest=digest,
        suggestion=suggestion(tx) if callable(suggestion) else suggestion,
        now=now,
    )
    return True


def keep_of_stranger(
    tx: Tx, charge_point_id: str, action: str, message: str, limit: int, now: int
) -> bool:
    """Keep a message of a station that is not accepted; see `keep`."""
    reason = "the charge point was not accepted when it sent this"
    guess = suggestions.of_text(charge_point_id, message)
    return keep(tx, UNMATCHED, charge_point_id, action, reason, message, now, guess, limit)


def find(tx: Tx, item_id: int) -> Row | None:
    """One item, whole."""
    return tx.one(Q.find, id=item_id)


def of_charge_point(tx: Tx, charge_point_id: str) -> Sequence[Row]:
    """Everything kept of one charge point, oldest first."""
    return tx.all(Q.of_charge_point, charge_point_id=charge_point_id)


def page(tx: Tx, filters: Mapping[str, Any], limit: int, offset: int) -> tuple[Sequence[Row], int]:
    """A page of items, newest first, and how many the filters leave in all. A message longer than
    MAX_LISTED is left out.

    `filters`: charge_point_id, kind, action, is_open, since, until; None keeps all.
    """
    total = tx.one(Q.count, **filters)
    assert total is not None
    return behind(tx, filters, None, limit, offset), total["total"]


def behind(
    tx: Tx, filters: Mapping[str, Any], item_id: int | None, limit: int, offset: int = 0
) -> Sequence[Row]:
    """The items that follow one in the order of `page`."""
    return tx.all(Q.page, before=item_id, limit=limit, offset=offset, longest=MAX_LISTED, **filters)


def count_open(tx: Tx) -> int:
    """How many items wait for a person."""
    row = tx.one(Q.count_open)
    assert row is not None
    total: int = row["total"]
    return total


def resolve(
    tx: Tx,
    item_id: int,
    resolution: str,
    actor: str,
    note: str | None,
    now: int,
    transaction_id: int | None = None,
    replaced: str | None = None,
) -> Row:
    """Note what was decided about an open item; the new row."""
    row = tx.one(
        Q.resolve,
        id=item_id,
        resolution=resolution,
        actor=actor,
        note=note,
        now=now,
        transaction_id=transaction_id,
        replaced=replaced,
    )
    assert row is not None
    return row
