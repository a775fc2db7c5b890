"""Security events, DataTransfers and schema repairs."""

from __future__ import annotations

import pytest

from ocpp_trio.store import data_transfers, schema_repairs, security_events
from ocpp_trio.store.database import Database
from tests.support.clock import START

EVENT = {"type": "TamperDetectionActivated", "timestamp": "2026-11-23T08:00:00Z"}


async def test_an_event_that_is_sent_again_is_kept_once(database: Database) -> None:
    assert await database.write(security_events.record, "CP1", EVENT, START)
    assert not await database.write(security_events.record, "CP1", EVENT, START + 1)
    assert await database.write(security_events.record, "CP2", EVENT, START)
    assert await database.write(security_events.record, "CP1", EVENT | {"techInfo": "x"}, START)
    assert await database.read(security_events.listing.count, security_events.Filter()) == 3


@pytest.mark.parametrize("timestamp", ["1970-01-01T00:00:00Z", "yesterday", "2099-01-01T00:00:00Z"])
async def test_an_event_without_a_clock_is_of_its_arrival(
    database: Database, timestamp: str
) -> None:
    event = EVENT | {"timestamp": timestamp}
    await database.write(security_events.record, "CP1", event, START)
    (row,) = await database.read(
        security_events.listing.page, security_events.Filter(), None, 10, 0
    )
    assert (row["timestamp"], row["timestamp_text"]) == (START, timestamp)


async def test_events_are_filtered(database: Database) -> None:
    for number, name in enumerate(["InvalidMessages", "StartupOfTheDevice", "Vendor's own"]):
        event = {"type": name, "timestamp": f"2026-11-23T07:0{number}:00Z"}
        await database.write(security_events.record, "CP1", event, START)

    async def types(which: security_events.Filter) -> list[str]:
        rows = await database.read(security_events.listing.page, which, None, 10, 0)
        assert len(rows) == await database.read(security_events.listing.count, which)
        return [row["type"] for row in rows]

    assert await types(security_events.Filter(is_critical=1)) == ["StartupOfTheDevice"]
    assert await types(security_events.Filter(type="InvalidMessages")) == ["InvalidMessages"]
    assert await types(security_events.Filter("CP2")) == []
    assert await types(security_events.Filter(since=START - 59 * 60_000)) == [
        "Vendor's own",
        "StartupOfTheDevice",
    ]
    assert await types(security_events.Filter(until=START - 59 * 60_000)) == ["InvalidMessages"]


async def test_transfers_are_filtered(database: Database) -> None:
    for vendor, message in (("a", "1"), ("a", None), ("b", "1")):
        payload = {"vendorId": vendor} | ({"messageId": message} if message else {})
        await database.write(data_transfers.record, "CP1", payload, "Accepted", START)

    async def found(which: data_transfers.Filter) -> int:
        rows = await database.read(data_transfers.listing.page, which, None, 10, 0)
        assert len(rows) == await database.read(data_transfers.listing.count, which)
        return len(rows)

    assert await found(data_transfers.Filter()) == 3
    assert await found(data_transfers.Filter(vendor_id="a")) == 2
    assert await found(data_transfers.Filter(vendor_id="a", message_id="1")) == 1
    assert await found(data_transfers.Filter("CP2")) == 0
    assert await found(data_transfers.Filter(since=START + 1)) == 0
    assert await found(data_transfers.Filter(until=START + 1)) == 3


async def test_repairs_are_added_up(database: Database) -> None:
    one = ("CP1", "MeterValues", "unknown-value", 2, START, START)
    other = ("CP1", "BootNotification", "over-long-text", 1, START, START)
    await database.write(schema_repairs.add, [one, other])
    await database.write(schema_repairs.add, [(*one[:4], START + 5, START + 5)])
    rows = await database.read(schema_repairs.of_charge_point, "CP1")
    assert [(row["action"], row["times"], row["first_at"], row["last_at"]) for row in rows] == [
        ("MeterValues", 4, START, START + 5),
        ("BootNotification", 1, START, START),
    ]
