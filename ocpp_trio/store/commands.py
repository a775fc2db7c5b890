"""Command records: each CALL to a charge point that somebody asked for, and what became of it."""

from __future__ import annotations

import json

from ocpp_trio.domain.commands import Command
from ocpp_trio.store import queries
from ocpp_trio.store.database import Row, Tx
from ocpp_trio.store.effects import CREATED, ENDED

Q = queries.load("commands")


def create(
    tx: Tx,
    charge_point_id: str,
    action: str,
    payload: str,
    actor: str,
    reason: str | None,
    expires_at: int,
    now: int,
    follow_until: int | None = None,
) -> int:
    """A queued command; its id. `payload` is JSON text, `expires_at` ms, `follow_until` too: how
    long what the station does because of it may take.
    """
    row = tx.one(
        Q.insert,
        charge_point_id=charge_point_id,
        action=action,
        payload=payload,
        actor=actor,
        reason=reason,
        expires_at=expires_at,
        now=now,
    )
    assert row is not None
    effect = CREATED.get(action)
    if effect is not None:
        effect(tx, _command(row)._replace(follow_until=follow_until), now)
    command_id: int = row["id"]
    return command_id


def mark_sent(tx: Tx, command_id: int, now: int) -> None:
    """Written before the CALL goes out: after a crash a sent command is `unknown`, never resent."""
    tx.run(Q.mark_sent, id=command_id, now=now)


def finish(
    tx: Tx, command_id: int, state: str, response: str | None, error: str | None, now: int
) -> None:
    """The end of a command: its state, and the answer as JSON text or the error in words."""
    row = tx.one(
        Q.finish,
        id=command_id,
        state=state,
        state_again=state,
        response=response,
        error=error,
        now=now,
    )
    effect = None if row is None else ENDED.get(row["action"])
    if row is not None and effect is not None:
        effect(tx, _command(row), now)


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
    )


def abandon(tx: Tx, now: int) -> int:
    """At start: end what the last process left open; how many there were."""
    return tx.run(Q.abandon, now=now)


def find(tx: Tx, command_id: int) -> Row | None:
    """One command."""
    return tx.one(Q.find, id=command_id)
