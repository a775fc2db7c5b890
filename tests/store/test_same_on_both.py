"""What the two databases would do differently if nobody looked after it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from ocpp_trio.store.database import Database, Tx
from tests.support.statements import sql

INSERT = sql(
    "INSERT INTO logs (charge_point_id, timestamp, level, source, message)"
    " VALUES (:charge_point_id, :timestamp, :level, :source, :message)"
)
READING = sql(
    "INSERT INTO meter_values (charge_point_id, connector_id, transaction_id, digest, position,"
    " timestamp, value, number, measurand, context, location, format, source)"
    " VALUES ('CP1', 1, 1, :digest, 0, 0, '1', :number, 'm', 'c', 'l', 'f', 's')"
)
TEXTS = [
    "",
    "NULL",
    "null",
    " a  b\t\n\r",
    'in "quotes"',
    "it's",
    "back\\slash\\",
    "{a,b}",
    "%s %(a)s 100%",
    ":name ::text",
    "\\u0000",
    "äß€\U0001f600",
    "\ufffd\u200f",
    None,
]


def insert_many(tx: Tx, texts: Sequence[str | None]) -> int:
    rows = [(text, place, "INFO", "s", str(text)) for place, text in enumerate(texts)]
    return tx.many(INSERT, rows)


def insert(tx: Tx, message: str, timestamp: int = 0) -> int:
    return tx.run(
        INSERT, charge_point_id=None, timestamp=timestamp, level="I", source="s", message=message
    )


def rows(tx: Tx, column: str) -> list[Any]:
    return [row[column] for row in tx.all(sql(f"SELECT {column} FROM logs ORDER BY id"))]


async def test_any_text_comes_back_as_it_was(database: Database) -> None:
    assert await database.write(insert_many, TEXTS) == len(TEXTS)
    assert await database.read(rows, "charge_point_id") == TEXTS
    for text in filter(None, TEXTS):
        await database.write(insert, text)
    assert (await database.read(rows, "message"))[len(TEXTS) :] == list(filter(None, TEXTS))


async def test_many_rows_at_once(database: Database) -> None:
    texts = [f"text {number}" for number in range(1000)]
    assert await database.write(insert_many, texts) == 1000
    assert await database.read(rows, "charge_point_id") == texts
    assert await database.write(insert_many, []) == 0


@pytest.mark.parametrize("number", [2**63 - 1, -(2**63)])
async def test_the_largest_numbers(database: Database, number: int) -> None:
    await database.write(insert, "m", number)
    assert await database.read(rows, "timestamp") == [number]


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 10**30])
async def test_larger_ones_are_refused(database: Database, number: int) -> None:
    with pytest.raises(OverflowError):
        await database.write(insert, "m", number)

    def many(tx: Tx, number: int) -> int:
        return tx.many(INSERT, [("c", each, "I", "s", "m") for each in (1, number)])

    with pytest.raises(OverflowError):
        await database.write(many, number)
    assert await database.read(rows, "timestamp") == []


async def test_half_a_character_is_refused(database: Database) -> None:
    with pytest.raises(UnicodeEncodeError):
        await database.write(insert, "\ud800")
    with pytest.raises(UnicodeEncodeError):
        await database.write(insert_many, ["\ud800"])


async def test_a_nul_finds_nothing_and_breaks_nothing(database: Database) -> None:
    def find(tx: Tx, message: str) -> int:
        return len(tx.all(sql("SELECT id FROM logs WHERE message = :message"), message=message))

    await database.write(insert, "a")
    assert await database.read(find, "a\0") == 0
    await database.write(insert, "b\0")
    await database.write(insert_many, ["c\0"])
    # As it came, or spelled out: messages of charge points come here spelled out already.
    shown = {"sqlite": "\0", "postgres": "\\u0000"}[database.kind]
    assert await database.read(rows, "message") == ["a", f"b{shown}", f"c{shown}"]


async def test_truth_is_a_number(database: Database) -> None:
    def connected(tx: Tx) -> Any:
        tx.run(
            sql(
                "INSERT INTO charge_points (id, registration, is_connected, created_at, updated_at)"
                " VALUES ('CP1', 'Accepted', :yes, 0, 0)"
            ),
            yes=True,
        )
        query = sql("SELECT is_connected FROM charge_points WHERE is_connected = :yes")
        found = tx.one(query, yes=True)
        return found and found["is_connected"]

    value = await database.write(connected)
    assert value == 1
    assert value is not True


async def test_sums_of_integers_are_integers(database: Database) -> None:
    def total(tx: Tx) -> Any:
        found = tx.one(sql("SELECT sum(timestamp) AS total, sum(-timestamp) AS less FROM logs"))
        assert found is not None
        return found["total"], found["less"]

    assert await database.read(total) == (None, None)
    for _ in range(2):
        await database.write(insert, "m", 2**40)
    value = await database.read(total)
    assert value == (2**41, -(2**41))
    assert type(value[0]) is int


@pytest.mark.parametrize("number", [0.1, -1e300, 5, None, 2**53])
async def test_fractions(database: Database, number: float | None) -> None:
    def numbers(tx: Tx) -> list[Any]:
        tx.run(READING, digest=1, number=number)
        tx.many(READING, [(2, number), (3, None), (4, 7)])
        query = sql("SELECT number FROM meter_values ORDER BY digest")
        return [row["number"] for row in tx.all(query)]

    assert await database.write(numbers) == [number, number, None, 7]


async def test_texts_sort_by_their_bytes(database: Database) -> None:
    texts = ["b", "a", "B", "_", "a-b", "ab", "Z", "ä", "é", "1", "10", "2"]
    await database.write(insert_many, texts)

    def in_order(tx: Tx) -> list[str]:
        found = tx.all(sql("SELECT charge_point_id AS id FROM logs ORDER BY charge_point_id"))
        return [row["id"] for row in found]

    assert await database.read(in_order) == sorted(texts)


async def test_a_statement_that_failed_cannot_be_overlooked(database: Database) -> None:
    def overlook(tx: Tx, message: str) -> None:
        insert(tx, message)
        with pytest.raises(Exception, match=r"NULL|null"):
            tx.run(sql("INSERT INTO logs (message) VALUES ('no level, no source')"))

    # SQLite keeps what came before it, PostgreSQL cannot; nobody is told what is not so.
    try:
        await database.write(overlook, "before")
    except Exception:
        assert database.kind == "postgres"
        assert await database.read(rows, "message") == []
    else:
        assert await database.read(rows, "message") == ["before"]
