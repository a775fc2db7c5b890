"""Connectors: the newest status by the station's clock, and all of them in the history."""

from __future__ import annotations

from typing import Any

import pytest

from ocpp_trio.domain.times import format_timestamp
from ocpp_trio.store import charge_points, connectors
from ocpp_trio.store.database import Database, Row
from tests.support.clock import HOUR, MINUTE, START
from tests.support.statements import fetch

HISTORY = "SELECT * FROM status_history ORDER BY id"


async def report(
    database: Database, status: str, at: int | str | None = None, now: int = START, **fields: Any
) -> None:
    payload = {"connectorId": 1, "status": status, "errorCode": "NoError"} | fields
    if at is not None:
        payload["timestamp"] = at if isinstance(at, str) else format_timestamp(at)
    await database.write(connectors.record_status, "CP1", payload, now)


async def connector(database: Database, number: int = 1) -> Row:
    rows = await database.read(connectors.of_charge_point, "CP1")
    return {row["connector_id"]: row for row in rows}[number]


async def test_a_status_is_stored_whole(database: Database) -> None:
    await report(
        database,
        "Faulted",
        START - MINUTE,
        errorCode="OtherError",
        info="smoke",
        vendorId="v",
        vendorErrorCode="42",
    )
    row = await connector(database)
    names = ("status", "error_code", "info", "vendor_id", "vendor_error_code", "status_timestamp")
    whole = ("Faulted", "OtherError", "smoke", "v", "42", START - MINUTE)
    assert tuple(row[name] for name in names) == whole
    (kept,) = await database.read(fetch, HISTORY)
    assert tuple(kept[name] for name in names) == whole
    assert kept["received_at"] == START


async def test_the_newest_by_the_stations_clock_wins(database: Database) -> None:
    await report(database, "Charging", START - MINUTE)
    await report(database, "Available", START - HOUR, now=START + 1)
    assert (await connector(database))["status"] == "Charging"
    await report(database, "Finishing", START, now=START + 2)
    assert (await connector(database))["status"] == "Finishing"
    history = await database.read(fetch, HISTORY)
    assert [row["status"] for row in history] == ["Charging", "Available", "Finishing"]


async def test_of_one_moment_the_later_message_wins(database: Database) -> None:
    await report(database, "Preparing", START)
    await report(database, "Charging", START)
    assert (await connector(database))["status"] == "Charging"


@pytest.mark.parametrize("at", [None, "1970-01-01T00:00:00Z", "soon", "2099-01-01T00:00:00Z"])
async def test_without_a_believable_clock_a_status_is_as_new_as_its_arrival(
    database: Database, at: str | None
) -> None:
    await report(database, "Available", START)
    await report(database, "Charging", at, now=START + 1)
    row = await connector(database)
    assert (row["status"], row["status_timestamp"]) == ("Charging", START + 1)


async def test_an_older_status_does_not_clear_what_a_newer_one_said(database: Database) -> None:
    await report(database, "Faulted", START, errorCode="GroundFailure", info="wet")
    await report(database, "Available", START - MINUTE)
    row = await connector(database)
    assert (row["status"], row["error_code"], row["info"]) == ("Faulted", "GroundFailure", "wet")


async def test_connector_0_is_the_station(database: Database) -> None:
    await database.write(charge_points.register, "CP1", "Accepted", {}, START)

    async def status() -> str | None:
        row = await database.read(charge_points.find, "CP1")
        assert row is not None
        found: str | None = row["status"]
        return found

    await report(database, "Charging", START)
    assert await status() is None
    await report(database, "Unavailable", START, connectorId=0)
    assert await status() == "Unavailable"
    await report(database, "Available", START - MINUTE, connectorId=0)
    assert await status() == "Unavailable"
    assert (await connector(database, 0))["status"] == "Unavailable"


async def test_connectors_in_order_of_their_numbers(database: Database) -> None:
    for number in (2, 0, 10, 1):
        await report(database, "Available", connectorId=number)
    rows = await database.read(connectors.of_charge_point, "CP1")
    assert [row["connector_id"] for row in rows] == [0, 1, 2, 10]
    assert await database.read(connectors.of_charge_point, "CP2") == []
