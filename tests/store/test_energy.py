"""Energy of stored transactions: the same sum whatever came how often in which order."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpp_trio.domain import energy
from ocpp_trio.domain.energy import MAX_INTERVAL_MWH
from ocpp_trio.domain.readings import INTERVAL
from ocpp_trio.domain.times import format_timestamp
from ocpp_trio.store import meter_values, migrate, starts, stops, transactions
from ocpp_trio.store.batch import Job
from ocpp_trio.store.database import Database
from ocpp_trio.store.sqlite import SqliteDriver
from tests.support.clock import DAY, MINUTE, START, FakeNow
from tests.support.sessions import Station, message, meter_value


async def test_intervals_add_up_where_no_register_is_sent(station: Station) -> None:
    number = (await station.start(meterStart=0)).transaction_id
    for minute, wh in ((1, "30.4"), (2, "30.4"), (4, "30.4")):
        await station.meter(number, meter_value(START + minute * MINUTE, wh, measurand=INTERVAL))
    row = await station.transaction(number)
    assert (row["interval_wh"], energy.of_transaction(row)) == (91, 91)
    await station.stop(number, meterStop=0)
    # Late, and days after the stop.
    await station.meter(number, meter_value(START + 3 * MINUTE, "30.4", measurand=INTERVAL))
    assert energy.of_transaction(await station.transaction(number)) == 122


async def test_a_register_beats_intervals(station: Station) -> None:
    number = (await station.start(meterStart=1000)).transaction_id
    await station.meter(number, meter_value(START, "30", measurand=INTERVAL))
    await station.meter(number, meter_value(START + MINUTE, "1010"))
    row = await station.transaction(number)
    assert (row["interval_wh"], energy.of_transaction(row)) == (30, 10)


async def test_the_readings_of_a_stop_are_not_added_again(station: Station) -> None:
    number = (await station.start(meterStart=0)).transaction_id
    readings = [meter_value(START + m * MINUTE, "30", measurand=INTERVAL) for m in (1, 2)]
    await station.meter(number, readings[0])
    last = meter_value(START + 3 * MINUTE, "5", measurand=INTERVAL, context="Transaction.End")
    await station.stop(number, meterStop=0, transactionData=[*readings, last])
    assert energy.of_transaction(await station.transaction(number)) == 65


async def test_closed_by_hand_its_intervals_count_unless_another_energy_is_given(
    station: Station, database: Database, now: FakeNow
) -> None:
    for given_wh, expected in ((None, 30), (0, 0)):
        number = (await station.start(meterStart=0)).transaction_id
        await station.meter(number, meter_value(now(), "30", measurand=INTERVAL))
        await database.write(stops.close_by_hand, number, given_wh, "gone", now())
        assert energy.of_transaction(await station.transaction(number)) == expected
        now.ms += MINUTE


async def test_of_two_registers_of_one_moment_the_larger_counts(station: Station) -> None:
    for values in ((1100, 1200), (1200, 1100)):
        number = (await station.start(meterStart=values[0])).transaction_id
        for each in values:
            await station.meter(number, meter_value(START + MINUTE, each))
        assert (await station.transaction(number))["register_wh"] == 1200


async def test_signed_data_has_a_checksum_of_its_bytes(station: Station) -> None:
    number = (await station.start()).transaction_id
    signed = 'OCMF|{"RV": "0012.50 "}|{"SD":"3045é"} '
    value = meter_value(START, signed, format="SignedData")
    await station.meter(number, value, meter_value(START, "12"))
    first, second = await station.samples(number)
    assert first["value"] == signed
    assert first["checksum"] == hashlib.sha256(signed.encode()).hexdigest()
    assert second["checksum"] is None


# Whatever the order, however often, in one batch or each alone.

STATIONS = count()
CONTEXTS = ("Sample.Periodic", "Sample.Clock", "Trigger", "Transaction.End")
READING = st.tuples(
    st.integers(0, 4), st.integers(0, 50), st.sampled_from(CONTEXTS), st.sampled_from([None, "L1"])
)
MESSAGES = st.lists(st.lists(READING, min_size=1, max_size=3), min_size=1, max_size=5)
Reading = tuple[int, int, str, str | None]


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqliteDriver]:
    path = tmp_path_factory.mktemp("energy") / "energy.db"
    migrate.migrate_sqlite(path)
    opened = SqliteDriver(path, busy_timeout=0)
    yield opened
    opened.close()


def deliver(
    driver: SqliteDriver, messages: Sequence[list[Reading]], *, batches: int, with_register: bool
) -> tuple[Any, ...]:
    """Start a transaction, send the messages in so many batches; what is known of its energy."""
    point = f"CP{next(STATIONS)}"
    payload = {
        "connectorId": 1,
        "idTag": "TAG",
        "meterStart": 0,
        "timestamp": format_timestamp(START),
    }
    start = Job(starts.start, (point, payload, "{}", False, START))
    driver.run_batch([start])
    number = start.result.transaction_id
    jobs = []
    for place, readings in enumerate(messages):
        values = [
            meter_value(START + minute * MINUTE, wh, measurand=INTERVAL, context=context)
            for minute, wh, context, _ in readings
        ]
        for value, (_, _, _, phase) in zip(values, readings, strict=True):
            if phase:
                value["sampledValue"][0]["phase"] = phase
        if with_register:
            values += [meter_value(START + readings[0][0] * MINUTE, readings[0][1])]
        # Repeats come later than what they repeat.
        arrival = START + DAY + place
        jobs.append(Job(meter_values.record, (message(point, number, values, arrival),)))
    size = -(-len(jobs) // batches)
    for first in range(0, len(jobs), size):
        driver.run_batch(jobs[first : first + size])
    row = driver.run_read(transactions.find, (number,))
    assert row is not None
    return row["interval_wh"], row["register_wh"], row["register_at"], energy.of_transaction(row)


@given(st.data(), MESSAGES, st.booleans())
def test_order_repeats_and_batches_do_not_matter(
    driver: SqliteDriver, data: st.DataObject, messages: list[list[Reading]], with_register: bool
) -> None:
    again = data.draw(st.lists(st.sampled_from(messages), max_size=4))
    mixed = data.draw(st.permutations(messages + again))
    batches = data.draw(st.integers(1, len(mixed)))
    one = deliver(driver, messages, batches=len(messages), with_register=with_register)
    other = deliver(driver, mixed, batches=batches, with_register=with_register)
    assert one == other
    sampled: dict[int, int] = {}
    aligned: dict[int, int] = {}
    if all(len({reading[0] for reading in each}) == len(each) for each in messages):
        for minute, wh, context, _ in (reading for each in messages for reading in each):
            kind = aligned if context == "Sample.Clock" else sampled
            if context != "Trigger":
                kind[minute] = max(wh, kind.get(minute, 0))
        expected = sum((sampled or aligned).values()) if sampled or aligned else None
        assert one[0] == expected


async def test_absurd_intervals_sink_nobody(station: Station, now: FakeNow) -> None:
    """Sums stay inside 64 bits, however many lines a station makes up."""
    number = (await station.start(meterStart=0)).transaction_id
    for minute in range(30):
        samples = [
            {"value": "1e200", "measurand": INTERVAL, "phase": f"L{line}"} for line in range(2000)
        ]
        value = {"timestamp": format_timestamp(START + minute * MINUTE), "sampledValue": samples}
        assert await station.meter(number, value) == "stored"
    row = await station.transaction(number)
    assert row["interval_wh"] == 30 * MAX_INTERVAL_MWH // 1000
