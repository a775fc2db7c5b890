"""Files of tags: all of them or none, and a dry run tells the truth."""

from __future__ import annotations

import sqlite3
from typing import Any

import psycopg
import pytest

from ocpp_trio.domain import tag_csv
from ocpp_trio.store import id_tags, tag_files
from ocpp_trio.store.database import Database
from ocpp_trio.store.tag_files import Counts
from tests.support.clock import DAY, START


async def load(database: Database, text: str, now: int = START) -> Counts:
    file = tag_csv.read(text.encode())
    told = await database.read(tag_files.compare, file)
    done = await database.write(tag_files.store, file, now)
    assert told == done
    return done


async def stored(database: Database) -> list[dict[str, Any]]:
    return [dict(row) for row in await database.read(id_tags.after, 0, 100)]


async def test_create_change_and_leave_alone(database: Database) -> None:
    text = "idTag,status,note\nA,Accepted,x\nB,Blocked,y\nC,,\n"
    assert await load(database, text) == Counts(3, 0, 0)
    assert await load(database, text, START + DAY) == Counts(0, 0, 3)
    before = await stored(database)
    assert [(row["id_tag"], row["status"], row["note"]) for row in before] == [
        ("A", "Accepted", "x"),
        ("B", "Blocked", "y"),
        ("C", "Accepted", None),
    ]
    assert await load(database, "idTag,note\nb,z\nD,\n", START + DAY) == Counts(1, 1, 0)
    _, changed, _, added = await stored(database)
    assert changed == before[1] | {"id_tag": "b", "note": "z", "updated_at": START + DAY}
    assert (added["id_tag"], added["created_at"]) == ("D", START + DAY)


async def test_a_column_that_is_absent_leaves_what_is_stored(database: Database) -> None:
    fields = {
        "parent_id_tag": "FLEET",
        "status": "Blocked",
        "expiry_date": START,
        "max_active_transactions": 0,
        "note": "lost",
    }
    await database.write(id_tags.put, "A", fields, START)
    assert await load(database, "idTag\nA\n") == Counts(0, 0, 1)
    assert await load(database, "idTag,maxActiveTransactions\nA,0\n") == Counts(0, 0, 1)
    assert await load(database, "idTag,parentIdTag,expiryDate\nA,,\n") == Counts(0, 1, 0)
    (row,) = await stored(database)
    cleared = fields | {"parent_id_tag": None, "expiry_date": None}
    assert {name: row[name] for name in id_tags.FIELDS} == cleared


async def test_an_export_imported_again_changes_nothing(database: Database) -> None:
    await database.write(id_tags.put, "A,1", {"note": 'a "b"\r\n', "expiry_date": 1}, START)
    await database.write(id_tags.put, "ß", {"note": "", "parent_id_tag": "P"}, START)
    rows = await database.read(id_tags.after, 0, 100)
    file = tag_csv.read(tag_csv.write(rows, header=True))
    assert await database.write(tag_files.store, file, START + DAY) == Counts(0, 0, 2)


async def test_a_file_that_fails_half_way_leaves_nothing(database: Database) -> None:
    tags = [{"id_tag": "A"}, {"id_tag": "a"}]
    file = tag_csv.TagFile(frozenset({"id_tag"}), tags)
    with pytest.raises((sqlite3.IntegrityError, psycopg.IntegrityError)):
        await database.write(tag_files.store, file, START)
    assert await stored(database) == []


async def test_many_tags_in_one_commit(database: Database) -> None:
    text = "idTag\n" + "".join(f"T{number}\n" for number in range(1000))
    assert await load(database, text) == Counts(1000, 0, 0)
    rows, total = await database.read(id_tags.page, {"status": None, "parent_id_tag": None}, 1, 0)
    assert (rows[0]["id_tag"], total) == ("T999", 1000)
