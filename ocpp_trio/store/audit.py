"""The audit trail: who changed or commanded what, when, from where, and what became of it.

An entry is stored before anything is done; its outcome follows. So no change is without its entry,
also if the process dies in between: then the outcome stays unknown.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from ocpp_trio.store import queries
from ocpp_trio.store.database import Tx
from ocpp_trio.store.listing import Listing

Q = queries.load("audit")

DONE = "done"
REFUSED = "refused"
FAILED = "failed"

API = "api"
COMMAND_LINE = "command line"


class Entry(NamedTuple):
    """What somebody asks for. `request` is JSON text without secrets."""

    actor: str
    door: str
    action: str
    object_id: str | None = None
    request: str | None = None
    role: str | None = None
    request_id: str | None = None
    remote_address: str | None = None
    method: str | None = None
    route: str | None = None


class Filter(NamedTuple):
    """Which entries; `since` and `until` (excluded) in ms. None does not count."""

    actor: str | None = None
    action: str | None = None
    object_id: str | None = None
    outcome: str | None = None
    since: int | None = None
    until: int | None = None


def outcome_of(status: int) -> str:
    """The outcome that an HTTP status tells of."""
    if status < 400:
        return DONE
    return REFUSED if status < 500 else FAILED


def begin(tx: Tx, entry: Entry, now: int) -> int:
    """Write down what is about to be done; the entry's number."""
    row = tx.one(Q.begin, **entry._asdict(), now=now)
    assert row is not None
    number: int = row["id"]
    return number


def settle(tx: Tx, number: int, status: int, now: int) -> None:
    """Write down what became of it, by the HTTP status of its answer."""
    tx.run(Q.settle, id=number, outcome=outcome_of(status), status=status, now=now)


def refuse(tx: Tx, entry: Entry, status: int, now: int) -> None:
    """Write down what was refused before anything was done."""
    settle(tx, begin(tx, entry, now), status, now)


def recorded(tx: Tx, entry: Entry, now: int, unit: Callable[..., Any], *arguments: Any) -> Any:
    """Do a unit of work and write it down, both or neither; what the unit returns.

    None is for a unit that found nothing to do: then there is nothing to write down.
    """
    result = unit(tx, *arguments)
    if result is None:
        return None
    number = begin(tx, entry, now)
    tx.run(Q.settle, id=number, outcome=DONE, status=None, now=now)
    return result


def prune(tx: Tx, oldest: int, limit: int) -> int:
    """Forget entries from before `oldest` ms, at most so many; how many."""
    return tx.run(Q.prune, oldest=oldest, limit=limit)


listing = Listing(Q.page, Q.count)
"""Entries; takes a Filter."""
