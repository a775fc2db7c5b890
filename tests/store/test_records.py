"""Review items, commands, the system log, API keys, reports and data transfers."""

from __future__ import annotations

import sqlite3
from typing import Any, cast

import pytest
from structlog.typing import EventDict

from ocpp_trio.domain.commands import Command
from ocpp_trio.logs import Entry
from ocpp_trio.store import api_keys, commands, data_transfers, jobs, logs, nodes, review
from ocpp_trio.store.api_keys import NewKey
from ocpp_trio.store.database import Database, Row, Tx
from ocpp_trio.store.effects import CREATED, ENDED, SENT, Effect
from tests.conftest import OpenDatabase
from tests.support.clock import START
from tests.support.statements import execute, fetch

# Review


async def keep(database: Database, message: str = "{}", **other: Any) -> None:
    fields: dict[str, Any] = {
        "kind": review.UNMATCHED,
        "charge_point_id": "CP1",
        "action": "StopTransaction",
        "reason": "unknown transaction",
        "message": message,
        "now": START,
        "suggestion": None,
    } | other
    await database.write(review.keep, *fields.values())


async def test_a_message_is_kept_as_it_came(database: Database) -> None:
    message = '{"transactionId": -1, "note": "ä \\u0000"}'
    await keep(database, message, suggestion=7)
    (item,) = await database.read(review.of_charge_point, "CP1")
    assert (item["message"], item["suggestion"], item["times"]) == (message, 7, 1)
    assert (item["received_at"], item["resolution"]) == (START, None)


async def test_the_same_message_is_counted(database: Database) -> None:
    for minute in range(3):
        await keep(database, now=START + minute)
    (item,) = await database.read(review.of_charge_point, "CP1")
    assert (item["times"], item["received_at"]) == (3, START)


@pytest.mark.parametrize(
    "other", [{"message": "{ }"}, {"action": "MeterValues"}, {"charge_point_id": "CP2"}]
)
async def test_another_message_is_another_item(database: Database, other: dict[str, str]) -> None:
    await keep(database)
    await keep(database, **other)
    items = [
        *await database.read(review.of_charge_point, "CP1"),
        *await database.read(review.of_charge_point, "CP2"),
    ]
    assert [item["times"] for item in items] == [1, 1]


async def test_of_a_stranger_only_so_many_are_kept(database: Database) -> None:
    for number in range(5):
        await database.write(
            review.keep_of_stranger, "CP1", "MeterValues", f'{{"n": {number}}}', 3, START
        )
    await database.write(review.keep_of_stranger, "CP2", "MeterValues", "{}", 3, START)
    items = await database.read(review.of_charge_point, "CP1")
    assert [item["message"] for item in items] == ['{"n": 0}', '{"n": 1}', '{"n": 2}']
    assert items[0]["reason"] == "the charge point was not accepted when it sent this"
    assert len(await database.read(review.of_charge_point, "CP2")) == 1


# Commands


async def create(database: Database, expires_at: int | None = START + 30_000) -> int:
    request = commands.Request("CP1", "Reset", '{"type":"Soft"}', "admin", expires_at=expires_at)
    return await database.write(commands.create, request, START)


async def command(database: Database, number: int) -> Row:
    row = await database.read(commands.find, number)
    assert row is not None
    return row


async def finish(database: Database, number: int, state: str, response: str | None = None) -> None:
    await database.write(commands.finish, number, state, response, None, START + 9)


async def test_a_command_from_the_queue_to_its_answer(database: Database) -> None:
    number = await create(database)
    row = await command(database, number)
    assert (row["state"], row["action"], row["actor"], row["expires_at"]) == (
        "queued",
        "Reset",
        "admin",
        START + 30_000,
    )
    await database.write(commands.mark_sent, number, START + 1)
    row = await command(database, number)
    assert (row["state"], row["sent_at"]) == ("sent", START + 1)
    await finish(database, number, "accepted", '{"status":"Accepted"}')
    row = await command(database, number)
    assert (row["state"], row["response"], row["answered_at"]) == (
        "accepted",
        '{"status":"Accepted"}',
        START + 9,
    )


@pytest.mark.parametrize("state", ["accepted", "refused", "error", "replaced", "unknown", "late"])
async def test_nothing_changes_an_end(database: Database, state: str) -> None:
    number = await create(database)
    await finish(database, number, state)
    await database.write(commands.mark_sent, number, START + 1)
    for other in ("accepted", "timeout", "late"):
        await finish(database, number, other, "{}")
    row = await command(database, number)
    assert (row["state"], row["response"], row["sent_at"]) == (state, None, None)


