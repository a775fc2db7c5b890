"""Nodes: who is there, who is dead, and what becomes of what the dead have left."""

from __future__ import annotations

from ocpp_trio.store import charge_points, commands, node_messages, nodes
from ocpp_trio.store.database import Database
from ocpp_trio.store.nodes import Buried
from ocpp_trio.store.station_keys import NOTHING
from tests.support.clock import SECOND, START
from tests.support.nodes import enter


async def admit(database: Database, node_id: str, charge_point_id: str = "CP1") -> None:
    await database.write(
        charge_points.admit, charge_point_id, "accept", 9, "", None, START, NOTHING, node_id
    )


async def command(database: Database, node_id: str, from_node_id: str | None = None) -> int:
    request = commands.Request("CP1", "ClearCache", "{}", "test", None, None, 1000, None)
    request = request._replace(node_id=node_id, from_node_id=from_node_id)
    number = await database.write(commands.enqueue, request, 9, START)
    assert number is not None
    return number


async def names(database: Database) -> list[str]:
    return [row["id"] for row in await database.read(nodes.everybody)]


async def test_who_is_alone_has_outlived_everybody(database: Database) -> None:
    await enter(database, "a", alone=True)
    await enter(database, "b")
    await admit(database, "b")
    assert await enter(database, "c", alone=True) == [
        Buried("a", "name of a", 0, 0),
        Buried("b", "name of b", 1, 0),
    ]
    assert await names(database) == ["c"]


async def test_a_sign_of_life_and_who_else_is_there(database: Database) -> None:
    await enter(database, "a", alone=True, now=START + 1)
    await enter(database, "b")
    rows = await database.write(nodes.beat, "a", 1, START + SECOND)
    assert rows is not None
    assert [(row["id"], row["beats"], row["heartbeat_at"]) for row in rows] == [
        ("b", 0, START),
        ("a", 1, START + SECOND),
    ]
    assert await database.write(nodes.beat, "c", 1, START) is None
    assert await database.read(nodes.find, "a") is not None
    assert await database.read(nodes.find, "c") is None


async def test_only_who_has_not_moved_is_buried_and_once(database: Database) -> None:
    await enter(database, "a", alone=True)
    await enter(database, "b", beats=5)
    await admit(database, "b")
    sent, waiting = await command(database, "b"), await command(database, "b")
    await database.write(commands.mark_sent, sent, START, "b", 1)
    await database.write(node_messages.tell, "b", "CP1")
    assert await database.write(nodes.bury, "b", 4, START) is None
    assert await names(database) == ["a", "b"]
    buried = await database.write(nodes.bury, "b", 5, START)
    assert buried == Buried("b", "name of b", 1, 2)
    assert await database.write(nodes.bury, "b", 5, START) is None
    assert await names(database) == ["a"]
    rows = [await database.read(commands.find, number) for number in (sent, waiting)]
    assert [row["state"] for row in rows if row] == ["unknown", "expired"]
    assert [row["error"] for row in rows if row] == ["the node name of b is gone"] * 2
    assert await database.read(node_messages.of_node, "b") == []
    assert await database.read(charge_points.counts) == (1, 0)


async def test_whoever_has_the_place_of_another_has_outlived_it(database: Database) -> None:
    await enter(database, "a", alone=True)
    await enter(database, "b", place="host 9000")
    await enter(database, "c", place="host 9001")
    await admit(database, "b")
    await admit(database, "c", "CP2")
    assert await enter(database, "d", place="host 9000") == [Buried("b", "name of b", 1, 0)]
    assert await enter(database, "e") == [], "no place is no place"
    assert await names(database) == ["a", "c", "d", "e"]


async def test_a_node_that_enters_again_takes_its_own_row(database: Database) -> None:
    await enter(database, "a", alone=True)
    await enter(database, "a", beats=7, now=START + SECOND)
    (row,) = await database.read(nodes.everybody)
    assert (row["beats"], row["started_at"]) == (7, START + SECOND)


async def test_an_ordered_end(database: Database) -> None:
    await enter(database, "a", alone=True)
    await admit(database, "a")
    assert [row["connections"] for row in await database.read(nodes.everybody)] == [1]
    await database.write(nodes.leave, "a", START)
    await database.write(nodes.leave, "a", START)
    assert await names(database) == []
    row = await database.read(charge_points.find, "CP1")
    assert row is not None
    assert (row["is_connected"], row["disconnect_reason"]) == (0, "the server was stopped")


async def test_only_the_newest_connection_claims(database: Database) -> None:
    await admit(database, "a")
    number = await command(database, "a")
    await admit(database, "b")
    assert not await database.write(commands.mark_sent, number, START, "a", 1)
    assert await database.write(commands.mark_sent, number, START, "b", 2)


async def test_what_others_have_left_for_a_node(database: Database) -> None:
    await admit(database, "b")
    mine = await command(database, "b", "a")
    theirs = await command(database, "a", "b")
    await command(database, "b")
    kept = commands.Request("CP1", "ClearCache", "{}", "test", None, START + 9, 1000, None)
    assert await database.write(commands.enqueue, kept, 9, START, "a") is not None
    news = await database.read(nodes.news, "b", [theirs, 99])
    assert [row["id"] for row in news.commands] == [mine, theirs]
    assert [row["charge_point_id"] for row in news.messages] == ["CP1"]
    await database.write(commands.mark_sent, mine, START, "b", 1)
    assert [row["id"] for row in (await database.read(nodes.news, "b", [])).commands] == []
