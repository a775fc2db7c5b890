"""Local lists in the books: what stations accepted, and what they lack."""

from __future__ import annotations

from typing import Any

import pytest

from ocpp_trio.store import id_tags, local_lists
from ocpp_trio.store.database import Database, Row
from tests.support.clock import HOUR, FakeNow
from tests.support.operator import Operator

Entries = list[dict[str, Any]]


@pytest.fixture
def operator(database: Database, now: FakeNow) -> Operator:
    return Operator(database, now)


def entry(tag: str, status: str = "Accepted", **info: Any) -> dict[str, Any]:
    return {"idTag": tag, "idTagInfo": {"status": status, **info}}


async def send(
    operator: Operator,
    version: int,
    entries: Entries,
    kind: str = "Full",
    word: str = "Accepted",
) -> None:
    payload = {"listVersion": version, "updateType": kind, "localAuthorizationList": entries}
    await operator.command("SendLocalList", payload, status=word)


async def tell(operator: Operator, version: int) -> None:
    await operator.command("GetLocalListVersion", {}, listVersion=version)


async def known(operator: Operator) -> tuple[str, int | None, int]:
    """State, version, highest version sent."""
    found = await operator.database.read(local_lists.find, "CP1", operator.now())
    assert found is not None
    row = found[0]
    return row["state"], row["version"], row["last_version"]


async def tags(operator: Operator) -> list[str]:
    found = await operator.database.read(local_lists.find, "CP1", operator.now())
    assert found is not None
    return [row["id_tag"] for row in found[1]]


async def changes(operator: Operator) -> Entries:
    return await operator.database.read(local_lists.changes, "CP1", operator.now())


async def put(operator: Operator, tag: str, **fields: Any) -> Row:
    return await operator.database.write(id_tags.put, tag, fields, operator.now())


async def test_a_full_list_is_what_the_station_has(operator: Operator) -> None:
    await send(operator, 3, [entry("B"), entry("A", "Blocked", parentIdTag="P")])
    assert await known(operator) == ("accepted", 3, 3)
    assert await tags(operator) == ["A", "B"]
    await send(operator, 4, [entry("C")])
    assert await tags(operator) == ["C"]
    await operator.command("SendLocalList", {"listVersion": 5, "updateType": "Full"})
    assert await tags(operator) == []


async def test_a_differential_list_adds_changes_and_removes(operator: Operator) -> None:
    await send(operator, 1, [entry("A"), entry("B")])
    await send(operator, 2, [{"idTag": "a"}, entry("b", "Blocked"), entry("C")], "Differential")
    assert await known(operator) == ("accepted", 2, 2)
    assert await tags(operator) == ["b", "C"]


@pytest.mark.parametrize(
    ("word", "state"),
    [("Failed", "failed"), ("VersionMismatch", "mismatch"), ("NotSupported", "not-supported")],
)
async def test_a_refused_list_changes_no_entries(operator: Operator, word: str, state: str) -> None:
    await send(operator, 1, [entry("A")])
    await send(operator, 2, [entry("B")], "Differential", word)
    assert await known(operator) == (state, 1, 2)
    assert await tags(operator) == ["A"]
    plan = await operator.database.read(local_lists.plan, "CP1")
    assert plan.version is None


async def test_versions_are_never_used_twice(operator: Operator) -> None:
    await send(operator, 9, [entry("A")], word="Failed")
    take = local_lists.take_version
    assert await operator.database.write(take, "CP1", operator.now()) == 10
    assert await operator.database.write(take, "CP1", operator.now()) == 11
    assert await operator.database.write(take, "CP2", operator.now()) == 1


async def test_without_an_answer_nobody_knows_until_the_station_says(operator: Operator) -> None:
    await send(operator, 1, [entry("A")])
    payload = {"listVersion": 2, "updateType": "Full", "localAuthorizationList": [entry("B")]}
    number = await operator.ask("SendLocalList", payload)
    await operator.end(number, "timeout")
    assert await known(operator) == ("unknown", 1, 2)
    await tell(operator, 1)
    assert await known(operator) == ("accepted", 1, 2)
    assert await tags(operator) == ["A"]
    await operator.end(number, "late", {"status": "Accepted"})
    assert await known(operator) == ("accepted", 2, 2)
    assert await tags(operator) == ["B"]


async def test_a_late_answer_about_an_older_list_changes_nothing(operator: Operator) -> None:
    payload = {"listVersion": 1, "updateType": "Full", "localAuthorizationList": [entry("A")]}
    number = await operator.ask("SendLocalList", payload)
    await operator.end(number, "timeout")
    await send(operator, 2, [entry("B")])
    await operator.end(number, "late", {"status": "Accepted"})
    assert await known(operator) == ("accepted", 2, 2)
    assert await tags(operator) == ["B"]


@pytest.mark.parametrize("word", ["Accepted", "Failed", "VersionMismatch"])
async def test_nor_does_it_if_the_newer_list_has_a_lower_version(
    operator: Operator, word: str
) -> None:
    payload = {"listVersion": 5, "updateType": "Full", "localAuthorizationList": [entry("A")]}
    number = await operator.ask("SendLocalList", payload)
    await operator.end(number, "timeout")
    await send(operator, 2, [entry("B")])
    await operator.end(number, "late", {"status": word})
    assert await known(operator) == ("accepted", 2, 5)
    assert await tags(operator) == ["B"]


async def test_a_command_that_was_never_sent_changes_nothing(operator: Operator) -> None:
    await send(operator, 1, [entry("A")])
    payload = {"listVersion": 2, "updateType": "Full"}
    await operator.end(await operator.create("SendLocalList", payload), "expired")
    assert await known(operator) == ("accepted", 1, 2)


