"""Tags and what they may do. The rules themselves are in ocpp_trio.domain.rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ocpp_trio.domain import rules
from ocpp_trio.store import queries
from ocpp_trio.store.database import Row, Tx

Q = queries.load("id_tags")

FIELDS = ("parent_id_tag", "status", "expiry_date", "max_active_transactions", "note")


def find(tx: Tx, id_tag: str) -> Row | None:
    """One tag; case does not count."""
    return tx.one(Q.find, tag_key=rules.tag_key(id_tag))


def find_or_admit(tx: Tx, id_tag: str, accept_unknown: bool, now: int) -> Row | None:
    """One tag; with `accept_unknown` a proper tag not seen before is stored as Accepted."""
    row = find(tx, id_tag)
    if row is None and accept_unknown and rules.is_id_tag(id_tag):
        row = put(tx, id_tag, {}, now)
    return row


def authorize(tx: Tx, id_tag: str, accept_unknown: bool, now: int) -> rules.IdTagInfo:
    """The answer to Authorize (OCPP 1.6 section 4.1)."""
    return rules.check_tag(find_or_admit(tx, id_tag, accept_unknown, now), now)


def put(tx: Tx, id_tag: str, fields: Mapping[str, Any], now: int) -> Row:
    """Create a tag, or replace what is stored of it."""
    values = {name: fields.get(name) for name in FIELDS}
    values["status"] = values["status"] or rules.ACCEPTED
    row = tx.one(Q.put, id_tag=id_tag, tag_key=rules.tag_key(id_tag), now=now, **values)
    assert row is not None
    return row


def delete(tx: Tx, id_tag: str) -> bool:
    """Remove a tag; False if there is none."""
    return bool(tx.run(Q.delete, tag_key=rules.tag_key(id_tag)))


def page(tx: Tx, limit: int, offset: int) -> tuple[Sequence[Row], int]:
    """A page of tags, newest first, and how many there are in all."""
    total = tx.one(Q.count)
    assert total is not None
    return tx.all(Q.page, limit=limit, offset=offset), total["total"]


def behind(tx: Tx, id_: int, limit: int) -> Sequence[Row]:
    """The tags that follow the one with this number in the order of `page`."""
    return tx.all(Q.behind, id=id_, limit=limit)
