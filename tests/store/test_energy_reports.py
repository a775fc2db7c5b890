"""What a report reads: the right transactions, page by page, by way of indexes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ocpp_trio.domain.readings import INTERVAL
from ocpp_trio.domain.reports import Question, Report
from ocpp_trio.domain.times import format_timestamp
from ocpp_trio.store import energy_reports
from ocpp_trio.store.database import Database
from ocpp_trio.store.energy_reports import Entry
from tests.conftest import SQLITE
from tests.support.clock import DAY, HOUR, MINUTE, START, FakeNow
from tests.support.sessions import Station, meter_value
from tests.support.statements import execute, fetch

# START is 08:00 of this day.
TODAY = date(2026, 11, 23)
MIDNIGHT = START - 8 * HOUR


def asked(**fields: Any) -> Report:
    return Report(Question(TODAY, TODAY, ZoneInfo("UTC"), **fields))


async def read(database: Database, report: Report, limit: int = 1000) -> Sequence[Entry]:
    found: list[Entry] = []
    while True:
        behind = found[-1].row if found else None
        page = await database.read(energy_reports.page, report, behind, limit)
        found += page
        if len(page) < limit:
            return found


async def session(
    station: Station, begin: int, hours: float | None, wh: int = 1000, **fields: Any
) -> int:
    """A transaction that began at a moment and took so many hours; None: it runs."""
    station.now.ms = max(station.now.ms, begin)
    fields = {"meterStart": 0, "timestamp": format_timestamp(begin)} | fields
    number = (await station.start(**fields)).transaction_id
    if hours is not None:
        end = begin + int(hours * HOUR)
        station.now.ms = max(station.now.ms, end)
        await station.stop(number, meterStop=wh, timestamp=format_timestamp(end))
    return number


@pytest.mark.parametrize("limit", [1, 2, 1000])
async def test_transactions_of_the_period_and_those_that_ran_into_it(
    station: Station, database: Database, limit: int
) -> None:
    await session(station, MIDNIGHT - 30 * HOUR, 29, connectorId=1)
    long = await session(station, MIDNIGHT - 40 * HOUR, 41, connectorId=2)
    running = await session(station, MIDNIGHT - 90 * DAY, None, connectorId=3)
    short = await session(station, MIDNIGHT - 2 * HOUR, 3, connectorId=4)
    await session(station, MIDNIGHT - HOUR, 1, connectorId=5)
    day_long = await session(station, MIDNIGHT - 23 * HOUR, 24, connectorId=9)
    first = await session(station, MIDNIGHT, 1, connectorId=6)
    last = await session(station, MIDNIGHT + DAY - 1, 1, connectorId=7)
    await session(station, MIDNIGHT + DAY, 1, connectorId=8)
    entries = await read(database, asked(split=True), limit)
    found = [entry.row["id"] for entry in entries]
    assert found == [running, long, day_long, short, first, last]
    cut = [entry.row["id"] for entry in entries if entry.points is not None]
    assert cut == [running, long, day_long, short, last]
    whole = await read(database, asked(), limit)
    assert [entry.row["id"] for entry in whole] == [first, last]
    assert [entry.points for entry in whole] == [None, None]


async def test_filters(database: Database, now: FakeNow) -> None:
    one, other = Station(database, now), Station(database, now, "CP2")
    await session(one, MIDNIGHT - HOUR, 2)
    await session(one, MIDNIGHT + HOUR, 1, idTag="Other")
    await session(other, MIDNIGHT + 2 * HOUR, 1)
    fleet = "UPDATE transactions SET parent_id_tag = 'Fleet' WHERE charge_point_id = 'CP2'"
    await database.write(execute, fleet)
    for fields, count in (
        ({}, 3),
        ({"charge_point_id": "CP1"}, 2),
        ({"id_tag": "OTHER"}, 1),
        ({"parent_id_tag": "fleet"}, 1),
        ({"charge_point_id": "CP1", "parent_id_tag": "fleet"}, 0),
    ):
        assert len(await read(database, asked(split=True, **fields))) == count, fields


async def test_a_cut_follows_the_register(station: Station, database: Database) -> None:
    number = await session(station, MIDNIGHT - HOUR, None)
    for minute, wh in ((-30, 100), (-10, 500), (10, 700)):
        await station.meter(number, meter_value(MIDNIGHT + minute * MINUTE, wh))
    # Not the session's energy, whatever it says.
    inlet = meter_value(MIDNIGHT, 9000, location="Inlet")
    await station.meter(number, inlet)
    end = format_timestamp(MIDNIGHT + HOUR)
    await station.stop(number, meterStop=1000, timestamp=end)
    (entry,) = await read(database, asked(split=True))
    assert asked(split=True).add(entry.row, entry.points) == 400


async def test_a_cut_follows_intervals_where_there_is_no_register(
    station: Station, database: Database
) -> None:
    number = await session(station, MIDNIGHT - 30 * MINUTE, None)
    for minute, wh in ((-15, 10), (0, 20), (15, 40)):
        for more in ({}, {"context": "Sample.Clock"}):
            reading = meter_value(MIDNIGHT + minute * MINUTE, wh, measurand=INTERVAL, **more)
            await station.meter(number, reading)
    (entry,) = await read(database, asked(split=True))
    assert asked(split=True).add(entry.row, entry.points) == 40


async def _plan(database: Database, name: str) -> str:
    statement = energy_reports.Q.statements[name]
    text = statement.sqlite
    for parameter in sorted(statement.parameters, key=len, reverse=True):
        text = text.replace(f":{parameter}", "NULL" if parameter.endswith("id") else "1")
    rows = await database.read(fetch, f"EXPLAIN QUERY PLAN {text}")
    return "\n".join(row["detail"] for row in rows)


@pytest.mark.parametrize("database_kind", [SQLITE])
async def test_no_statement_walks_through_all_transactions(database: Database) -> None:
    plan = await _plan(database, "running_at")
    for index in ("transactions_started (started_at>? AND started_at<?)", "transactions_long"):
        assert f"SEARCH transactions USING INDEX {index}" in plan
    assert "SCAN transactions USING INDEX transactions_open" in plan
    assert plan.count(" transactions USING") == 3
    plan = await _plan(database, "started_between")
    assert (
        plan
        == "SEARCH transactions USING INDEX transactions_started (started_at>? AND started_at<?)"
    )
    for name in ("registers", "intervals"):
        assert "(transaction_id=?)" in await _plan(database, name)
