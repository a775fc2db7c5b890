"""Batches in the database: whom they choose, and how far they have come."""

from __future__ import annotations

from typing import Any

import pytest

from ocpp_trio.store import charge_points, command_batches, commands, nodes
from ocpp_trio.store.command_batches import Created, NewBatch, Selection
from ocpp_trio.store.database import Database
from tests.support.clock import START
from tests.support.nodes import enter

STATIONS = {
    "A": ("Acme", "M1", "1.0", True),
    "B": ("Acme", "M2", "1.1", False),
    "C": ("Other", "M1", "1.0", True),
}


async def register(database: Database) -> None:
    for name, (vendor, model, version, is_connected) in STATIONS.items():
        await database.write(charge_points.admit, name, "accept", 9, "", None, START)
        boot = {"chargePointVendor": vendor, "chargePointModel": model, "firmwareVersion": version}
        await database.write(charge_points.boot, name, boot, START)
        if not is_connected:
            await database.write(charge_points.disconnect, name, 1, "gone", START)
    await database.write(charge_points.register, "D", charge_points.PENDING, {}, START)


async def create(database: Database, wanted: Selection | list[str], **more: Any) -> Created:
    limit = more.pop("limit", 100)
    new = NewBatch("Reset", '{"type":"Soft"}', "me", 5, None, 30_000, None)._replace(**more)
    return await database.write(command_batches.create, new, wanted, limit, START)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Selection(), "ABCD"),
        (Selection(vendor="Acme"), "AB"),
        (Selection(model="M1"), "AC"),
        (Selection(firmware_version="1.1"), "B"),
        (Selection(connected=1), "AC"),
        (Selection(connected=0), "BD"),
        (Selection(registration="Pending"), "D"),
        (Selection(vendor="Acme", model="M1", connected=1), "A"),
        (["C", "A", "C"], "CA"),
    ],
)
async def test_who_is_asked(
    database: Database, wanted: Selection | list[str], expected: str
) -> None:
    await register(database)
    created = await create(database, wanted)
    assert created.batch_id is not None
    assert created.total == len(expected)
    rows = await database.read(commands.next_of_batch, created.batch_id, 0, 9)
    assert [row["charge_point_id"] for row in rows] == list(expected)
    assert {(row["action"], row["state"], row["actor"]) for row in rows} == {
        ("Reset", "queued", "me")
    }


async def test_all_or_nothing(database: Database) -> None:
    await register(database)
    assert await create(database, ["A", "X", "B", "Y"]) == Created(None, 4, ["X", "Y"])
    assert await create(database, Selection(), limit=3) == Created(None, 4, [])
    assert await create(database, Selection(vendor="Nobody")) == Created(None, 0, [])
    assert await database.read(commands.listing.count, commands.Filter()) == 0
    assert await database.read(command_batches.count, None, None) == 0


async def test_progress_and_pages(database: Database) -> None:
    await register(database)
    for actor in ("me", "you", "me"):
        await create(database, Selection(), actor=actor)
    await database.write(commands.mark_sent, 1, START)
    await database.write(commands.finish, 1, "accepted", "{}", None, START)
    assert await database.write(commands.cancel_batch, 2, "enough", START) == [5, 6, 7, 8]
    rows = await database.read(command_batches.page, None, None, None, 10, 0)
    assert [(row["id"], row["states"]) for row in rows] == [
        (3, {"queued": 4}),
        (2, {"cancelled": 4}),
        (1, {"accepted": 1, "queued": 3}),
    ]
    rows = await database.read(command_batches.page, "Reset", "me", None, 10, 0)
    assert [row["id"] for row in rows] == [3, 1]
    rows = await database.read(command_batches.page, None, None, 3, 1, 0)
    assert [row["id"] for row in rows] == [2]
    assert await database.read(command_batches.page, "ClearCache", None, None, 10, 0) == []
    assert await database.read(command_batches.count, None, "me") == 2
    assert await database.read(command_batches.find, 9) is None


async def test_what_is_unfinished_is_taken_up_and_kept_for_a_while(database: Database) -> None:
    await register(database)
    await create(database, ["A"], expires_at=START + 9)
    await create(database, ["A"], concurrency=7)
    await create(database, ["A"])
    await database.write(commands.mark_sent, 3, START)
    await enter(database, "me")
    assert await database.write(command_batches.take_up, "me", START + 50) == [(1, 5), (2, 7)]
    assert await database.write(command_batches.take_up, "you", START + 90) == []
    rows = await database.read(commands.listing.page, commands.Filter(), None, 10, 0)
    assert [row["expires_at"] for row in rows] == [None, START + 50, START + 9]
    assert {row["from_node_id"] for row in rows} == {"me", None}
    await database.write(nodes.leave, "me", START)
    await enter(database, "you")
    assert await database.write(command_batches.take_up, "you", START + 90) == [(1, 5), (2, 7)]
    rows = await database.read(commands.listing.page, commands.Filter(), None, 10, 0)
    assert [row["expires_at"] for row in rows] == [None, START + 50, START + 9]
