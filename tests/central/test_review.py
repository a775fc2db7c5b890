"""What fits nothing is answered and kept, within bounds; unknown tags are remembered."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from ocpp_trio import logs
from ocpp_trio.errors import StoreUnavailable
from ocpp_trio.store import charge_points, id_tags, review, stops, transactions, unknown_tags
from ocpp_trio.store.database import Row
from tests.central.conftest import OpenSystem, System
from tests.support.clock import DAY, FakeNow
from tests.support.faults import driver_of
from tests.support.station import Refused, connected

EVERYTHING = {"charge_point_id": None, "since": None, "until": None}


async def items(system: System) -> Sequence[Row]:
    return await system.central.database.read(review.of_charge_point, "CP001")


async def unknown(system: System) -> list[str]:
    rows, _ = await system.central.database.read(unknown_tags.page, EVERYTHING, 100, 0)
    return [row["id_tag"] for row in rows]


def warnings() -> list[str]:
    entries = logs.ENTRIES.take()
    return [each.message for each in entries if "too many review items" in each.message]


async def test_a_stop_twice_then_another_one(autojump_clock: MockClock, system: System) -> None:
    async with connected(system.listener) as station:
        await station.boot()
        number = (await station.start())["transactionId"]
        for meter_stop in (3500, 3500, 3600):
            assert await station.stop(number, meterStop=meter_stop) == {}
    row = await system.central.database.read(transactions.find, number)
    assert row is not None
    assert row["meter_stop"] == 3500
    (item,) = await items(system)
    assert (item["kind"], item["suggestion"]) == ("conflict", number)
    assert json.loads(item["message"])["meterStop"] == 3600


@pytest.mark.parametrize("number", [-1, 0, 4711, 2**63 - 1])
async def test_an_unknown_transaction(
    autojump_clock: MockClock, system: System, number: int
) -> None:
    async with connected(system.listener) as station:
        await station.boot()
        running = (await station.start())["transactionId"]
        assert await station.meter(number, 1500) == {}
        assert await station.stop(number) == {}
    kept = await items(system)
    assert [item["action"] for item in kept] == ["MeterValues", "StopTransaction"]
    assert {item["kind"] for item in kept} == {"unmatched"}
    assert {item["suggestion"] for item in kept} == {running}
    row = await system.central.database.read(transactions.find, running)
    assert row is not None
    assert (row["is_complete"], row["register_wh"]) == (0, None)


@pytest.mark.parametrize(
    ("fields", "status"),
    [({"status": "Blocked"}, "Blocked"), ({"expiry_date": -DAY}, "Expired"), (None, "Invalid")],
)
async def test_a_start_with_a_tag_that_may_not(
    autojump_clock: MockClock,
    system: System,
    now: FakeNow,
    fields: dict[str, Any] | None,
    status: str,
) -> None:
    if fields is not None:
        if "expiry_date" in fields:
            fields = {"expiry_date": now() + fields["expiry_date"]}
        await system.central.database.write(id_tags.put, "CARD", fields, now())
    async with connected(system.listener) as station:
        await station.boot()
        started = await station.start(idTag="CARD")
        assert started["transactionId"] > 0
        assert started["idTagInfo"]["status"] == status
        again = await station.start(idTag="CARD")
        assert again == started
        authorized = await station.call("Authorize", {"idTag": "card"})
        assert authorized["idTagInfo"]["status"] == status
    assert await unknown(system) == ([] if fields is not None else ["card"])


async def test_one_at_a_time_and_its_replay(
    autojump_clock: MockClock, system: System, now: FakeNow
) -> None:
    await system.central.database.write(id_tags.put, "TAG", {"max_active_transactions": 1}, now())
    async with connected(system.listener) as station:
        await station.boot()
        first = await station.start()
        assert first["idTagInfo"]["status"] == "Accepted"
        assert await station.start() == first
        second = await station.start(connectorId=2)
        assert second["idTagInfo"]["status"] == "ConcurrentTx"
    async with connected(system.listener) as station:
        assert await station.start() == first
        assert await station.start(connectorId=2) == second


async def test_a_stop_after_closing_by_hand(
    autojump_clock: MockClock, system: System, now: FakeNow
) -> None:
    database = system.central.database
    async with connected(system.listener) as station:
        await station.boot()
        number = (await station.start())["transactionId"]
        await database.write(stops.close_by_hand, number, 100, "Administrative", now())
        for _ in range(2):
            assert await station.stop(number) == {}
    row = await database.read(transactions.find, number)
    assert row is not None
    assert (row["meter_stop"], row["late_meter_stop"]) == (1100, 3500)
    assert [item["times"] for item in await items(system)] == [2]


async def test_too_much_is_answered_counted_and_warned_of_once_an_hour(
    autojump_clock: MockClock, open_system: OpenSystem
) -> None:
    async with open_system(OCPP_REVIEW_LIMIT="2") as system, connected(system.listener) as station:
        await station.boot()
        logs.ENTRIES.take()
        for number in range(1, 5):
            assert await station.meter(-number, 1500) == {}
            assert await station.stop(-number) == {}
        assert len(warnings()) == 1
        await trio.sleep(3601)
        assert await station.stop(-9) == {}
        assert len(warnings()) == 1
        absurd = await station.start(connectorId=0)
        assert absurd["transactionId"] > 0
        assert warnings() == []
        assert len(await items(system)) == 2
        row = await system.central.database.read(charge_points.find, "CP001")
    assert row is not None
    assert row["review_overflow"] == 8


async def test_a_stranger_fills_only_a_small_queue(
    autojump_clock: MockClock, open_system: OpenSystem
) -> None:
    variables = {"OCPP_REVIEW_LIMIT_PENDING": "2", "OCPP_UNKNOWN_CHARGE_POINTS": "pending"}
    async with open_system(**variables) as system, connected(system.listener) as station:
        await station.boot()
        logs.ENTRIES.take()
        for meter_start in (1, 2, 2, 3, 4):
            with pytest.raises(Refused, match="SecurityError"):
                await station.start(meterStart=meter_start)
        assert [item["times"] for item in await items(system)] == [1, 2]
        assert len(warnings()) == 1
        row = await system.central.database.read(charge_points.find, "CP001")
        assert await unknown(system) == []
    assert row is not None
    assert row["review_overflow"] == 2


async def test_an_unknown_tag_is_answered_even_if_it_cannot_be_remembered(
    autojump_clock: MockClock, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise StoreUnavailable("disk full")

    async with connected(system.listener) as station:
        await station.boot()
        with monkeypatch.context() as failing:
            failing.setattr(driver_of(system.central.database), "run_batch", full)
            answered = await station.call("Authorize", {"idTag": "LOST"})
        assert answered == {"idTagInfo": {"status": "Invalid"}}
        assert await unknown(system) == []
        await station.call("Authorize", {"idTag": "LOST"}, "again")
        assert await unknown(system) == ["LOST"]
