"""Finding out whether the database takes writes again, when nobody else has anything to write."""

from __future__ import annotations

from ocpp_trio.store import queries
from ocpp_trio.store.database import Tx

Q = queries.load("write_checks")


def check(tx: Tx) -> None:
    """A write that reaches the disk and means nothing."""
    tx.run(Q.write)
