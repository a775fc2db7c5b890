"""Secrets in commands: stored only while a command waits to be sent."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ocpp_trio.domain.redaction import MASK
from ocpp_trio.store import commands, configuration, effects
from ocpp_trio.store.database import Database, Tx
from tests.support.clock import DAY, START, FakeNow
from tests.support.operator import Operator
from tests.support.statements import fetch

CANARY = "canary7d3f9b"
LOCATION = {"location": f"ftp://user:{CANARY}@files.example/up"}


TABLES = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table'",
    "postgres": "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'",
}


async def _dump(database: Database) -> str:
    tables = await database.read(fetch, TABLES[database.kind])
    assert tables
    rows = []
    for table in tables:
        rows += [dict(row) for row in await database.read(fetch, f"SELECT * FROM {table['name']}")]
    return str(rows)


async def _create(
    database: Database, action: str, payload: dict[str, Any], expires_at: int | None
) -> int:
    request = commands.Request("CP1", action, json.dumps(payload), "me", expires_at=expires_at)
    return await database.write(commands.create, request, START)


async def test_what_is_sent_at_once_is_recorded_without(database: Database) -> None:
    number = await _create(database, "GetDiagnostics", LOCATION, None)
    assert CANARY not in await _dump(database)
    row = await database.read(commands.find, number)
    assert row is not None
    assert json.loads(row["payload"]) == {"location": f"ftp://{MASK}@files.example/up"}


ENDS = ["finish", "cancel", "expire", "abandon"]


@pytest.mark.parametrize("end", ENDS)
async def test_what_is_kept_loses_them_at_its_end(database: Database, end: str) -> None:
    number = await _create(database, "GetDiagnostics", LOCATION, START + 1)
    row = await database.read(commands.next_kept, "CP1", 0)
    assert row is not None
    assert json.loads(row["payload"]) == LOCATION
    if end == "finish":
        await database.write(commands.finish, number, "accepted", '{"fileName":"x"}', None, START)
    elif end == "cancel":
        await database.write(commands.cancel, number, "gone", START)
    elif end == "expire":
        await database.write(commands.expire, START + DAY)
    else:
        await database.write(commands.mark_sent, number, START, "here")
        await database.write(commands.abandon, "here", "the node is gone", START)
    assert CANARY not in await _dump(database)


@pytest.mark.parametrize("is_kept", [True, False])
async def test_passwords_among_configuration_keys(
    database: Database, now: FakeNow, is_kept: bool
) -> None:
    operator = Operator(database, now)
    payload = {"key": "WifiPassword", "value": CANARY}
    number = await _create(
        database, "ChangeConfiguration", payload, START + DAY if is_kept else None
    )
    await operator.end(number, "accepted", {"status": "Accepted"})
    reported = [{"key": "AuthorizationKey", "readonly": False, "value": CANARY}]
    await operator.command("GetConfiguration", {}, configurationKey=reported)
    assert CANARY not in await _dump(database)
    assert await database.read(configuration.value, "CP1", "WifiPassword") is None


async def test_the_effect_of_a_command_still_sees_them(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []

    def effect(_: Tx, command: Any, __: int) -> None:
        seen.append(command.payload)

    monkeypatch.setitem(effects.CREATED, "GetDiagnostics", effect)
    await _create(database, "GetDiagnostics", LOCATION, None)
    assert seen == [LOCATION]
