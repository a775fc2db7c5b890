"""Tags: compared without case, and admitted only where the policy says so."""

from __future__ import annotations

import pytest

from ocpp_trio.domain.rules import IdTagInfo
from ocpp_trio.store import id_tags
from ocpp_trio.store.database import Database
from tests.support.clock import DAY, START

ALL = {"status": None, "parent_id_tag": None}


async def test_a_tag_is_found_in_any_case(database: Database) -> None:
    await database.write(id_tags.put, "AbCd", {}, START)
    for spelling in ("AbCd", "ABCD", "abcd"):
        row = await database.read(id_tags.find, spelling)
        assert row is not None
        assert (row["id_tag"], row["status"]) == ("AbCd", "Accepted")
    assert await database.read(id_tags.find, "abc") is None


async def test_putting_again_replaces_all_of_it(database: Database) -> None:
    fields = {
        "parent_id_tag": "P",
        "status": "Blocked",
        "expiry_date": START,
        "max_active_transactions": 2,
        "note": "n",
    }
    first = await database.write(id_tags.put, "TAG", fields, START)
    assert {name: first[name] for name in id_tags.FIELDS} == fields
    second = await database.write(id_tags.put, "tag", {"note": "m"}, START + 1)
    assert {name: second[name] for name in id_tags.FIELDS} == {
        "parent_id_tag": None,
        "status": "Accepted",
        "expiry_date": None,
        "max_active_transactions": None,
        "note": "m",
    }
    assert (second["id"], second["id_tag"]) == (first["id"], "tag")
    assert (second["created_at"], second["updated_at"]) == (START, START + 1)


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, "Accepted"),
        ({"status": "Blocked"}, "Blocked"),
        ({"expiry_date": START}, "Expired"),
        # Authorize does not ask how many run (section 7.2).
        ({"max_active_transactions": 0}, "Accepted"),
    ],
)
async def test_authorize(database: Database, fields: dict[str, object], status: str) -> None:
    await database.write(id_tags.put, "TAG", fields, START)
    info = await database.write(id_tags.authorize, "tag", False, START)
    assert info.status == status


async def test_authorize_tells_parent_and_expiry(database: Database) -> None:
    fields = {"parent_id_tag": "FAMILY", "expiry_date": START + DAY}
    await database.write(id_tags.put, "TAG", fields, START)
    info = await database.write(id_tags.authorize, "TAG", False, START)
    assert info == IdTagInfo("Accepted", "FAMILY", START + DAY)


async def test_an_unknown_tag_is_invalid_and_not_stored(database: Database) -> None:
    info = await database.write(id_tags.authorize, "TAG", False, START)
    assert info == IdTagInfo("Invalid")
    assert await database.read(id_tags.find, "TAG") is None


async def test_where_unknown_tags_are_accepted_they_are_stored(database: Database) -> None:
    info = await database.write(id_tags.authorize, "TAG", True, START)
    assert info == IdTagInfo("Accepted")
    assert await database.read(id_tags.find, "tag") is not None


@pytest.mark.parametrize("id_tag", ["A\\u0000B", "x" * 21, "", "a\nb"])
async def test_what_is_no_tag_is_never_stored(database: Database, id_tag: str) -> None:
    info = await database.write(id_tags.authorize, id_tag, True, START)
    assert info == IdTagInfo("Invalid")
    assert await database.read(id_tags.page, ALL, 10, 0) == ([], 0)


async def test_delete(database: Database) -> None:
    await database.write(id_tags.put, "TAG", {}, START)
    assert await database.write(id_tags.delete, "tag")
    assert not await database.write(id_tags.delete, "TAG")


async def test_pages_are_newest_first(database: Database) -> None:
    for name in "abcd":
        await database.write(id_tags.put, name, {}, START)
    rows, total = await database.read(id_tags.page, ALL, 2, 1)
    assert ([row["id_tag"] for row in rows], total) == (["c", "b"], 4)
    rows = await database.read(id_tags.behind, ALL, rows[-1]["id"], 10)
    assert [row["id_tag"] for row in rows] == ["a"]
