"""Tags that were seen and nobody registered: bounded, and gone once they are registered."""

from __future__ import annotations

from typing import Any

import pytest

from ocpp_trio.domain.tag_csv import TagFile
from ocpp_trio.store import id_tags, starts, tag_files, unknown_tags
from ocpp_trio.store.database import Database
from tests.support.clock import HOUR, MINUTE, START, FakeNow
from tests.support.sessions import Station

EVERYTHING = {"charge_point_id": None, "since": None, "until": None}


async def note(database: Database, id_tag: str, now: int, limit: int = 10) -> None:
    await database.write(unknown_tags.note, id_tag, "CP1", limit, now)


async def known(database: Database, **changes: Any) -> list[str]:
    rows, total = await database.read(unknown_tags.page, EVERYTHING | changes, 100, 0)
    assert len(rows) == total
    return [row["id_tag"] for row in rows]


async def test_a_start_with_an_unknown_tag_is_remembered(
    station: Station, database: Database, now: FakeNow
) -> None:
    await station.start(idTag="Card", accept_unknown=False)
    # The replay is no second sighting, another start is.
    await station.start(idTag="Card", accept_unknown=False)
    now.ms += HOUR
    await Station(database, now, "CP2").start(idTag="CARD", accept_unknown=False)
    (row,), _ = await database.read(unknown_tags.page, EVERYTHING, 10, 0)
    assert dict(row) == {
        "tag_key": "card",
        "id_tag": "CARD",
        "charge_point_id": "CP2",
        "times": 2,
        "first_seen": START,
        "last_seen": START + HOUR,
    }


async def test_a_tag_that_is_known_or_admitted_is_not(station: Station, database: Database) -> None:
    await database.write(id_tags.put, "BAD", {"status": "Invalid"}, START)
    await station.start(idTag="BAD", accept_unknown=False)
    await station.start(idTag="NEW", accept_unknown=True)
    for tag in ("bad", "new"):
        await database.write(id_tags.note_unknown, tag, "CP1", 10, START)
    assert await known(database) == []


@pytest.mark.parametrize("id_tag", ["", "x" * 21, "A\\u0000B", "a\nb"])
async def test_what_could_never_be_registered_is_not(database: Database, id_tag: str) -> None:
    await note(database, id_tag, START)
    assert await known(database) == []


async def test_of_too_many_those_seen_last_stay(database: Database) -> None:
    for number in range(6):
        await note(database, f"T{number}", START + number, limit=3)
    assert await known(database) == ["T5", "T4", "T3"]
    await note(database, "T3", START + 10, limit=3)
    await note(database, "T6", START + 11, limit=3)
    assert await known(database) == ["T6", "T3", "T5"]
    await note(database, "T7", START + 12, limit=0)
    assert await known(database) == []


async def test_none_are_remembered_where_the_limit_says_so(
    station: Station, database: Database
) -> None:
    payload = {"connectorId": 1, "idTag": "X", "meterStart": 0, "timestamp": "x"}
    await database.write(starts.start, "CP1", payload, "{}", False, START, 10, 0)
    assert await known(database) == []


async def test_once_registered_it_is_gone(database: Database) -> None:
    for number, id_tag in enumerate(("One", "Two", "Three")):
        await note(database, id_tag, START + number)
    await database.write(id_tags.put, "ONE", {}, START)
    assert await known(database) == ["Three", "Two"]
    file = TagFile(frozenset({"id_tag"}), [{"id_tag": "two"}, {"id_tag": "four"}])
    await database.write(tag_files.store, file, START)
    assert await known(database) == ["Three"]


async def test_pages_and_filters(database: Database) -> None:
    # Two of the same moment: pages must not lose one of them.
    for number, id_tag in enumerate(("A", "B", "C", "D")):
        await note(database, id_tag, START + number // 2 * MINUTE)
    await database.write(unknown_tags.note, "E", "CP2", 10, START + HOUR)
    assert await known(database) == ["E", "D", "C", "B", "A"]
    assert await known(database, charge_point_id="CP1") == ["D", "C", "B", "A"]
    assert await known(database, since=START + 1) == ["E", "D", "C"]
    assert await known(database, until=START + MINUTE) == ["B", "A"]
    rows, total = await database.read(unknown_tags.page, EVERYTHING, 2, 1)
    assert ([row["id_tag"] for row in rows], total) == (["D", "C"], 5)
    rows = await database.read(unknown_tags.behind, EVERYTHING, rows[-1], 10)
    assert [row["id_tag"] for row in rows] == ["B", "A"]
