"""Tags and what they may do. The rules themselves are in ocpp_trio.domain.rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ocpp_trio.domain import rules
from ocpp_trio.store import queries, unknown_tags
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


def note_unknown(tx: Tx, id_tag: str, charge_point_id: str, limit: int, now: int) -> None:
    """A tag was refused as Invalid: if nobody registered it, it goes to the unknown ones."""
    if find(tx, id_tag) is None:
        unknown_tags.note(tx, id_tag, charge_point_id, limit, now)


def put(tx: Tx, id_tag: str, fields: Mapping[str, Any], now: int) -> Row:
    """Create a tag, or replace what is stored of it. Empty text is none."""
    values = {name: fields.get(name) for name in FIELDS}
    values |= {name: values[name] or None for name in ("parent_id_tag", "note")}
    values["status"] = values["status"] or rules.ACCEPTED
    unknown_tags.forget(tx, id_tag)
    row = tx.one(Q.put, id_tag=id_tag, tag_key=rules.tag_key(id_tag), now=now, **values)
    assert row is not None
    return row


def delete(tx: Tx, id_tag: str) -> bool:
    """Remove a tag; False if there is none."""
    return bool(tx.run(Q.delete, tag_key=rules.tag_key(id_tag)))


def page(tx: Tx, filters: Mapping[str, Any], limit: int, offset: int) -> tuple[Sequence[Row], int]:
    """A page of tags, newest first, and how many the filters leave in all.

    `filters`: status, parent_id_tag; None keeps all.
    """
    total = tx.one(Q.count, **filters)
    assert total is not None
    return tx.all(Q.page, before=None, limit=limit, offset=offset, **filters), total["total"]


def behind(tx: Tx, filters: Mapping[str, Any], id_: int, limit: int) -> Sequence[Row]:
    """The tags that follow the one with this number in the order of `page`."""
    return tx.all(Q.page, before=id_, limit=limit, offset=0, **filters)


def after(tx: Tx, id_: int, limit: int) -> Sequence[Row]:
    """The tags that were created after the one with this number, oldest first: an export."""
    return tx.all(Q.after, id=id_, limit=limit)
