"""Clocks of stations: measured, shown, warned about; and nothing is lost because of one."""

from __future__ import annotations

from typing import Any

import pytest
import trio
from trio.testing import MockClock

from ocpp_trio import logs
from ocpp_trio.domain.times import format_timestamp
from ocpp_trio.store import charge_points, transactions
from tests.central.conftest import OpenSystem, System
from tests.support.clock import DAY, HOUR, MINUTE, SECOND, FakeNow
from tests.support.station import TestStation, connected


async def skew_of(system: System, point: str = "CP001") -> int | None:
    await system.central.presence.write(system.central.database)
    row = await system.central.database.read(charge_points.find, point)
    assert row is not None
    skew: int | None = row["clock_skew"]
    return skew


async def status(station: TestStation, moment: int | None, **fields: Any) -> None:
    payload = {"connectorId": 1, "status": "Available", "errorCode": "NoError"} | fields
    if moment is not None:
        payload["timestamp"] = format_timestamp(moment)
    await station.call("StatusNotification", payload)


def warnings() -> list[str]:
    return [entry.message for entry in logs.ENTRIES.take() if entry.source == "clocks"]


async def test_three_actions_tell_the_time_and_meter_values_do_not(
    autojump_clock: MockClock, system: System, now: FakeNow
) -> None:
    async with connected(system.listener) as station:
        await station.boot()
        assert await skew_of(system) is None
        await status(station, None)
        assert await skew_of(system) is None
        await status(station, now() - 5 * SECOND)
        assert await skew_of(system) == -5000
        started = await station.start(timestamp=format_timestamp(now() - 1250))
        assert await skew_of(system) == -1250
        await station.meter(started["transactionId"], 2000, minute=30)
        assert await skew_of(system) == -1250
        await station.stop(started["transactionId"], timestamp=format_timestamp(now() + 7))
        assert await skew_of(system) == 7


async def test_a_queue_of_old_messages_changes_nothing(
    autojump_clock: MockClock, system: System, now: FakeNow
) -> None:
    async with connected(system.listener) as station:
        await station.boot()
        await status(station, now() + 40)
    async with connected(system.listener) as station:
        for hours in (70, 69, 68):
            await status(station, now() - hours * HOUR)
    assert await skew_of(system) == 40
    assert warnings() == []


# No ping in the hours of a test: one may meet the end of its connection.
NO_PINGS = {"OCPP_PING_INTERVAL": "3600"}


@pytest.mark.parametrize("ahead", [61 * SECOND, 400 * DAY, -MINUTE - 1, -HOUR])
async def test_a_clock_that_is_off_is_warned_about_once_a_session(
    autojump_clock: MockClock, open_system: OpenSystem, now: FakeNow, ahead: int
) -> None:
    async with open_system(**NO_PINGS) as system:
        for _ in range(2):
            async with connected(system.listener) as station:
                await station.boot()
                for _ in range(3):
                    await status(station, now() + ahead)
                    await trio.sleep(400)
    first, second = warnings()
    assert first == second
    word = "ahead of ours" if ahead > 0 else "behind ours"
    assert first == (
        f"the charge point's clock is off (seconds: {ahead / 1000:+.3f}, where: {word})"
    )


async def test_what_is_right_enough_is_not_warned_about(
    autojump_clock: MockClock, open_system: OpenSystem, now: FakeNow
) -> None:
    async with (
        open_system(OCPP_CLOCK_SKEW_WARNING="120", **NO_PINGS) as system,
        connected(system.listener) as station,
    ):
        await station.boot()
        for ahead in (119, -100):
            await status(station, now() + ahead * SECOND)
            await trio.sleep(700)
    assert warnings() == []


