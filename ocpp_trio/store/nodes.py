"""The processes that share one database: who is there, and what becomes of what a dead one held.

No clock decides who lives, for no two machines have the same: a node counts up, and the others see
whether it does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ocpp_trio.store import charge_points, commands, node_messages, queries
from ocpp_trio.store.database import Row, Tx

Q = queries.load("nodes")


class Member(NamedTuple):
    """A node as it enters. `place`: where it listens, which nobody else can while it lives."""

    id: str
    name: str
    role: str
    place: str
    public_key: str = ""


class Buried(NamedTuple):
    """A node that is no more, and how many connections and commands it left open."""

    id: str
    name: str
    connections: int
    commands: int


def enter(tx: Tx, member: Member, beats: int, alone: bool, now: int) -> list[Buried]:
    """Add a node; whom it has outlived. `alone`: nobody else can have the database open."""
    left = [
        _bury(tx, row, "the server was restarted", now)
        for row in tx.all(Q.all)
        if alone or row["id"] == member.id or row["place"] == member.place != ""
    ]
    tx.run(Q.insert, **member._asdict(), beats=beats, now=now)
    return left


def beat(tx: Tx, node_id: str, beats: int, now: int) -> Sequence[Row] | None:
    """A node is there; all nodes, oldest first. None if the others have declared it dead."""
    if not tx.run(Q.beat, id=node_id, beats=beats, now=now):
        return None
    return tx.all(Q.all)


def everybody(tx: Tx) -> Sequence[Row]:
    """All nodes, oldest first, each with its number of `connections`."""
    return tx.all(Q.with_connections)


def find(tx: Tx, node_id: str) -> Row | None:
    """One node; None if it is no more."""
    return tx.one(Q.find, id=node_id)


def bury(tx: Tx, node_id: str, beats: int, now: int) -> Buried | None:
    """Declare a node dead that was last seen at `beats`; None if it has moved since, or somebody
    else has done so.
    """
    row = tx.one(Q.declare_dead, id=node_id, beats=beats)
    return None if row is None else _bury(tx, row, f"the node {row['name']} is gone", now)


def leave(tx: Tx, node_id: str, now: int) -> None:
    """A node ends in order."""
    row = tx.one(Q.find, id=node_id)
    if row is not None:
        _bury(tx, row, "the server was stopped", now)


def _bury(tx: Tx, row: Row, reason: str, now: int) -> Buried:
    tx.run(Q.delete, id=row["id"])
    node_messages.forget(tx, row["id"])
    connections = charge_points.release(tx, row["id"], reason, now)
    open_commands = commands.abandon(tx, row["id"], reason, now)
    return Buried(row["id"], row["name"], connections, open_commands)


def address(tx: Tx, command_id: int, node_id: str) -> None:
    """Leave a queued command to another node."""
    if tx.one(Q.address, id=command_id, node_id=node_id) is not None:
        tx.notify(node_id, str(command_id))


class News(NamedTuple):
    """Commands that a node is to send, or that somebody there waits for, and its messages."""

    commands: Sequence[Row]
    messages: Sequence[Row]


def news(tx: Tx, node_id: str, awaited: Sequence[int]) -> News:
    """What other nodes have left for a node."""
    found = [*tx.all(Q.addressed, node_id=node_id), *commands.several(tx, awaited)]
    return News(found, node_messages.of_node(tx, node_id))
