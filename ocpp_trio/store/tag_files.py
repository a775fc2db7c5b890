"""Files of tags: what one would change, and changing it, all of it or nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ocpp_trio.domain import rules
from ocpp_trio.domain.tag_csv import TagFile
from ocpp_trio.store import id_tags, queries, unknown_tags
from ocpp_trio.store.database import Row, Tx

Q = queries.load("id_tags")

FIELDS = ("id_tag", *id_tags.FIELDS)


class Counts(NamedTuple):
    """How many tags of a file are new, are changed by it, and are as it says."""

    created: int
    updated: int
    unchanged: int


def compare(tx: Tx, file: TagFile) -> Counts:
    """What `store` would do."""
    created, updated, unchanged = _sort(tx, file, 0)
    return Counts(len(created), len(updated), unchanged)


def store(tx: Tx, file: TagFile, now: int) -> Counts:
    """Create and change the tags of a file. What it has no column for stays as it is, and is the
    default for a new tag.
    """
    created, updated, unchanged = _sort(tx, file, now)
    if created:
        tx.many(Q.insert, created)
    if updated:
        tx.many(Q.change, updated)
    unknown_tags.forget_registered(tx)
    return Counts(len(created), len(updated), unchanged)


def _sort(
    tx: Tx, file: TagFile, now: int
) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]], int]:
    """Rows to insert, rows to change, and how many tags need neither."""
    created: list[tuple[Any, ...]] = []
    updated: list[tuple[Any, ...]] = []
    unchanged = 0
    for tag in file.tags:
        key = rules.tag_key(tag["id_tag"])
        before = tx.one(Q.find, tag_key=key)
        fields = _merged(before, tag)
        if before is None:
            id_tag, *others = fields
            created.append((id_tag, key, *others, now, now))
        elif fields != tuple(before[name] for name in FIELDS):
            updated.append((*fields, now, key))
        else:
            unchanged += 1
    return created, updated, unchanged


def _merged(before: Row | None, tag: Mapping[str, Any]) -> tuple[Any, ...]:
    """The fields of a tag, in the order of FIELDS, once the file is stored."""
    merged = dict.fromkeys(FIELDS) | {"status": rules.ACCEPTED}
    if before is not None:
        merged = {name: before[name] for name in FIELDS}
    merged |= tag
    return tuple(merged.values())
