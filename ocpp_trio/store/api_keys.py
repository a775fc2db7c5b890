"""API keys: only their hashes are stored.

A key that was revoked keeps its row, and its name: a name stands for one key for ever.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ocpp_trio.store import queries
from ocpp_trio.store.database import Row, Tx
from ocpp_trio.store.listing import Listing

Q = queries.load("api_keys")

PREFIX = "ocpp_"
RANDOM_BYTES = 32


class NewKey(NamedTuple):
    """A key to store; `expires_at` in ms, None: never."""

    name: str
    role: str
    key_hash: str
    created_by: str
    expires_at: int | None = None


class Stored(NamedTuple):
    """The keys that are not revoked, oldest first, and whether one was ever made."""

    rows: Sequence[Row]
    ever_made: bool


class Filter(NamedTuple):
    """Which keys; None: any."""

    name: str | None = None
    role: str | None = None


def make_secret() -> str:
    """The text of a new key."""
    return PREFIX + secrets.token_urlsafe(RANDOM_BYTES)


def digest(key: bytes) -> bytes:
    """What is kept of a key: its SHA-256. With 256 random bits neither salt nor a slow hash adds
    anything: no two keys are the same, and none can be guessed.
    """
    return hashlib.sha256(key).digest()


def insert(tx: Tx, new: NewKey, now: int) -> Row | None:
    """Add a key; None if the name is taken."""
    return tx.one(Q.insert, **new._asdict(), now=now)


def stored(tx: Tx) -> Stored:
    """What a server needs to know of the keys."""
    row = tx.one(Q.any)
    assert row is not None
    return Stored(tx.all(Q.not_revoked), bool(row["made"]))


def find(tx: Tx, key_id: int) -> Row | None:
    """One key."""
    return tx.one(Q.find, id=key_id)


def revoke(tx: Tx, key_id: int, revoked_by: str, now: int) -> Row | None:
    """Revoke a key; None if there is none that counts."""
    return tx.one(Q.revoke, id=key_id, revoked_by=revoked_by, now=now)


def note_used(tx: Tx, used: Mapping[int, int]) -> None:
    """Store when keys were last used: id to ms."""
    tx.many(Q.used, [(moment, key_id, moment) for key_id, moment in used.items()])


listing = Listing(Q.page, Q.count)
"""Keys, revoked ones as well; takes a Filter."""
