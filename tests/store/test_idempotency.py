"""Idempotency keys in the database."""

from __future__ import annotations

import pytest

from ocpp_trio.store import charge_points, command_batches, commands, idempotency
from ocpp_trio.store.command_batches import NewBatch, Selection
from ocpp_trio.store.commands import Request
from ocpp_trio.store.database import Database, Row
from tests.support.clock import DAY, START

PROBLEM = "application/problem+json"


async def claim(
    database: Database, actor: str = "me", key: str = "k", fingerprint: str = "f", now: int = START
) -> Row:
    return await database.write(idempotency.claim, actor, key, fingerprint, now - DAY, now)


async def settle(database: Database, number: int, status: int) -> None:
    await database.write(idempotency.settle, number, status, PROBLEM, "/here", "{}")


async def command(database: Database, number: int, state: str) -> None:
    request = Request("CP1", "Reset", "{}", "me", None, None, 30_000, number)
    command_id = await database.write(commands.enqueue, request, 9, START)
    assert command_id is not None
    if state != "queued":
        await database.write(commands.finish, command_id, state, None, None, START)


async def test_the_first_answer_is_kept(database: Database) -> None:
    first = await claim(database)
    assert first["status"] is None
    await settle(database, first["id"], 200)
    again = await claim(database, fingerprint="other", now=START + DAY)
    assert (again["id"], again["fingerprint"], again["status"]) == (first["id"], "f", 200)
    assert (again["content_type"], again["location"], again["body"]) == (PROBLEM, "/here", "{}")


async def test_a_key_is_its_callers_and_grows_old(database: Database) -> None:
    first = await claim(database)
    assert (await claim(database, actor="you"))["id"] != first["id"]
    assert (await claim(database, key="l"))["id"] != first["id"]
    later = await claim(database, fingerprint="new", now=START + DAY + 1)
    assert later["id"] > first["id"]
    assert later["fingerprint"] == "new"


async def test_old_keys_are_pruned(database: Database) -> None:
    await claim(database)
    await claim(database, key="l", now=START + 1)
    assert await database.write(idempotency.prune, START + 1) == 1
    assert await database.read(idempotency.find, "me", "k") is None
    assert await database.read(idempotency.find, "me", "l") is not None


@pytest.mark.parametrize(
    ("status", "state", "is_kept"),
    [
        (400, None, False),
        (503, "expired", False),
        (502, "error", True),
        (504, "timeout", True),
        (500, "queued", True),
        (202, None, True),
    ],
)
async def test_an_error_keeps_the_key_only_if_something_was_done(
    database: Database, status: int, state: str | None, is_kept: bool
) -> None:
    row = await claim(database)
    if state is not None:
        await command(database, row["id"], state)
        found = await database.read(commands.find_by_key, row["id"])
        assert found is not None
        assert found["state"] == state
    await settle(database, row["id"], status)
    assert (await database.read(idempotency.find, "me", "k") is not None) == is_kept


async def test_a_batch_keeps_its_key(database: Database) -> None:
    row = await claim(database)
    assert await database.read(command_batches.find_by_key, row["id"]) is None
    new = NewBatch("Reset", "{}", "me", 1, None, 30_000, row["id"])
    await database.write(charge_points.register, "CP1", charge_points.ACCEPTED, {}, START)
    await database.write(command_batches.create, new, Selection(), 9, START)
    await settle(database, row["id"], 500)
    assert await database.read(idempotency.find, "me", "k") is not None
    found = await database.read(command_batches.find_by_key, row["id"])
    assert found is not None
    assert found["states"] == {"queued": 1}