async def test_a_station_without_a_clock(
    autojump_clock: MockClock, system: System, now: FakeNow
) -> None:
    """Two sessions in a row, with the same tag and register, both begun in 1970."""
    numbers = []
    async with connected(system.listener) as station:
        await station.boot()
        for _ in range(2):
            fields = {"timestamp": "1970-01-01T00:00:00Z", "meterStart": 0}
            started = await station.start(**fields)
            assert await station.start(**fields) == started
            numbers.append(started["transactionId"])
            await station.stop(numbers[-1], timestamp="1970-01-01T00:10:00Z")
            now.ms += HOUR
    assert numbers[0] != numbers[1]
    rows = await system.central.database.read(transactions.page, None, None, None, 10, 0)
    assert [row["id"] for row in rows] == numbers[::-1]
    assert [row["started_at"] for row in rows] == [now() - HOUR, now() - 2 * HOUR]
    assert {row["flags"] for row in rows} == {"implausible-clock implausible-stop-clock"}
    (warning,) = warnings()
    assert "behind ours" in warning
    # The newest is from the second session; both differ by decades.
    assert (await skew_of(system) or 0) < -50 * 365 * DAY


SPELLINGS = (
    "2026-11-23T08:00:00Z",
    "2026-11-23T08:00:00.123Z",
    "2026-11-23T08:00:00,123Z",
    "2026-11-23T08:00:00.123456789Z",
    "2026-11-23T09:00:00+01:00",
    "2026-11-23T09:00:00+0100",
    "2026-11-23T13:30:00+05:30",
    "2026-11-23T08:00:00",
    "2026-11-23 08:00:00",
    "2026-11-23T08:00:00z",
    "2026-11-23T08:00Z",
    "2026-11-23T07:59:60Z",
    "2026-11-22T24:00:00Z",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z",
    "9999-12-31T23:59:59-14:00",
    "1970-01-01T00:00:00Z",
    "2099-01-01T00:00:00Z",
    "2026-W48-1T08:00:00Z",
    "20261123T080000Z",
    "yesterday",
    "",
)


async def test_whatever_a_timestamp_looks_like_the_message_is_answered_and_kept(
    autojump_clock: MockClock, system: System
) -> None:
    async with connected(system.listener) as station:
        await station.boot()
        for meter, text in enumerate(SPELLINGS):
            await status(station, None, timestamp=text)
            started = await station.start(timestamp=text, meterStart=meter)
            number = started["transactionId"]
            value = {"timestamp": text, "sampledValue": [{"value": str(meter + 1)}]}
            payload = {"connectorId": 1, "transactionId": number, "meterValue": [value]}
            assert await station.call("MeterValues", payload) == {}
            await station.stop(number, timestamp=text, meterStop=meter + 2)
    rows = await system.central.database.read(transactions.page, None, True, None, 100, 0)
    assert [row["start_text"] for row in rows] == list(SPELLINGS[::-1])
    assert [row["stop_text"] for row in rows] == list(SPELLINGS[::-1])
    assert [row["register_wh"] for row in rows] == list(range(len(SPELLINGS), 0, -1))


async def test_messages_without_a_time_count_from_their_arrival(
    autojump_clock: MockClock, system: System, now: FakeNow
) -> None:
    payload = {"connectorId": 1, "idTag": "TAG", "meterStart": 1000}
    async with connected(system.listener) as station:
        await station.boot()
        first = await station.call("StartTransaction", payload)
        # Repeated while it runs: the same one. After its end: a new session.
        assert await station.call("StartTransaction", payload) == first
        number = first["transactionId"]
        now.ms += MINUTE
        sampled = [{"value": "2000", "unit": "Wh"}]
        values = {
            "connectorId": 1,
            "transactionId": number,
            "meterValue": [{"sampledValue": sampled}],
        }
        assert await station.call("MeterValues", values) == {}
        now.ms += MINUTE
        stop = {"transactionId": number, "meterStop": 3000}
        for _ in range(2):
            assert await station.call("StopTransaction", stop) == {}
        assert (await station.call("StartTransaction", payload))["transactionId"] > number
    row = await system.central.database.read(transactions.find, number)
    assert row is not None
    assert (row["started_at"], row["stopped_at"]) == (now() - 2 * MINUTE, now())
    assert (row["register_wh"], row["register_at"]) == (2000, now() - MINUTE)
    assert set(row["flags"].split()) == {"implausible-clock", "implausible-stop-clock"}
