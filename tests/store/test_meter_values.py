"""Meter values: each message once, whatever the order, in bulk as one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from ocpp_trio.domain.times import format_timestamp
from ocpp_trio.store import meter_values, migrate, review, starts, transactions
from ocpp_trio.store.batch import Job
from ocpp_trio.store.database import Database
from ocpp_trio.store.meter_values import STORED, UNMATCHED, Message
from ocpp_trio.store.sqlite import SqliteDriver
from tests.support.clock import DAY, HOUR, MINUTE, START, FakeNow
from tests.support.sessions import Station, message, meter_value
from tests.support.statements import fetch

LOOSE = "SELECT * FROM meter_values WHERE transaction_id = 0 ORDER BY id"


async def test_a_message_is_stored_sample_by_sample(station: Station) -> None:
    started = await station.start()
    value = {
        "timestamp": "2026-11-23T08:01:00Z",
        "sampledValue": [
            {"value": "1.5", "unit": "kWh"},
            {"value": "16", "unit": "A", "measurand": "Current.Import", "phase": "L1"},
            {"value": "OCMF|{}|{}", "format": "SignedData", "context": "Transaction.Begin"},
        ],
    }
    assert await station.meter(started.transaction_id, value) == STORED
    rows = await station.samples(started.transaction_id)
    fields = ("value", "number", "unit", "measurand", "phase", "context", "location", "format")
    register = "Energy.Active.Import.Register"
    assert [tuple(row[field] for field in fields) for row in rows] == [
        ("1.5", 1.5, "kWh", register, None, "Sample.Periodic", "Outlet", "Raw"),
        ("16", 16.0, "A", "Current.Import", "L1", "Sample.Periodic", "Outlet", "Raw"),
        ("OCMF|{}|{}", None, "Wh", register, None, "Transaction.Begin", "Outlet", "SignedData"),
    ]
    assert {(row["charge_point_id"], row["connector_id"], row["source"]) for row in rows} == {
        ("CP1", 1, "MeterValues")
    }
    row = await station.transaction(started.transaction_id)
    assert (row["register_wh"], row["register_at"]) == (1500, START + MINUTE)


@pytest.mark.parametrize("value", ["NaN", "\uff11\uff12", "1_000", "", "9e18", "1e25", "-1e300"])
async def test_an_odd_value_is_stored_as_text(station: Station, value: str) -> None:
    started = await station.start()
    assert await station.meter(started.transaction_id, meter_value(START, value)) == STORED
    (sample,) = await station.samples(started.transaction_id)
    assert sample["value"] == value


async def test_the_newest_register_counts_even_if_it_came_first(station: Station) -> None:
    started = await station.start()
    for minute, wh in ((2, 1300), (1, 1200), (3, 1400), (0, 1100)):
        await station.meter(started.transaction_id, meter_value(START + minute * MINUTE, wh))
    row = await station.transaction(started.transaction_id)
    assert (row["register_wh"], row["register_at"]) == (1400, START + 3 * MINUTE)
    assert len(await station.samples(started.transaction_id)) == 4


async def test_a_repeated_message_adds_nothing(station: Station, now: FakeNow) -> None:
    started = await station.start()
    values = [meter_value(START, 1100), meter_value(START + MINUTE, 1200)]
    for _ in range(3):
        assert await station.meter(started.transaction_id, *values) == STORED
        now.ms += HOUR
    assert len(await station.samples(started.transaction_id)) == 2


async def test_a_late_repeat_without_a_clock_never_turns_the_register_back(
    station: Station, now: FakeNow
) -> None:
    started = await station.start()
    number = started.transaction_id
    first, second = meter_value(0, "1100"), meter_value(MINUTE, "1200")
    assert await station.meter(number, first) == STORED
    now.ms += MINUTE
    assert await station.meter(number, second) == STORED
    now.ms += MINUTE
    assert await station.meter(number, first) == STORED
    assert (await station.transaction(number))["register_wh"] == 1200
    assert len(await station.samples(number)) == 2


async def test_equal_values_of_another_message_are_kept(station: Station) -> None:
    started = await station.start()
    await station.meter(started.transaction_id, meter_value(START, 1100))
    await station.meter(started.transaction_id, meter_value(START + MINUTE, 1100))
    assert len(await station.samples(started.transaction_id)) == 2


async def test_after_the_stop_they_are_stored_and_nothing_reopens(
    station: Station, now: FakeNow
) -> None:
    started = await station.start()
    await station.stop(started.transaction_id)
    now.ms += 3 * DAY
    late = meter_value(START + MINUTE, 1200)
    assert await station.meter(started.transaction_id, late) == STORED
    row = await station.transaction(started.transaction_id)
    assert (row["is_complete"], row["meter_stop"], row["stopped_at"]) == (1, 5000, START)
    assert len(await station.samples(started.transaction_id)) == 1


async def test_without_a_transaction_they_belong_to_the_connector(
    station: Station, database: Database, now: FakeNow
) -> None:
    await station.start()
    for _ in range(2):
        assert await station.meter(None, meter_value(START, 777)) == STORED
    assert await Station(database, now, "CP2").meter(None, meter_value(START, 777)) == STORED
    rows = await database.read(fetch, LOOSE)
    assert [(row["charge_point_id"], row["value"]) for row in rows] == [
        ("CP1", "777"),
        ("CP2", "777"),
    ]
    (row,) = await station.transactions()
    assert row["register_wh"] is None


@pytest.mark.parametrize("transaction_id", [-1, 0, 4711, 2**63 - 1])
async def test_an_unknown_transaction_is_kept_for_a_person(
    station: Station, database: Database, transaction_id: int
) -> None:
    await station.start()
    for _ in range(2):
        outcome = await station.meter(transaction_id, meter_value(START, 1100))
        assert outcome == UNMATCHED
    (item,) = await station.review()
    assert (item["kind"], item["action"], item["times"]) == ("unmatched", "MeterValues", 2)
    assert f'"transactionId": {transaction_id}' in item["message"]
    assert await database.read(fetch, LOOSE) == []


async def test_many_at_once_are_told_apart(station: Station) -> None:
    started = await station.start()
    outcomes: dict[int, str] = {}

    async def send(number: int) -> None:
        transaction_id = started.transaction_id if number % 2 else -1
        value = meter_value(START + number * MINUTE, 1000 + number)
        outcomes[number] = await station.meter(transaction_id, value)

    async with trio.open_nursery() as nursery:
        for number in range(10):
            nursery.start_soon(send, number)
    assert outcomes == {n: STORED if n % 2 else UNMATCHED for n in range(10)}
    assert len(await station.samples(started.transaction_id)) == 5
    assert (await station.transaction(started.transaction_id))["register_wh"] == 1009
    assert len(await station.review()) == 5


# In bulk as one by one: the same messages from two stations, once in one batch, once each alone.

STATIONS = count()
KINDS = ("none", "first", "first, known", "second", "unknown")
MESSAGES = st.lists(
    st.tuples(
        st.sampled_from(KINDS),
        st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=2),
    ),
    max_size=6,
)
Sent = tuple[str, list[tuple[int, int]]]


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqliteDriver]:
    path = tmp_path_factory.mktemp("bulk") / "bulk.db"
    migrate.migrate_sqlite(path)
    opened = SqliteDriver(path, busy_timeout=0)
    yield opened
    opened.close()


class Lane:
    """A station of its own with two transactions, driven without a loop."""

    def __init__(self, driver: SqliteDriver) -> None:
        self.driver = driver
        self.id = f"CP{next(STATIONS)}"
        self.numbers = {"unknown": -1}
        for connector_id, name in enumerate(("first", "second"), 1):
            payload = {
                "connectorId": connector_id,
                "idTag": "TAG",
                "meterStart": 0,
                "timestamp": format_timestamp(START),
            }
            job = Job(starts.start, (self.id, payload, "{}", False, START))
            driver.run_batch([job])
            self.numbers[name] = job.result.transaction_id

    def job(self, sent: Sent) -> Job:
        kind, values = sent
        name, _, known = kind.partition(", ")
        read = [meter_value(START + minute * MINUTE, wh) for minute, wh in values]
        made: Message = message(self.id, self.numbers.get(name), read, START, known=bool(known))
        return Job(meter_values.record, (made,))

    def together(self, sent: Sequence[Sent]) -> list[Any]:
        jobs = [self.job(one) for one in sent]
        self.driver.run_batch(jobs)
        return [job.result for job in jobs]

    def one_by_one(self, sent: Sequence[Sent]) -> list[Any]:
        return [result for one in sent for result in self.together([one])]

    def state(self) -> dict[str, Any]:
        """What is stored, but for the numbers that differ between stations."""
        read = self.driver.run_read
        state: dict[str, Any] = {}
        for name in ("first", "second"):
            row = read(transactions.find, (self.numbers[name],))
            assert row is not None
            state[name] = (row["register_wh"], row["register_at"])
            samples = read(meter_values.of_transaction, (self.numbers[name],))
            state[f"{name} samples"] = [(s["timestamp"], s["value"]) for s in samples]
        loose = read(fetch, (LOOSE,))
        mine = [s for s in loose if s["charge_point_id"] == self.id]
        state["loose"] = [(s["timestamp"], s["value"]) for s in mine]
        items = read(review.of_charge_point, (self.id,))
        state["review"] = [(item["kind"], item["message"], item["times"]) for item in items]
        return state


@given(MESSAGES)
def test_bulk_equals_single(driver: SqliteDriver, sent: list[Sent]) -> None:
    bulk, single = Lane(driver), Lane(driver)
    assert bulk.together(sent) == single.one_by_one(sent)
    assert bulk.state() == single.state()


@given(st.data(), st.lists(st.sampled_from(range(6)), min_size=1, max_size=8))
def test_order_and_repeats_do_not_matter(
    driver: SqliteDriver, data: st.DataObject, minutes: list[int]
) -> None:
    sent: list[Sent] = [("first", [(minute, 100 + minute)]) for minute in minutes]
    one, other = Lane(driver), Lane(driver)
    one.one_by_one(sorted(sent))
    other.one_by_one(data.draw(st.permutations(sent)))
    states = [one.state(), other.state()]
    for state in states:
        state["first samples"].sort()
    assert states[0] == states[1]
    assert states[0]["first"] == (100 + max(minutes), START + max(minutes) * MINUTE)
    assert len(states[0]["first samples"]) == len(set(minutes))


@pytest.mark.parametrize("messages", [1, 16, 64])
def test_messages_that_come_together_cost_one_commit_and_two_statements(
    driver: SqliteDriver, messages: int
) -> None:
    jobs = [
        Job(
            meter_values.record,
            (message(f"W{messages}", number, [meter_value(START, number)], START, known=True),),
        )
        for number in range(1_000_000, 1_000_000 + messages)
    ]
    traced: list[str] = []
    driver._writer.set_trace_callback(traced.append)
    try:
        driver.run_batch(jobs)
    finally:
        driver._writer.set_trace_callback(None)

    assert [job.result for job in jobs] == [STORED] * messages
    assert [text.split()[0] for text in traced] == ["BEGIN", "INSERT", "UPDATE", "COMMIT"]
