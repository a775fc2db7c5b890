"""Remote starts: which transaction a RemoteStartTransaction led to (OCPP 1.6 section 5.11).

The station answers that it will try; the StartTransaction that follows names no command. So a
remote start waits in the books for the next start of its tag, also across a restart of the server.
"""

from __future__ import annotations

from collections.abc import Sequence

from ocpp_trio.domain import rules
from ocpp_trio.domain.commands import Command
from ocpp_trio.store import charging_profiles, queries
from ocpp_trio.store.database import Row, Tx

Q = queries.load("remote_starts")

CLOCK_TOLERANCE_MS = 300_000
"""A start may seem to lie so far before its remote start: what is left of a measured clock."""

# What a command may end with although the station may have carried it out.
_OPEN_ENDS = frozenset({"timeout", "replaced", "unknown"})


def create(tx: Tx, command: Command, now: int) -> None:
    """Wait for the transaction, from before the command is sent: its start may come first."""
    id_tag = command.payload["idTag"]
    tx.run(
        Q.insert,
        command_id=command.id,
        charge_point_id=command.charge_point_id,
        connector_id=command.payload.get("connectorId") or None,
        id_tag=id_tag,
        tag_key=rules.tag_key(id_tag),
        now=now,
        expires_at=now + command.follow_for,
    )


def sent(tx: Tx, command: Command, now: int) -> None:
    """The command goes out, perhaps long after it was asked for: its time begins now."""
    tx.run(Q.send, command_id=command.id, now=now)


def note_answer(tx: Tx, command: Command, now: int) -> None:
    """What the station said. Without an answer it may start all the same, so it is waited for."""
    if command.status == "Accepted":
        tx.run(Q.accept, command_id=command.id, now=now)
    elif command.response is not None or command.state not in _OPEN_ENDS:
        tx.run(Q.unmark_transaction, command_id=command.id)
        tx.run(Q.refuse, command_id=command.id)


def join(
    tx: Tx,
    charge_point_id: str,
    connector_id: int,
    tag_key: str,
    transaction_id: int,
    started_at: int | None,
    now: int,
) -> int | None:
    """Find the remote start that a new transaction follows, and tie the two; its command's id.

    `started_at` is the station's time of the start (ms), None if it cannot be believed: a start
    that was queued offline for hours follows no remote start of today.
    """
    row = tx.one(
        Q.join,
        charge_point_id=charge_point_id,
        connector_id=connector_id,
        tag_key=tag_key,
        transaction_id=transaction_id,
        started_at=started_at,
        tolerance=CLOCK_TOLERANCE_MS,
        now=now,
    )
    if row is None:
        return None
    command_id: int = row["command_id"]
    tx.run(Q.mark_transaction, id=transaction_id, command_id=command_id)
    return command_id


def expire(tx: Tx, now: int) -> Sequence[Row]:
    """Give up on what no transaction will follow any more; those whose time was over."""
    rows = tx.all(Q.expire, now=now)
    for charge_point_id in {row["charge_point_id"] for row in rows}:
        charging_profiles.give_up(tx, charge_point_id, now)
    return rows


def page(
    tx: Tx,
    charge_point_id: str | None,
    state: str | None,
    before: int | None,
    limit: int,
    offset: int,
) -> Sequence[Row]:
    """A page of remote starts, newest first; with `before` only those of older commands."""
    return tx.all(
        Q.page,
        charge_point_id=charge_point_id,
        state=state,
        before=before,
        limit=limit,
        offset=offset,
    )


def count(tx: Tx, charge_point_id: str | None, state: str | None) -> int:
    """How many remote starts the filters leave."""
    row = tx.one(Q.count, charge_point_id=charge_point_id, state=state)
    assert row is not None
    total: int = row["total"]
    return total
