"""API keys: only their hashes are stored."""

from __future__ import annotations

from collections.abc import Sequence

from ocpp_trio.store import queries
from ocpp_trio.store.database import Row, Tx

Q = queries.load("api_keys")


def insert(tx: Tx, name: str, role: str, key_hash: str, now: int) -> bool:
    """Add a key by its hash; False if the name is taken."""
    return bool(tx.run(Q.insert, name=name, role=role, key_hash=key_hash, now=now))


def valid(tx: Tx) -> Sequence[Row]:
    """All keys that count, oldest first."""
    return tx.all(Q.valid)
