"""Transactions as they are read: one, a page, a period. How they begin is in store.starts, how they
end in store.stops.
"""

from __future__ import annotations

from collections.abc import Sequence

from ocpp_trio.store import queries
from ocpp_trio.store.database import Row, Tx

Q = queries.load("transactions")

LAST = 2**63 - 1
"""No id is beyond it."""
SEARCHED = 50
"""So many of a station's newest transactions are looked through for one that has just ended."""


def find(tx: Tx, transaction_id: int) -> Row | None:
    """One transaction."""
    return tx.one(Q.find, id=transaction_id)


def find_of(tx: Tx, charge_point_id: str, transaction_id: int) -> Row | None:
    """One transaction of one charge point."""
    return tx.one(Q.find_of, id=transaction_id, charge_point_id=charge_point_id)


def find_open(tx: Tx, charge_point_id: str, connector_id: int) -> Row | None:
    """The newest running transaction of a connector."""
    return tx.one(Q.find_open, charge_point_id=charge_point_id, connector_id=connector_id)


def find_running(tx: Tx, charge_point_id: str, connector_id: int, moment: int) -> Row | None:
    """The transaction that ran on a connector at a moment (ms) as far as we were told then; else
    the one that runs now.
    """
    now = find_open(tx, charge_point_id, connector_id)
    if now is not None and now["received_at"] <= moment:
        return now
    before = tx.one(
        Q.find_ended_since,
        charge_point_id=charge_point_id,
        connector_id=connector_id,
        moment=moment,
        searched=SEARCHED,
    )
    return now if before is None else before


def page(
    tx: Tx,
    charge_point_id: str | None,
    is_complete: bool | None,
    before: int | None,
    limit: int,
    offset: int,
) -> Sequence[Row]:
    """A page of transactions, newest first; with `before` only ids below it."""
    place = {"before": LAST if before is None else before, "limit": limit, "offset": offset}
    if is_complete is False:
        return tx.all(Q.page_of_open, charge_point_id=charge_point_id, **place)
    wanted = None if is_complete is None else 1
    if charge_point_id is None:
        return tx.all(Q.page, is_complete=wanted, **place)
    return tx.all(Q.page_of, charge_point_id=charge_point_id, is_complete=wanted, **place)


def count(tx: Tx, charge_point_id: str | None, is_complete: bool | None) -> int:
    """How many transactions the filters leave. Counted in indexes: those that are over are all
    without the running ones.
    """
    running = 0
    if is_complete is not None:
        running = _total(tx.one(Q.count_open, charge_point_id=charge_point_id))
    if is_complete is False:
        return running
    if charge_point_id is None:
        return _total(tx.one(Q.count)) - running
    return _total(tx.one(Q.count_of, charge_point_id=charge_point_id)) - running


def _total(row: Row | None) -> int:
    assert row is not None
    total: int = row["total"]
    return total