async def test_a_full_list_with_a_lower_version_is_what_the_station_has(
    operator: Operator,
) -> None:
    await send(operator, 7, [entry("A")])
    await send(operator, 3, [entry("B")])
    assert await known(operator) == ("accepted", 3, 7)
    assert await tags(operator) == ["B"]
    # So it is if only the answer is late.
    payload = {"listVersion": 2, "updateType": "Full", "localAuthorizationList": [entry("C")]}
    number = await operator.ask("SendLocalList", payload)
    await operator.end(number, "timeout")
    assert (await known(operator))[0] == "unknown"
    await operator.end(number, "late", {"status": "Accepted"})
    assert await known(operator) == ("accepted", 2, 7)
    assert await tags(operator) == ["C"]


async def test_changes_to_a_list_that_is_not_known_make_no_list_that_is(
    operator: Operator,
) -> None:
    await send(operator, 1, [entry("A")])
    number = await operator.ask(
        "SendLocalList",
        {"listVersion": 2, "updateType": "Full", "localAuthorizationList": [entry("B")]},
    )
    await operator.end(number, "timeout")
    # The station may have A or B now.
    await send(operator, 3, [entry("C")], "Differential")
    assert await known(operator) == ("mismatch", None, 3)


async def test_what_the_station_says_of_its_version(operator: Operator) -> None:
    await tell(operator, 5)
    assert await known(operator) == ("mismatch", None, 5)
    await send(operator, 6, [entry("A")])
    await tell(operator, 6)
    assert await known(operator) == ("accepted", 6, 6)
    await tell(operator, 4)
    assert await known(operator) == ("mismatch", None, 6)
    # Changes to a list that is not known make no list that is.
    await send(operator, 7, [entry("B")], "Differential")
    assert await known(operator) == ("mismatch", None, 7)
    await tell(operator, 0)
    assert await known(operator) == ("accepted", 0, 7)
    assert await tags(operator) == []
    await tell(operator, -1)
    assert await known(operator) == ("not-supported", -1, 7)
    await operator.end(await operator.create("GetLocalListVersion", {}), "timeout")
    assert await known(operator) == ("not-supported", -1, 7)


async def test_changes_are_what_the_authorizations_have_otherwise(
    operator: Operator, now: FakeNow
) -> None:
    expiry = now() + HOUR
    await put(operator, "A")
    await put(operator, "B", status="Blocked", parent_id_tag="P")
    await put(operator, "C", expiry_date=expiry)
    everything = await operator.database.read(local_lists.whole, None, now())
    assert everything == [
        entry("A"),
        entry("B", "Blocked", parentIdTag="P"),
        entry("C", expiryDate="2026-11-23T09:00:00Z"),
    ]
    assert await changes(operator) == everything
    await send(operator, 1, everything)
    assert await changes(operator) == []
    assert await operator.database.read(local_lists.is_current, "CP1", now())
    await put(operator, "a", status="Expired")
    await put(operator, "B", status="Blocked", parent_id_tag=None)
    await put(operator, "D")
    await operator.database.write(id_tags.delete, "C")
    changed = [entry("a", "Expired"), entry("B", "Blocked"), entry("D"), {"idTag": "C"}]
    assert await changes(operator) == changed
    assert not await operator.database.read(local_lists.is_current, "CP1", now())
    await send(operator, 2, changed, "Differential")
    assert await changes(operator) == []


async def test_a_tag_that_expires_is_no_change_for_ever(operator: Operator, now: FakeNow) -> None:
    await put(operator, "A", expiry_date=now() + HOUR)
    await send(operator, 1, await operator.database.read(local_lists.whole, None, now()))
    now.ms += 2 * HOUR
    # The station knows the date.
    assert await changes(operator) == []
    await send(operator, 2, await operator.database.read(local_lists.whole, None, now()))
    assert await changes(operator) == []


async def test_a_selection_of_tags(operator: Operator, now: FakeNow) -> None:
    await put(operator, "A")
    await put(operator, "B")
    database = operator.database
    assert await database.read(local_lists.whole, ["b", "X"], now()) == [entry("B")]
    assert await database.read(local_lists.changes_of, ["b", "X"], now()) == [
        entry("B"),
        {"idTag": "X"},
    ]


@pytest.mark.parametrize(
    ("value", "found"), [("25", 25), (" 7 ", 7), ("0", None), ("many", None), (None, None)]
)
async def test_the_station_says_how_many_entries_it_takes(
    operator: Operator, value: str | None, found: int | None
) -> None:
    key = {"key": "sendLocalListMaxLength", "readonly": True}
    keys = [{"key": "LocalAuthListEnabled", "readonly": False, "value": "true"}]
    keys.append(key if value is None else key | {"value": value})
    await operator.command("GetConfiguration", {}, configurationKey=keys)
    await operator.command("GetConfiguration", {"key": ["x"]}, unknownKey=["x"])
    plan = await operator.database.read(local_lists.plan, "CP1")
    assert plan.max_length == found


async def test_a_page_of_lists(operator: Operator, now: FakeNow) -> None:
    await send(operator, 1, [entry("A"), entry("B")])
    await tell(Operator(operator.database, now, "CP2"), -1)
    found, total = await operator.database.read(local_lists.page, None, None, 10, 0)
    assert [(row["charge_point_id"], row["entries"]) for row in found] == [("CP1", 2), ("CP2", 0)]
    assert total == 2
    found, total = await operator.database.read(local_lists.page, None, "not-supported", 10, 0)
    assert [row["charge_point_id"] for row in found] == ["CP2"]
    behind = await operator.database.read(local_lists.behind, None, None, "CP1", 10)
    assert [row["charge_point_id"] for row in behind] == ["CP2"]