async def test_only_a_timeout_may_be_followed_by_a_late_answer(database: Database) -> None:
    number = await create(database)
    await finish(database, number, "timeout")
    await finish(database, number, "accepted", "{}")
    assert (await command(database, number))["state"] == "timeout"
    await finish(database, number, "late", '{"status":"Accepted"}')
    row = await command(database, number)
    assert (row["state"], row["response"]) == ("late", '{"status":"Accepted"}')
    await finish(database, number, "timeout")
    assert (await command(database, number))["state"] == "late"


async def test_what_was_under_way_at_a_crash_is_unknown_or_expired(
    open_test_database: OpenDatabase,
) -> None:
    async with open_test_database() as database:
        queued, sent, done, timed_out = [await create(database, None) for _ in range(4)]
        kept, elsewhere = await create(database), await create(database, None)
        for number in (queued, done, timed_out):
            await database.write(nodes.address, number, "here")
        await database.write(nodes.address, elsewhere, "there")
        await database.write(commands.mark_sent, sent, START, "here")
        await finish(database, done, "accepted")
        await finish(database, timed_out, "timeout")
    async with open_test_database() as database:
        assert await database.write(commands.abandon, "here", "it is gone", START + 50) == 2
        states = [
            (await command(database, number))["state"]
            for number in (queued, sent, done, timed_out, kept, elsewhere)
        ]
        assert states == ["expired", "unknown", "accepted", "timeout", "queued", "queued"]
        row = await command(database, sent)
        assert (row["error"], row["answered_at"]) == ("it is gone", START + 50)
        assert await database.write(commands.abandon, "here", "it is gone", START + 60) == 0


async def test_a_command_is_claimed_once(database: Database) -> None:
    number, cancelled, expired = [await create(database) for _ in range(3)]
    assert await database.write(commands.cancel, cancelled, "enough", START) is not None
    assert await database.write(commands.cancel, cancelled, "again", START) is None
    assert await database.write(commands.mark_sent, number, START)
    assert not await database.write(commands.mark_sent, number, START)
    assert not await database.write(commands.mark_sent, cancelled, START)
    assert not await database.write(commands.mark_sent, expired, START + 30_000)
    assert await database.write(commands.cancel, number, "too late", START) is None
    assert await database.write(commands.expire, START + 30_000) == [expired]


