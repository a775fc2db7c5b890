"""Pages of sampled values: newest first, filtered, followed to the end, by way of indexes."""

from __future__ import annotations

from typing import Any

import pytest

from ocpp_trio.store import readings
from ocpp_trio.store.database import Database, Row
from ocpp_trio.store.readings import Filter
from tests.conftest import SQLITE
from tests.support.clock import MINUTE, START, FakeNow
from tests.support.sessions import Station, meter_value
from tests.support.statements import fetch

VOLTAGE: dict[str, Any] = {"measurand": "Voltage", "unit": "V", "phase": "L1"}


@pytest.fixture
async def numbers(database: Database, now: FakeNow) -> tuple[int, int, int]:
    """Two transactions of CP1, whose values came mixed, one of CP2, and values without any."""
    one, other = Station(database, now), Station(database, now, "CP2")
    first = (await one.start()).transaction_id
    second = (await one.start(connectorId=2)).transaction_id
    third = (await other.start()).transaction_id
    for minute in (3, 1, 2):
        await one.meter(first, meter_value(START + minute * MINUTE, 10 + minute))
        await one.meter(second, meter_value(START + minute * MINUTE, 20 + minute, **VOLTAGE))
        await other.meter(third, meter_value(START + minute * MINUTE, 30 + minute))
        await one.meter(None, meter_value(START + minute * MINUTE, 40 + minute))
    return first, second, third


def values(rows: Any) -> list[int]:
    return [int(row["value"]) for row in rows]


async def test_newest_first(database: Database, numbers: tuple[int, int, int]) -> None:
    first, second, third = numbers
    for wanted, found in (
        (Filter(transaction_id=first), [13, 12, 11]),
        (Filter("CP1", transaction_id=second), [23, 22, 21]),
        (Filter("CP2", transaction_id=second), []),
        (Filter(transaction_id=4711), []),
        (Filter(transaction_id=-7), []),
        (Filter("CP1"), [23, 22, 21, 13, 12, 11, 43, 42, 41]),
        (Filter("CP1", transaction_id=0), [43, 42, 41]),
        (Filter("CP3"), []),
        (Filter(), [42, 32, 22, 12, 41, 31, 21, 11, 43, 33, 23, 13]),
        (Filter(transaction_id=0), [42, 41, 43]),
        (Filter("CP1", measurand="Voltage", phase="L1"), [23, 22, 21]),
        (Filter(measurand="Voltage"), [22, 21, 23]),
        (Filter("CP1", since=START + 2 * MINUTE, until=START + 3 * MINUTE), [22, 12, 42]),
        (Filter("CP2", transaction_id=third, since=START + 2 * MINUTE), [33, 32]),
        (Filter("CP1", connector_id=7), []),
        (Filter("CP1", context="Sample.Periodic", location="Outlet", format="Raw"), 9),
        (Filter("CP1", source="MeterValues"), 9),
        (Filter("CP1", source="Backup"), []),
        (Filter("CP1", phase="L2"), []),
    ):
        rows, total = await database.read(readings.page, wanted, 100, 0)
        if isinstance(found, int):
            assert len(rows) == found, wanted
        else:
            assert values(rows) == found, wanted
        assert total == len(rows), wanted


@pytest.mark.parametrize("wanted", [Filter(), Filter("CP1"), Filter("CP1", transaction_id=0)])
async def test_pages_by_offset_and_by_the_row_before_are_the_whole(
    database: Database, numbers: tuple[int, int, int], wanted: Filter
) -> None:
    whole, total = await database.read(readings.page, wanted, 100, 0)
    for limit in (1, 2, 5):
        paged: list[Row] = []
        for offset in range(0, len(whole) + limit, limit):
            rows, counted = await database.read(readings.page, wanted, limit, offset)
            assert counted == total
            paged += rows
        assert values(paged) == values(whole)
        followed: list[Row] = list((await database.read(readings.page, wanted, limit, 0))[0])
        while True:
            rows = await database.read(readings.behind, wanted, followed[-1], limit)
            followed += rows
            if len(rows) < limit:
                break
        assert values(followed) == values(whole)


async def test_what_is_too_much_is_not_counted_and_not_searched(
    database: Database, numbers: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readings, "COUNTED", 8)
    assert (await database.read(readings.page, Filter(), 100, 0))[1] is None
    assert (await database.read(readings.page, Filter("CP1"), 100, 0))[1] is None
    assert (await database.read(readings.page, Filter(measurand="Voltage"), 100, 0))[1] == 3
    monkeypatch.setattr(readings, "SEARCHED", 4)
    rows, total = await database.read(readings.page, Filter(measurand="Voltage"), 100, 0)
    assert (values(rows), total) == ([22], 1)
    assert len((await database.read(readings.page, Filter(), 100, 0))[0]) == 12


PLANS = {
    "page_of_transactions": """
        SEARCH transactions USING COVERING INDEX transactions_charge_point
        (charge_point_id=? AND id>? AND id<?)
        SEARCH meter_values USING INDEX sqlite_autoindex_meter_values_1 (transaction_id=?)
        USE TEMP B-TREE FOR RIGHT PART OF ORDER BY
    """,
    "page_loose": """
        SEARCH meter_values USING INDEX meter_values_loose (charge_point_id=? AND timestamp<?)
    """,
    "page_newest": "SEARCH meter_values USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)",
}
"""Sorted is only within one transaction: a page ends without reading the others."""


@pytest.mark.parametrize("name", PLANS)
@pytest.mark.parametrize("database_kind", [SQLITE])
async def test_every_page_goes_by_an_index(database: Database, name: str) -> None:
    statement = readings.Q.statements[name]
    text = statement.sqlite
    for parameter in sorted(statement.parameters, key=len, reverse=True):
        text = text.replace(f":{parameter}", "1")
    rows = await database.read(fetch, f"EXPLAIN QUERY PLAN {text}")
    plan = " ".join(row["detail"] for row in rows)
    # Newer versions of SQLite say it in other words.
    plan = plan.replace("LAST 2 TERMS", "RIGHT PART")
    assert plan == " ".join(PLANS[name].split())
