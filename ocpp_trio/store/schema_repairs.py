"""How often messages of a charge point were taken although they break the schema."""

from __future__ import annotations

from collections.abc import Sequence

from ocpp_trio.store import queries
from ocpp_trio.store.database import Row, Tx

Q = queries.load("schema_repairs")


def add(tx: Tx, counted: Sequence[tuple[str, str, str, int, int, int]]) -> None:
    """Count (charge point, action, repair, times, now, now) of many at once; moments in ms."""
    tx.many(Q.add, counted)


def of_charge_point(tx: Tx, charge_point_id: str) -> Sequence[Row]:
    """The repairs of one charge point, the most frequent first."""
    return tx.all(Q.of_charge_point, charge_point_id=charge_point_id)
