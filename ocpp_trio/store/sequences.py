"""Numbers that OCPP wants from us: each is given once, also after a restart."""

from __future__ import annotations

from ocpp_trio.store import queries
from ocpp_trio.store.database import Tx

Q = queries.load("sequences")


def take(tx: Tx, name: str) -> int:
    """The next number of a sequence, from 1 on."""
    row = tx.one(Q.take, name=name)
    assert row is not None
    value: int = row["value"]
    return value
