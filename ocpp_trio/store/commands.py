"""Command records: each CALL to a charge point that somebody asked for, and what became of it.

A command with `expires_at` is kept for its station; any other lives as long as its request, or as
its batch. Secrets in a payload (a password in an address) are stored only while a command waits.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import structlog

from ocpp_trio.domain.commands import Command
from ocpp_trio.domain.redaction import redact_json
from ocpp_trio.store import charge_points, node_messages, queries
from ocpp_trio.store.database import Row, Tx
from ocpp_trio.store.effects import CREATED, ENDED, SENT, Effect
from ocpp_trio.store.listing import Listing

log = structlog.get_logger(source="commands")

Q = queries.load("commands")

ANSWER_TIMEOUT_MS = 30_000
FOLLOW_FOR_MS = 300_000


class Filter(NamedTuple):
    """Which commands; None: any. `since` and `until` (excluded) are ms."""

    charge_point_id: str | None = None
    action: str | None = None
    state: str | None = None
    actor: str | None = None
    batch_id: int | None = None
    since: int | None = None
    until: int | None = None


class Request(NamedTuple):
    """What somebody asks of a charge point. `payload` is JSON text, times are ms."""

    charge_point_id: str
    action: str
    payload: str
    actor: str
    reason: str | None = None
    expires_at: int | None = None
    answer_timeout: int = ANSWER_TIMEOUT_MS
    idempotency_id: int | None = None
    # For so long the station's own messages may follow from it.
    follow_for: int = FOLLOW_FOR_MS
    # What else is stored with it: what its payload must not show.
    also: Effect | None = None
    # Who is to send it, and where somebody waits for it, if that is another node; what the payload
    # does not show, for the eyes of that who sends it.
    node_id: str | None = None
    from_node_id: str | None = None
    sealed: str | None = None


def enqueue(tx: Tx, request: Request, limit: int, now: int, here: str = "") -> int | None:
    """Record a command; its id. None if `limit` commands are kept for its charge point already.

    A command that is kept goes out wherever its station is: another node than `here` is told.
    """
    if request.expires_at is not None:
        row = tx.one(Q.count_kept, charge_point_id=request.charge_point_id)
        assert row is not None
        if row["kept"] >= limit:
            return None
        # Locked: a station that connects at this moment sees the command, or we see where it is.
        point = charge_points.lock(tx, request.charge_point_id)
        if point is not None:
            node_messages.tell_owner(tx, point, here)
    command_id = create(tx, request, now)
    if request.node_id is not None and request.from_node_id is not None:
        tx.notify(request.node_id, str(command_id))
    return command_id


def create_sent(tx: Tx, request: Request, now: int, connection: int) -> tuple[int, bool]:
    """Record a command whose turn has come already, and claim it as `mark_sent` does; its id, and
    whether it was claimed. One commit instead of two.
    """
    command_id = create(tx, request, now)
    return command_id, mark_sent(tx, command_id, now, request.node_id, connection)


def create(tx: Tx, request: Request, now: int, batch_id: int | None = None) -> int:
    """A queued command; its id."""
    # Of what is sent at once, or never, only its sender needs the secrets.
    is_kept = request.expires_at is not None or batch_id is not None
    row = tx.one(
        Q.insert,
        charge_point_id=request.charge_point_id,
        action=request.action,
        payload=request.payload if is_kept else redact_json(request.payload),
        actor=request.actor,
        reason=request.reason,
        expires_at=request.expires_at,
        now=now,
        answer_timeout=request.answer_timeout,
        batch_id=batch_id,
        idempotency_id=request.idempotency_id,
        node_id=request.node_id,
        from_node_id=request.from_node_id,
        sealed=request.sealed,
    )
    assert row is not None
    effect = CREATED.get(request.action)
    if effect is not None:
        payload = json.loads(request.payload)
        effect(tx, _command(row)._replace(payload=payload, follow_for=request.follow_for), now)
    if request.also is not None:
        request.also(tx, _command(row), now)
    command_id: int = row["id"]
    return command_id


def mark_sent(
    tx: Tx, command_id: int, now: int, node_id: str | None = None, connection: int | None = None
) -> bool:
    """Claim a queued command, just before its CALL goes out over a connection of a node; False if
    it is not to be sent, or the connection no longer holds the charge point.

    A claim is never taken back: after a crash the command is `unknown`, never sent again.
    """
    row = tx.one(Q.mark_sent, id=command_id, node_id=node_id, connection=connection, now=now)
    if row is None:
        return False
    _follow(tx, SENT.get(row["action"]), row, now)
    _tell_who_waits(tx, row)
    return True


def finish(
    tx: Tx,
    command_id: int,
    state: str,
    response: str | None,
    error: str | None,
    now: int,
    error_kind: str | None = None,
) -> None:
    """The end of a command: its state, and the answer as JSON text or the error in words and by its
    kind (see ocpp_trio.errors).
    """
    row = tx.one(
        Q.finish,
        id=command_id,
        state=state,
        state_again=state,
        response=None if response is None else redact_json(response),
        error=error,
        error_kind=error_kind,
        now=now,
    )
    if row is not None:
        _end(tx, [row], now)


def cancel(tx: Tx, command_id: int, error: str, now: int) -> Row | None:
    """Cancel a command that was not sent yet; its row, None if it was (or there is none)."""
    row = tx.one(Q.cancel, id=command_id, error=error, now=now)
    if row is not None:
        _end(tx, [row], now)
    return row


def cancel_batch(tx: Tx, batch_id: int, error: str, now: int) -> list[int]:
    """Cancel what a batch has not sent yet; the ids."""
    return _end(tx, tx.all(Q.cancel_batch, batch_id=batch_id, error=error, now=now), now)


def expire(tx: Tx, now: int) -> list[int]:
    """End the kept commands whose time is over; the ids."""
    return _end(tx, tx.all(Q.expire, now=now), now)


def is_due(tx: Tx, now: int) -> bool:
    """Whether `expire` has something to do."""
    return tx.one(Q.due, now=now) is not None


def abandon(tx: Tx, node_id: str, reason: str, now: int) -> int:
    """A node is gone: end what it left open and nobody takes up; how many there were."""
    return len(_end(tx, tx.all(Q.abandon, node_id=node_id, error=reason, now=now), now))


def _end(tx: Tx, rows: Iterable[Row], now: int) -> list[int]:
    """What follows from the end of commands, oldest first; their ids. Secrets in them are no
    longer needed.
    """
    ids = []
    # What a statement returns is in no order.
    for row in sorted(rows, key=lambda row: row["id"]):
        ids.append(row["id"])
        payload = redact_json(row["payload"])
        if payload != row["payload"]:
            tx.run(Q.forget_secrets, id=row["id"], payload=payload)
            row = {**dict(row), "payload": payload}
        _follow(tx, ENDED.get(row["action"]), row, now)
        _tell_who_waits(tx, row)
    return ids


def _tell_who_waits(tx: Tx, row: Row) -> None:
    if row["from_node_id"] not in (None, row["node_id"]):
        tx.notify(row["from_node_id"], str(row["id"]))


def _follow(tx: Tx, effect: Effect | None, row: Row, now: int) -> None:
    """Run an effect. One that fails is undone and logged; the command's record stands: what the
    station has done is done.
    """
    error = None if effect is None else tx.attempt(effect, _command(row), now)
    if error is not None:
        log.error(
            "a command's effect on the books failed",
            charge_point=row["charge_point_id"],
            command=row["id"],
            action=row["action"],
            exc_info=error,
        )


def _command(row: Row) -> Command:
    response = row["response"]
    return Command(
        row["id"],
        row["charge_point_id"],
        row["action"],
        json.loads(row["payload"]),
        row["actor"],
        row["reason"],
        row["state"],
        None if response is None else json.loads(response),
        sent_at=row["sent_at"],
        error=row["error"],
    )


def find(tx: Tx, command_id: int) -> Row | None:
    """One command."""
    return tx.one(Q.find, id=command_id)


def several(tx: Tx, command_ids: Sequence[int]) -> list[Row]:
    """Those of some commands that are there."""
    rows = [tx.one(Q.find, id=command_id) for command_id in command_ids]
    return [row for row in rows if row is not None]


def find_by_key(tx: Tx, idempotency_id: int) -> Row | None:
    """The command that a request under an idempotency key asked for."""
    return tx.one(Q.find_by_key, idempotency_id=idempotency_id)


def next_kept(tx: Tx, charge_point_id: str, after: int) -> Row | None:
    """The oldest command behind `after` that is kept for a charge point."""
    return tx.one(Q.next_kept, charge_point_id=charge_point_id, after=after)


def next_of_batch(tx: Tx, batch_id: int, after: int, limit: int) -> Sequence[Row]:
    """What a batch has still to send, behind `after`, oldest first."""
    return tx.all(Q.next_of_batch, batch_id=batch_id, after=after, limit=limit)


listing = Listing(Q.page, Q.count)
"""Commands; takes a Filter."""
