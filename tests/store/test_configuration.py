"""What is known of a station's configuration, and who changed it."""

from __future__ import annotations

from typing import Any

import pytest

from ocpp_trio.store import charge_points, configuration
from ocpp_trio.store.database import Database
from tests.support.clock import START
from tests.support.commands import carried_out


async def report(database: Database, now: int = START, **values: str | None) -> None:
    keys = [
        {"key": key, "readonly": False} | ({} if value is None else {"value": value})
        for key, value in values.items()
    ]
    await carried_out(database, "GetConfiguration", {}, {"configurationKey": keys}, now=now)


async def change(database: Database, key: str, value: str, status: str, **more: Any) -> None:
    payload = {"key": key, "value": value}
    await carried_out(database, "ChangeConfiguration", payload, {"status": status}, **more)


async def known(database: Database) -> dict[str, tuple[Any, ...]]:
    rows = await database.read(configuration.of_charge_point, "CP1")
    return {row["key"]: (row["value"], row["pending_value"], row["needs_reboot"]) for row in rows}


async def history(database: Database) -> list[tuple[Any, ...]]:
    rows = await database.read(
        configuration.changes.page, configuration.Filter("CP1"), None, 100, 0
    )
    return [
        (row["key"], row["old_value"], row["new_value"], row["actor"], row["status"])
        for row in rows
    ]


async def test_a_report_is_known_and_its_differences_are_changes(database: Database) -> None:
    await report(database, A="1", B=None)
    assert await known(database) == {"A": ("1", None, 0), "B": (None, None, 0)}
    assert await history(database) == []
    await report(database, A="2", C="3")
    assert await known(database) == {
        "A": ("2", None, 0),
        "B": (None, None, 0),
        "C": ("3", None, 0),
    }
    assert await history(database) == [("A", "1", "2", "charge point", "Reported")]


@pytest.mark.parametrize("key", ["Interval", "INTERVAL"])
async def test_a_change_that_was_taken(database: Database, key: str) -> None:
    await report(database, Interval="10")
    await change(database, key, "20", "Accepted")
    assert await known(database) == {"Interval": ("20", None, 0)}
    assert await history(database) == [(key, "10", "20", "admin", "Accepted")]


@pytest.mark.parametrize("status", ["Rejected", "NotSupported"])
async def test_a_change_that_was_not_taken_is_remembered(database: Database, status: str) -> None:
    await report(database, Interval="10")
    await change(database, "Interval", "20", status)
    assert await known(database) == {"Interval": ("10", None, 0)}
    assert await history(database) == [("Interval", "10", "20", "admin", status)]


async def test_a_change_without_answer_changes_nothing(database: Database) -> None:
    payload = {"key": "Interval", "value": "20"}
    await carried_out(database, "ChangeConfiguration", payload, None, state="timeout")
    assert await known(database) == {}
    assert await history(database) == []


async def test_a_change_that_needs_a_reboot_counts_after_it(database: Database) -> None:
    await database.write(charge_points.register, "CP1", "Accepted", {}, START)
    await report(database, Interval="10")
    await change(database, "Interval", "20", "RebootRequired")
    assert await known(database) == {"Interval": ("10", "20", 1)}
    # Asked before it booted, the station says what is in force.
    await report(database, Interval="10")
    assert await known(database) == {"Interval": ("10", "20", 1)}
    boot = {"chargePointVendor": "V", "chargePointModel": "M"}
    await database.write(charge_points.boot, "CP1", boot, START)
    assert await known(database) == {"Interval": ("20", None, 0)}


async def test_a_report_may_show_that_the_reboot_was_not_needed(database: Database) -> None:
    await change(database, "Interval", "20", "RebootRequired")
    await report(database, Interval="20")
    assert await known(database) == {"Interval": ("20", None, 0)}


async def test_a_secret_is_never_stored(database: Database) -> None:
    await report(database, AuthorizationKey="0123456789abcdef", A="1")
    await change(database, "authorizationkey", "fedcba9876543210", "Accepted")
    assert await known(database) == {"A": ("1", None, 0)}
    assert await history(database) == []


async def test_changes_are_filtered_and_paged(database: Database) -> None:
    for number in range(4):
        await change(database, f"K{number % 2}", str(number), "Accepted", now=START + number)

    async def found(which: configuration.Filter, before: int | None = None) -> list[str]:
        rows = await database.read(configuration.changes.page, which, before, 10, 0)
        assert before is not None or len(rows) == await database.read(
            configuration.changes.count, which
        )
        return [row["new_value"] for row in rows]

    assert await found(configuration.Filter()) == ["3", "2", "1", "0"]
    assert await found(configuration.Filter(), 3) == ["1", "0"]
    assert await found(configuration.Filter(key="K1")) == ["3", "1"]
    assert await found(configuration.Filter("CP2")) == []
    assert await found(configuration.Filter(since=START + 1, until=START + 3)) == ["2", "1"]


async def test_one_value(database: Database) -> None:
    await report(database, SendLocalListMaxLength="20")
    key = "sendlocallistmaxlength"
    assert await database.read(configuration.value, "CP1", key) == "20"
    assert await database.read(configuration.value, "CP2", key) is None
