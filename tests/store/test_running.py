"""Running transactions as services look for them: right, and without a look at all that is over."""

from __future__ import annotations

import pytest

from ocpp_trio.store import running
from ocpp_trio.store.database import Database, Row, Tx
from ocpp_trio.store.queries import Statement
from tests.conftest import SQLITE
from tests.support.clock import HOUR, MINUTE, FakeNow
from tests.support.sessions import Station, meter_value
from tests.support.statements import execute, sql


@pytest.mark.parametrize("statement", running.Q.statements.values(), ids=lambda each: each.name)
@pytest.mark.parametrize("database_kind", [SQLITE])
async def test_what_is_over_is_not_looked_at(database: Database, statement: Statement) -> None:
    def plan(tx: Tx) -> list[Row]:
        explained = sql(f"EXPLAIN QUERY PLAN {statement.sqlite}")
        return list(tx.all(explained, **dict.fromkeys(statement.parameters)))

    steps = [row["detail"] for row in await database.read(plan)]
    assert any("transactions_open" in step for step in steps), steps
    assert "SCAN transactions" not in steps


async def register(database: Database, *, connected: bool) -> None:
    await database.write(
        execute,
        "INSERT INTO charge_points (id, registration, is_connected, disconnected_at, created_at,"
        f" updated_at) VALUES ('CP1', 'Accepted', {int(connected)}, 5, 0, 0)",
    )


async def test_unread_are_those_with_an_old_reading_or_one_of_the_future(
    database: Database, now: FakeNow
) -> None:
    await register(database, connected=True)
    station = Station(database, now)
    begun = now()
    numbers = [(await station.start(connectorId=connector)).transaction_id for connector in (1, 2)]
    over = (await station.start(connectorId=3)).transaction_id
    await station.stop(over)
    now.ms += HOUR
    await station.meter(numbers[1], meter_value(now() + MINUTE, 2000))

    async def unread(before: int) -> list[int]:
        return [row["id"] for row in await database.read(running.unread, before, now())]

    assert await unread(begun) == [numbers[1]]
    assert await unread(begun + 1) == numbers
    now.ms += MINUTE
    assert await unread(begun) == []
    assert await unread(now() + 1) == numbers


async def test_closing_what_is_offline(database: Database, now: FakeNow) -> None:
    await register(database, connected=False)
    station = Station(database, now)
    number = (await station.start()).transaction_id
    await station.meter(number, meter_value(now(), 2500))
    await database.write(execute, f"UPDATE charge_points SET disconnected_at = {now()}")
    now.ms += 2 * HOUR
    before = now() - 2 * HOUR
    assert await database.write(running.close_offline, before - 1, now()) == []
    (closed,) = await database.write(running.close_offline, before, now())
    assert closed["id"] == number
    row = await station.transaction(number)
    assert (row["is_complete"], row["meter_stop"], row["stopped_at"]) == (1, 2500, now())
    assert row["stop_reason"] == ("closed by the server: the charge point was offline for 2.0 h")
    assert await database.write(running.close_offline, before, now()) == []


async def test_one_that_cannot_be_closed_stops_no_other(database: Database, now: FakeNow) -> None:
    await register(database, connected=False)
    station = Station(database, now)
    absurd = (await station.start(meterStart=2**63 - 1)).transaction_id
    interval = {"measurand": "Energy.Active.Import.Interval", "unit": "Wh"}
    await station.meter(absurd, meter_value(now(), 1000, **interval))
    number = (await station.start(connectorId=2)).transaction_id
    (closed,) = await database.write(running.close_offline, now(), now())
    assert closed["id"] == number
    assert (await station.transaction(absurd))["is_complete"] == 0
