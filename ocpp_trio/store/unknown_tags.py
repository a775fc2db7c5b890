"""Tags that charge points asked about and nobody registered: at most so many, the newest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ocpp_trio.domain import rules
from ocpp_trio.store import queries
from ocpp_trio.store.database import Row, Tx

Q = queries.load("unknown_tags")

LIMIT = 10_000
"""Kept unless a setting says otherwise."""


def note(tx: Tx, id_tag: str, charge_point_id: str, limit: int, now: int) -> None:
    """An unknown tag was seen at a charge point. Of more than `limit` those seen last stay; what is
    no tag at all could never be registered, and is not kept.
    """
    if not rules.is_id_tag(id_tag):
        return
    row = tx.one(
        Q.put,
        id_tag=id_tag,
        tag_key=rules.tag_key(id_tag),
        charge_point_id=charge_point_id,
        now=now,
    )
    if row is not None and row["times"] == 1:
        tx.run(Q.trim, limit=limit)


def forget(tx: Tx, id_tag: str) -> None:
    """A tag is registered now."""
    tx.run(Q.forget, tag_key=rules.tag_key(id_tag))


def forget_registered(tx: Tx) -> None:
    """Many tags are registered now."""
    tx.run(Q.forget_registered)


def page(tx: Tx, filters: Mapping[str, Any], limit: int, offset: int) -> tuple[Sequence[Row], int]:
    """A page of tags, seen last first, and how many the filters leave in all.

    `filters`: charge_point_id, since, until; None keeps all.
    """
    total = tx.one(Q.count, **filters)
    assert total is not None
    rows = tx.all(Q.page, seen=None, tag_key=None, limit=limit, offset=offset, **filters)
    return rows, total["total"]


def behind(tx: Tx, filters: Mapping[str, Any], row: Row, limit: int) -> Sequence[Row]:
    """The tags that follow one in the order of `page`."""
    place = {"seen": row["last_seen"], "tag_key": row["tag_key"]}
    return tx.all(Q.page, limit=limit, offset=0, **place, **filters)
