"""Idempotency keys: what was asked under each, and the first answer."""

from __future__ import annotations

from ocpp_trio.store import queries
from ocpp_trio.store.database import Row, Tx

Q = queries.load("idempotency")


def claim(
    tx: Tx, actor: str, key: str, fingerprint: str, oldest: int, now: int, node_id: str = ""
) -> Row:
    """Take a key for a request, or find what it stands for already, if used since `oldest` ms.

    Its `node_id` says who works on it. If that node is no more, it is `node_id` now.
    """
    tx.run(Q.drop_old, actor=actor, idempotency_key=key, oldest=oldest)
    tx.run(
        Q.claim,
        actor=actor,
        idempotency_key=key,
        fingerprint=fingerprint,
        node_id=node_id,
        now=now,
    )
    tx.run(Q.take_over, actor=actor, idempotency_key=key, node_id=node_id)
    row = tx.one(Q.find, actor=actor, idempotency_key=key)
    assert row is not None
    return row


def find(tx: Tx, actor: str, key: str) -> Row | None:
    """What a key stands for; None if it is free."""
    return tx.one(Q.find, actor=actor, idempotency_key=key)


def settle(
    tx: Tx, number: int, status: int, content_type: str, location: str | None, body: str
) -> None:
    """Keep the first answer. An error after which nothing was sent or stored frees the key."""
    if status >= 400 and tx.run(Q.release, id=number):
        return
    tx.run(
        Q.settle, id=number, status=status, content_type=content_type, location=location, body=body
    )


def prune(tx: Tx, oldest: int) -> int:
    """Forget the keys that were used before `oldest` ms; how many."""
    return tx.run(Q.prune, oldest=oldest)
