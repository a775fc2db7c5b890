"""Whether the books can be true: what holds for transactions in every sound database."""

from __future__ import annotations

from ocpp_trio.store import queries
from ocpp_trio.store.database import Row, Tx

Q = queries.load("books")


def faults(tx: Tx) -> list[str]:
    """What cannot be, in words; at most ten of a kind."""
    found = [f"transaction {row['id']}: no such id can be" for row in tx.all(Q.find_impossible_ids)]
    found += [
        f"charge point {row['charge_point_id']}: one start ({row['replay_key']}) is stored"
        f" {row['times']} times"
        for row in tx.all(Q.find_doubled)
    ]
    found += [
        f"transaction {row['id']}: complete, but without a stop"
        for row in tx.all(Q.find_without_stop)
    ]
    return found


def newest(tx: Tx) -> Row | None:
    """The transaction that began last."""
    return tx.one(Q.newest)
