"""The system log as the API shows it: what happened, about which charge point."""

from __future__ import annotations

from collections.abc import Sequence

from ocpp_trio.logs import Entry
from ocpp_trio.store import queries
from ocpp_trio.store.database import Row, Tx

Q = queries.load("logs")


def insert(tx: Tx, entries: Sequence[Entry]) -> None:
    """Store entries in the order they were logged."""
    tx.many(Q.insert, entries)


def page(
    tx: Tx, charge_point_id: str | None, level: str | None, limit: int, offset: int
) -> tuple[Sequence[Row], int]:
    """A page of entries, newest first, and how many the filters leave in all."""
    total = tx.one(Q.count, charge_point_id=charge_point_id, level=level)
    assert total is not None
    rows = tx.all(Q.page, charge_point_id=charge_point_id, level=level, limit=limit, offset=offset)
    return rows, total["total"]
