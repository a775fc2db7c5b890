"""The review queue: bounded, with a guess at where each message belongs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ocpp_trio.store import charge_points, meter_values, resolving, review, stops, suggestions
from ocpp_trio.store.database import Database, Tx
from ocpp_trio.store.resolving import Decision
from tests.conftest import SQLITE
from tests.support.clock import DAY, HOUR, MINUTE, START, FakeNow
from tests.support.sessions import Station, message, meter_value
from tests.support.statements import sql

EVERYTHING: dict[str, Any] = {
    "charge_point_id": None,
    "kind": None,
    "action": None,
    "is_open": None,
    "since": None,
    "until": None,
}


async def keep(database: Database, number: int, limit: int = 3, point: str = "CP1") -> bool:
    text = json.dumps({"transactionId": number, "timestamp": "2026-11-23T07:00:00Z"})
    return await database.write(
        review.keep,
        review.UNMATCHED,
        point,
        "StopTransaction",
        "unknown transaction",
        text,
        START + number * MINUTE,
        None,
        limit,
    )


async def overflow(database: Database, point: str = "CP1") -> int:
    row = await database.read(charge_points.find, point)
    assert row is not None
    count: int = row["review_overflow"]
    return count


async def register(database: Database, *points: str) -> None:
    for point in points:
        await database.write(charge_points.register, point, "Accepted", {}, START)


# The bound


async def test_what_is_too_much_is_only_counted(database: Database) -> None:
    await register(database, "CP1", "CP2")
    assert [await keep(database, number) for number in range(6)] == [True] * 3 + [False] * 3
    assert len(await database.read(review.of_charge_point, "CP1")) == 3
    assert await overflow(database) == 3
    # A repeat of what is kept is counted at its item, another station has room of its own.
    assert await keep(database, 1)
    assert await keep(database, 7, point="CP2")
    assert (await overflow(database), await overflow(database, "CP2")) == (3, 0)
    items = await database.read(review.of_charge_point, "CP1")
    assert [item["times"] for item in items] == [1, 2, 1]
    assert await database.read(review.count_open) == 4


async def test_a_resolved_item_makes_room_and_stays_resolved(database: Database) -> None:
    await register(database, "CP1")
    for number in range(4):
        await keep(database, number)
    (first, *_) = await database.read(review.of_charge_point, "CP1")
    await database.write(resolving.discard, first["id"], Decision("me", None), START)
    assert await keep(database, 9)
    assert not await keep(database, 10)
    # The same message once more was decided already.
    assert await keep(database, 0)
    item = await database.read(review.find, first["id"])
    assert item is not None
    assert (item["resolution"], item["times"]) == ("discarded", 2)


@pytest.mark.parametrize("kind", ["meter", "unmatched", "conflict", "absurd"])
async def test_every_way_into_the_queue_is_bounded(
    station: Station, database: Database, kind: str
) -> None:
    await register(database, "CP1")
    numbers = [(await station.start(meterStart=n)).transaction_id for n in range(3)]
    if kind == "conflict":
        for number in numbers:
            await station.stop(number)
    answered = []
    for number in numbers:
        if kind == "meter":
            sent = message("CP1", -number, [meter_value(START, number)], START)
            outcome = await database.write(meter_values.record, sent._replace(review_limit=2))
            answered.append(outcome == "overflow")
            continue
        payload = {
            "transactionId": -number if kind == "unmatched" else number,
            "meterStop": -5 if kind == "absurd" else 7000,
            "timestamp": "2026-11-23T09:00:00Z",
        }
        stopped = await database.write(stops.stop, "CP1", payload, json.dumps(payload), START, 2)
        answered.append(stopped.overflow)
    assert answered == [False, False, True]
    assert len(await station.review()) == 2
    assert await overflow(database) == 1
    # What is not kept for a person is in the books all the same.
    if kind == "absurd":
        assert [row["is_complete"] for row in await station.transactions()] == [1, 1, 1]


# Suggestions


async def suggestion(station: Station) -> int | None:
    item = (await station.review())[-1]
    found: int | None = item["suggestion"]
    return found


async def test_the_running_transaction_of_the_connector(station: Station) -> None:
    first = (await station.start(connectorId=1)).transaction_id
    second = (await station.start(connectorId=2)).transaction_id
    await station.meter(-1, meter_value(START + MINUTE, 1500))
    assert await suggestion(station) == first
    # A stop names no connector: the newest.
    await station.stop(-1)
    assert await suggestion(station) == second


async def test_one_that_began_later_does_not_fit(station: Station, now: FakeNow) -> None:
    first = (await station.start()).transaction_id
    now.ms += HOUR
    await station.stop(first)
    now.ms += HOUR
    second = (await station.start()).transaction_id
    await station.meter(-1, meter_value(START + 30 * MINUTE, 1500))
    assert await suggestion(station) == first
    await station.stop(-1, timestamp="2026-11-23T08:45:00Z")
    assert await suggestion(station) == first
    await station.meter(-1, meter_value(now() - 4 * MINUTE, 1500))
    assert await suggestion(station) == second
    await station.meter(-1, meter_value(now() - DAY, 1500))
    assert await suggestion(station) is None


@pytest.mark.parametrize("timestamp", ["1970-01-01T00:00:00Z", "whenever"])
async def test_without_a_clock_only_what_runs_is_suggested(
    station: Station, timestamp: str
) -> None:
    over = (await station.start(meterStart=1)).transaction_id
    await station.stop(over)
    await station.stop(-1, timestamp=timestamp)
    assert await suggestion(station) is None
    running = (await station.start(meterStart=2)).transaction_id
    await station.stop(-2, timestamp=timestamp)
    assert await suggestion(station) == running


async def test_nothing_of_another_station(
    station: Station, database: Database, now: FakeNow
) -> None:
    theirs = (await Station(database, now, "CP2").start()).transaction_id
    await station.stop(theirs)
    await station.meter(theirs, meter_value(START, 1))
    assert [item["suggestion"] for item in await station.review()] == [None, None]


async def test_a_stranger_that_was_known_before_names_its_own(
    station: Station, database: Database
) -> None:
    own = (await station.start()).transaction_id
    await station.start(connectorId=2)
    text = json.dumps({"transactionId": own, "meterStop": 1, "timestamp": "2026-11-23T08:00:00Z"})
    assert await database.write(review.keep_of_stranger, "CP1", "StopTransaction", text, 1, START)
    assert await suggestion(station) == own


@pytest.mark.parametrize("database_kind", [SQLITE])
async def test_what_is_over_is_not_looked_at(database: Database) -> None:
    def plan(tx: Tx) -> list[str]:
        statement = suggestions.Q.suggest_open
        explained = sql(f"EXPLAIN QUERY PLAN {statement.sqlite}")
        rows = tx.all(explained, **dict.fromkeys(statement.parameters))
        return [row["detail"] for row in rows]

    assert "transactions_open" in (await database.read(plan))[0]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        "[" * 100_000,
        '{"meterValue": [], "transactionId": 1e999}',
        '{"meterValue": [5], "timestamp": 5}',
        '{"connectorId": true, "transactionId": 99999999999999999999}',
        '{"timestamp": "9999-12-31T23:59:59Z", "connectorId": "1"}',
    ],
)
async def test_a_message_of_any_kind_gets_some_suggestion_or_none(
    station: Station, database: Database, text: str
) -> None:
    number = (await station.start()).transaction_id
    found = await database.write(suggestions.of_text("CP1", text))
    assert found in {None, number}


# Lists


async def test_pages_and_filters(station: Station, database: Database, now: FakeNow) -> None:
    running = (await station.start()).transaction_id
    await station.meter(-1, meter_value(START, 1))
    now.ms += HOUR
    await station.stop(-1)
    await Station(database, now, "CP2").stop(-1)
    await station.stop(running, meterStop=-1)
    ids = [item["id"] for item in await station.review()]
    await database.write(resolving.discard, ids[0], Decision("me", None), now())

    async def found(limit: int = 10, offset: int = 0, **changes: Any) -> tuple[list[int], int]:
        filters = EVERYTHING | changes
        rows, total = await database.read(review.page, filters, limit, offset)
        return [row["id"] for row in rows], total

    assert await found() == ([4, 3, 2, 1], 4)
    assert await found(2, 1) == ([3, 2], 4)
    assert await found(charge_point_id="CP2") == ([3], 1)
    assert await found(kind="absurd") == ([4], 1)
    assert await found(action="MeterValues") == ([1], 1)
    assert await found(is_open=1) == ([4, 3, 2], 3)
    assert await found(is_open=0) == ([1], 1)
    assert await found(since=START + 1) == ([4, 3, 2], 3)
    assert await found(until=START + HOUR) == ([1], 1)
    rows = await database.read(review.behind, EVERYTHING, 3, 10)
    assert [row["id"] for row in rows] == [2, 1]


async def test_a_list_leaves_out_what_is_very_long(station: Station, database: Database) -> None:
    await station.stop(-1, transactionData=[meter_value(START, "1" * review.MAX_LISTED)])
    rows, _ = await database.read(review.page, EVERYTHING, 10, 0)
    assert rows[0]["message"] is None
    whole = await database.read(review.find, rows[0]["id"])
    assert whole is not None
    assert len(whole["message"]) > review.MAX_LISTED


async def test_without_a_clock_what_was_resolved_may_come_again_for_another_session(
    station: Station, database: Database, now: FakeNow
) -> None:
    """Stations without clock and numbers say the same of every session."""
    decision = Decision("admin", None)
    for timestamp, sessions in (("1970-01-01T00:00:00Z", 3), ("2026-11-23T07:00:00Z", 1)):
        before = len(await station.review())
        for _ in range(3):
            for _ in range(2):
                await station.stop(-1, timestamp=timestamp, meterStop=0)
            item = (await station.review())[-1]
            if item["resolution"] is None:
                await database.write(resolving.discard, item["id"], decision, now())
        items = (await station.review())[before:]
        assert len(items) == sessions
        assert {item["resolution"] for item in items} == {"discarded"}
        assert {item["times"] for item in items} == {6 // sessions}