async def test_every_end_has_its_effect_once(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[tuple[int, str]] = []

    def note(_: Tx, command: Command, __: int) -> None:
        ended.append((command.id, command.state))

    monkeypatch.setitem(cast(dict[str, Effect], ENDED), "Reset", note)
    answered, cancelled, expired = [await create(database) for _ in range(3)]
    sent, lost = await create(database, None), await create(database, None)
    for number in (answered, sent):
        await database.write(commands.mark_sent, number, START, "here")
    await database.write(nodes.address, lost, "here")
    await finish(database, answered, "accepted", '{"status":"Accepted"}')
    await database.write(commands.cancel, cancelled, "enough", START)
    await database.write(commands.cancel, cancelled, "enough", START)
    await database.write(commands.expire, START + 30_000)
    for _ in range(2):
        await database.write(commands.abandon, "here", "it is gone", START + 30_000)
    assert ended == [
        (answered, "accepted"),
        (cancelled, "cancelled"),
        (expired, "expired"),
        (sent, "unknown"),
        (lost, "expired"),
    ]


def broken(error: Exception) -> Effect:
    """An effect that raises in the middle of its work."""

    def effect(tx: Tx, command: Command, _: int) -> None:
        execute(tx, "INSERT INTO sequences (name, value) VALUES ('half', 1)")
        if not isinstance(error, sqlite3.IntegrityError):
            raise error
        execute(tx, "INSERT INTO sequences (name, value) VALUES ('half', 1)")

    return effect


@pytest.mark.parametrize("error", [KeyError("key"), sqlite3.IntegrityError(), OverflowError()])
async def test_an_effect_that_fails_is_undone_alone_and_logged(
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    expected_errors: list[EventDict],
    error: Exception,
) -> None:
    monkeypatch.setitem(cast(dict[str, Effect], ENDED), "Reset", broken(error))
    monkeypatch.setitem(cast(dict[str, Effect], SENT), "Reset", broken(error))
    one, other = await create(database), await create(database)
    for number in (one, other):
        assert await database.write(commands.mark_sent, number, START)
    await finish(database, one, "accepted", '{"status":"Accepted"}')
    await finish(database, other, "refused", '{"status":"Rejected"}')
    for number, state in ((one, "accepted"), (other, "refused")):
        row = await database.read(commands.find, number)
        assert row is not None
        assert row["state"] == state
    assert await database.read(fetch, "SELECT * FROM sequences WHERE name = 'half'") == []
    assert [error["command"] for error in expected_errors] == [one, other, one, other]


async def test_a_command_whose_record_cannot_be_made_is_none(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(cast(dict[str, Effect], CREATED), "Reset", broken(KeyError()))
    with pytest.raises(KeyError):
        await create(database)
    assert await database.read(fetch, "SELECT * FROM commands") == []


async def test_no_such_command(database: Database) -> None:
    assert await database.read(commands.find, 4711) is None
    await finish(database, 4711, "accepted")


# The system log


async def test_log_pages_are_newest_first_and_filtered(database: Database) -> None:
    entries = [
        Entry("CP1", START, "INFO", "server", "one"),
        Entry(None, START, "WARNING", "store", "two"),
        Entry("CP1", START, "ERROR", "server", "three"),
        Entry("CP2", START - 1, "INFO", "server", "four"),
    ]
    await database.write(logs.insert, entries)
    await database.write(logs.insert, [])

    async def page(*arguments: Any) -> tuple[list[str], int]:
        rows, total = await database.read(logs.page, *arguments)
        return [row["message"] for row in rows], total

    assert await page(None, None, 10, 0) == (["four", "three", "two", "one"], 4)
    assert await page(None, None, 2, 1) == (["three", "two"], 4)
    assert await page("CP1", None, 10, 0) == (["three", "one"], 2)
    assert await page("CP1", "ERROR", 10, 0) == (["three"], 1)
    assert await page(None, "INFO", 1, 0) == (["four"], 2)
    assert await page(None, None, 10, 4) == ([], 4)
    assert await page("CP3", None, 10, 0) == ([], 0)
    rows, _ = await database.read(logs.page, "CP2", None, 1, 0)
    assert Entry(*(rows[0][name] for name in Entry._fields)) == entries[3]


# API keys


def _key(name: str, role: str, key_hash: str) -> NewKey:
    return NewKey(name, role, key_hash, "somebody")


async def test_keys_are_named_once(database: Database) -> None:
    assert await database.write(api_keys.insert, _key("first", "admin", "hash 1"), START)
    assert not await database.write(api_keys.insert, _key("first", "read", "hash 2"), START)
    assert await database.write(api_keys.insert, _key("second", "read", "hash 3"), START)
    rows, ever_made = await database.read(api_keys.stored)
    assert ever_made
    assert [(row["name"], row["role"], row["key_hash"]) for row in rows] == [
        ("first", "admin", "hash 1"),
        ("second", "read", "hash 3"),
    ]


async def test_a_revoked_key_does_not_count(database: Database) -> None:
    assert await database.read(api_keys.stored) == ([], False)
    row = await database.write(api_keys.insert, _key("first", "admin", "hash 1"), START)
    assert row is not None
    revoked = await database.write(api_keys.revoke, row["id"], "somebody", START + 1)
    assert revoked is not None
    assert (revoked["revoked_at"], revoked["revoked_by"]) == (START + 1, "somebody")
    assert await database.write(api_keys.revoke, row["id"], "another", START + 2) is None
    assert await database.read(api_keys.stored) == ([], True)


async def test_the_last_use_of_a_key_never_goes_back(database: Database) -> None:
    row = await database.write(api_keys.insert, _key("first", "admin", "hash 1"), START)
    assert row is not None
    for moment in (START + 5, START + 3):
        await database.write(api_keys.note_used, {row["id"]: moment, 4711: moment})
    found = await database.read(api_keys.find, row["id"])
    assert found is not None
    assert found["last_used_at"] == START + 5


# Notices


async def test_reports_and_transfers_are_kept(database: Database) -> None:
    await database.write(
        jobs.notified, "CP1", "FirmwareStatusNotification", {"status": "Installed"}, START
    )
    transfer = {"vendorId": "v", "messageId": "m", "data": "d"}
    await database.write(data_transfers.record, "CP1", transfer, "UnknownVendorId", START)
    await database.write(data_transfers.record, "CP1", {"vendorId": "v"}, "Accepted", START)
    (row,) = await database.read(fetch, "SELECT * FROM charge_point_reports")
    assert (row["action"], row["status"]) == ("FirmwareStatusNotification", "Installed")
    rows = await database.read(fetch, "SELECT * FROM data_transfers ORDER BY id")
    assert [(row["message_id"], row["data"], row["answer"]) for row in rows] == [
        ("m", "d", "UnknownVendorId"),
        (None, None, "Accepted"),
    ]
