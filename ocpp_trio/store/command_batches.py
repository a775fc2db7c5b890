"""Batches: one command for many charge points, a record each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from ocpp_trio.domain.redaction import redact_json
from ocpp_trio.store import commands, queries
from ocpp_trio.store.database import Row, Tx

Q = queries.load("command_batches")


class Selection(NamedTuple):
    """Which charge points; None: any. `connected` is 0 or 1."""

    registration: str | None = None
    vendor: str | None = None
    model: str | None = None
    firmware_version: str | None = None
    connected: int | None = None


class NewBatch(NamedTuple):
    """What is asked of each charge point. `payload` is JSON text, times are ms."""

    action: str
    payload: str
    actor: str
    concurrency: int
    expires_at: int | None
    answer_timeout: int
    idempotency_id: int | None
    follow_for: int = commands.FOLLOW_FOR_MS
    # The node that hands it out.
    node_id: str | None = None


class Created(NamedTuple):
    """`batch_id` is None if there is none: because of `unknown` ids, or of their number."""

    batch_id: int | None
    total: int
    unknown: list[str]


def create(tx: Tx, new: NewBatch, wanted: Selection | list[str], limit: int, now: int) -> Created:
    """A batch and a queued command for each charge point; all or nothing, at most `limit`."""
    if isinstance(wanted, Selection):
        points, unknown = _choose(tx, wanted), []
    else:
        known = set(_choose(tx, Selection()))
        points = list(dict.fromkeys(wanted))
        unknown = [point for point in points if point not in known]
    if unknown or not 0 < len(points) <= limit:
        return Created(None, len(points), unknown)
    row = tx.one(
        Q.insert,
        action=new.action,
        payload=redact_json(new.payload),
        actor=new.actor,
        concurrency=new.concurrency,
        total=len(points),
        idempotency_id=new.idempotency_id,
        now=now,
        expires_at=new.expires_at,
        node_id=new.node_id,
    )
    assert row is not None
    for point in points:
        request = commands.Request(
            point,
            new.action,
            new.payload,
            new.actor,
            expires_at=new.expires_at,
            answer_timeout=new.answer_timeout,
            follow_for=new.follow_for,
            from_node_id=new.node_id,
        )
        commands.create(tx, request, now, row["id"])
    return Created(row["id"], len(points), [])


def _choose(tx: Tx, which: Selection) -> list[str]:
    return [row["id"] for row in tx.all(Q.choose, **which._asdict())]


def find(tx: Tx, batch_id: int) -> Row | None:
    """One batch; its `states` say how many of its commands are in each state that occurs."""
    row = tx.one(Q.find, id=batch_id)
    return None if row is None else _with_states(tx, [row])[0]


def find_by_key(tx: Tx, idempotency_id: int) -> Row | None:
    """The batch that a request under an idempotency key asked for, with its `states`."""
    row = tx.one(Q.find_by_key, idempotency_id=idempotency_id)
    return None if row is None else _with_states(tx, [row])[0]


def page(
    tx: Tx, action: str | None, actor: str | None, before: int | None, limit: int, offset: int
) -> list[Row]:
    """A page of batches with their `states`, newest first; with `before` only ids below it."""
    rows = tx.all(Q.page, action=action, actor=actor, before=before, limit=limit, offset=offset)
    return _with_states(tx, rows)


def _with_states(tx: Tx, rows: Sequence[Row]) -> list[Row]:
    if not rows:
        return []
    found: defaultdict[int, dict[str, int]] = defaultdict(dict)
    for row in tx.all(Q.states, first=rows[-1]["id"], last=rows[0]["id"]):
        found[row["batch_id"]][row["state"]] = row["commands"]
    return [{**dict(row), "states": found[row["id"]]} for row in rows]


def count(tx: Tx, action: str | None, actor: str | None) -> int:
    """How many batches the filters leave."""
    row = tx.one(Q.count, action=action, actor=actor)
    assert row is not None
    total: int = row["total"]
    return total


def take_up(tx: Tx, node_id: str, until: int) -> list[tuple[int, int]]:
    """Take over what nodes that are no more had to hand out: (id, concurrency) of those batches
    that have something to send. `until` (ms) it is kept for stations that are not back yet, unless
    it expires later anyway.
    """
    taken = []
    for row in tx.all(Q.orphaned):
        if tx.run(Q.take_up, id=row["id"], node_id=node_id):
            tx.run(Q.extend, batch_id=row["id"], node_id=node_id, until=until)
            taken.append((row["id"], row["concurrency"]))
    return taken
