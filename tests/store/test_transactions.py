"""Transactions: started once, stopped once, and nothing readable is ever lost."""

from __future__ import annotations

from typing import Any

import pytest
import trio

from ocpp_trio.domain.rules import IdTagInfo
from ocpp_trio.domain.times import format_timestamp
from ocpp_trio.store import commands, id_tags, stops, transactions
from ocpp_trio.store.database import Database
from ocpp_trio.store.starts import Started
from ocpp_trio.store.stops import Stopped
from tests.conftest import OpenDatabase
from tests.support.clock import DAY, HOUR, MINUTE, START, FakeNow
from tests.support.sessions import Station, meter_value
from tests.support.statements import execute

ACCEPTED = IdTagInfo("Accepted")
MAX_ID = 2**31 - 1


async def put_tag(database: Database, id_tag: str = "TAG", **fields: Any) -> None:
    await database.write(id_tags.put, id_tag, fields, START)


# Start


async def test_a_start_is_stored(station: Station) -> None:
    started = await station.start(reservationId=7)
    assert started == Started(started.transaction_id, ACCEPTED, is_replay=False)
    assert 0 < started.transaction_id <= MAX_ID
    row = await station.transaction(started.transaction_id)
    assert (row["charge_point_id"], row["connector_id"], row["id_tag"]) == ("CP1", 1, "TAG")
    assert (row["meter_start"], row["started_at"], row["received_at"]) == (1000, START, START)
    assert (row["start_text"], row["reservation_id"]) == ("2026-11-23T08:00:00Z", 7)
    assert (row["authorization_status"], row["is_complete"], row["flags"]) == ("Accepted", 0, "")


async def test_ids_count_up_and_are_never_used_again(station: Station, database: Database) -> None:
    first = await station.start(meterStart=1)
    second = await station.start(meterStart=2)
    await database.write(execute, f"DELETE FROM transactions WHERE id = {second.transaction_id}")
    third = await station.start(meterStart=3)
    assert first.transaction_id < second.transaction_id < third.transaction_id


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"status": "Blocked"}, "Blocked"),
        ({"expiry_date": START}, "Expired"),
        ({"status": "Invalid"}, "Invalid"),
        ({"max_active_transactions": 0}, "ConcurrentTx"),
        (None, "Invalid"),
    ],
)
async def test_a_refused_start_is_a_start(
    station: Station, database: Database, fields: dict[str, Any] | None, status: str
) -> None:
    if fields is not None:
        await put_tag(database, **fields)
    started = await station.start(accept_unknown=False)
    assert started.transaction_id > 0
    assert started.info.status == status
    assert (await station.stop(started.transaction_id)).outcome == "stored"
    row = await station.transaction(started.transaction_id)
    assert (row["authorization_status"], row["is_complete"]) == (status, 1)


async def test_a_start_tells_parent_and_expiry(station: Station, database: Database) -> None:
    await put_tag(database, "tag", parent_id_tag="FAMILY", expiry_date=START + DAY)
    started = await station.start(idTag="TAG")
    assert started.info == IdTagInfo("Accepted", "FAMILY", START + DAY)


async def test_only_so_many_at_once(station: Station, database: Database, now: FakeNow) -> None:
    await put_tag(database, max_active_transactions=1)
    other = Station(database, now, "CP2")
    first = await station.start()
    second = await other.start(idTag="tag")
    assert [first.info.status, second.info.status] == ["Accepted", "ConcurrentTx"]
    # The refused one does not count as running, the accepted one no longer.
    await station.stop(first.transaction_id)
    assert (await other.start(connectorId=2)).info.status == "Accepted"


@pytest.mark.parametrize("connector_id", [0, -5, -(2**63)])
async def test_a_connector_that_cannot_charge(station: Station, connector_id: int) -> None:
    started = await station.start(connectorId=connector_id)
    assert started.transaction_id > 0
    assert started.info == IdTagInfo("Invalid")
    (item,) = await station.review()
    assert (item["kind"], item["suggestion"]) == ("absurd", started.transaction_id)
    assert f'"connectorId": {connector_id}' in item["message"]


@pytest.mark.parametrize("fields", [{"connectorId": 2**63 - 1}, {"meterStart": -(2**63)}])
async def test_the_ends_of_64_bits_are_stored(station: Station, fields: dict[str, Any]) -> None:
    started = await station.start(**fields)
    row = await station.transaction(started.transaction_id)
    assert next(iter(fields.values())) in {row["connector_id"], row["meter_start"]}


@pytest.mark.parametrize(
    ("id_tag", "status"),
    [("A\\u0000B", "Invalid"), ("x" * 21, "Invalid"), ("", "Invalid"), ("x" * 20, "Accepted")],
)
async def test_what_is_no_tag_is_invalid_even_where_unknown_tags_may_charge(
    station: Station, database: Database, id_tag: str, status: str
) -> None:
    started = await station.start(idTag=id_tag)
    assert started.info.status == status
    row = await station.transaction(started.transaction_id)
    assert row["id_tag"] == id_tag
    known = await database.read(id_tags.find, id_tag)
    assert (known is not None) is (status == "Accepted")


# Replays of a start


async def test_a_replay_gets_the_first_answer(station: Station, now: FakeNow) -> None:
    sent: dict[str, Any] = {"timestamp": "2026-11-23T08:00:00Z"}
    first = await station.start(**sent)
    now.ms += 3 * DAY
    assert await station.start(**sent) == first._replace(is_replay=True)
    assert len(await station.transactions()) == 1


@pytest.mark.parametrize("spelling", ["2026-11-23T08:00:00.000Z", "2026-11-23T09:00:00+01:00"])
async def test_another_spelling_of_the_moment_or_the_tag_is_a_replay(
    station: Station, spelling: str
) -> None:
    first = await station.start()
    again = await station.start(timestamp=spelling, idTag="tag")
    assert again.transaction_id == first.transaction_id


async def test_a_replay_after_the_tag_was_blocked_is_told_what_was_told_first(
    station: Station, database: Database
) -> None:
    await put_tag(database, parent_id_tag="FAMILY", expiry_date=START + DAY)
    first = await station.start()
    await put_tag(database, status="Blocked")
    assert await station.start() == first._replace(is_replay=True)
    assert first.info == IdTagInfo("Accepted", "FAMILY", START + DAY)


async def test_a_replay_of_a_refused_start_stays_refused(
    station: Station, database: Database
) -> None:
    first = await station.start(accept_unknown=False)
    await put_tag(database)
    assert await station.start() == first._replace(is_replay=True)
    assert first.info.status == "Invalid"


async def test_a_replay_is_not_concurrent_with_itself(station: Station, database: Database) -> None:
    await put_tag(database, max_active_transactions=1)
    first = await station.start()
    assert (await station.start()).info == first.info == ACCEPTED


async def test_a_replay_after_the_stop_opens_nothing(station: Station, now: FakeNow) -> None:
    first = await station.start()
    await station.stop(first.transaction_id)
    again = await station.start()
    assert again == first._replace(is_replay=True)
    assert (await station.transaction(first.transaction_id))["is_complete"] == 1


async def test_a_replay_after_a_restart(open_test_database: OpenDatabase, now: FakeNow) -> None:
    async with open_test_database() as database:
        first = await Station(database, now).start()
    async with open_test_database() as database:
        again = await Station(database, now).start()
        other = await Station(database, now).start(meterStart=7)
    assert again == first._replace(is_replay=True)
    assert other.transaction_id > first.transaction_id


async def test_a_replay_in_the_same_commit(station: Station) -> None:
    answers: list[Started] = []

    async def send() -> None:
        answers.append(await station.start())

    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(send)
    assert {answer.transaction_id for answer in answers} == {answers[0].transaction_id}
    assert {answer.info for answer in answers} == {ACCEPTED}
    assert sorted(answer.is_replay for answer in answers) == [False, True, True]
    assert len(await station.transactions()) == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"connectorId": 2},
        {"idTag": "OTHER"},
        {"meterStart": 1001},
        {"timestamp": "2026-11-23T08:00:01Z"},
    ],
)
async def test_what_differs_is_another_start(station: Station, fields: dict[str, Any]) -> None:
    first = await station.start()
    assert (await station.start(**fields)).transaction_id != first.transaction_id


async def test_the_same_start_of_another_station_is_another_one(
    station: Station, database: Database, now: FakeNow
) -> None:
    first = await station.start()
    other = await Station(database, now, "CP2").start()
    assert other.transaction_id != first.transaction_id


# Clocks


@pytest.mark.parametrize(
    "timestamp", ["1970-01-01T00:00:00Z", "whenever", "", "2027-11-23T08:00:00Z"]
)
async def test_a_clock_that_cannot_be_believed(station: Station, timestamp: str) -> None:
    started = await station.start(timestamp=timestamp)
    row = await station.transaction(started.transaction_id)
    assert (row["started_at"], row["start_text"]) == (START, timestamp)
    assert row["flags"] == "implausible-clock"


@pytest.mark.parametrize("timestamp", ["1970-01-01T00:00:00Z", "whenever"])
async def test_without_a_clock_only_an_open_transaction_is_a_replay(
    station: Station, timestamp: str
) -> None:
    first = await station.start(timestamp=timestamp)
    assert (await station.start(timestamp=timestamp)) == first._replace(is_replay=True)
    await station.stop(first.transaction_id)
    second = await station.start(timestamp=timestamp)
    assert second.transaction_id != first.transaction_id
    assert not second.is_replay
    await station.stop(second.transaction_id)
    third = await station.start(timestamp=timestamp)
    assert len({first.transaction_id, second.transaction_id, third.transaction_id}) == 3


async def test_a_replay_of_a_clock_that_runs_ahead_is_a_replay_once_we_catch_up(
    station: Station, now: FakeNow
) -> None:
    ahead = "2026-11-25T08:00:00Z"
    first = await station.start(timestamp=ahead)
    now.ms += DAY + HOUR
    assert await station.start(timestamp=ahead) == first._replace(is_replay=True)


@pytest.mark.parametrize("days", [2, 30])
async def test_a_clock_that_runs_days_ahead_is_deduplicated_while_the_transaction_is_open(
    station: Station, now: FakeNow, days: int
) -> None:
    """Replayed at once, when our clock has come half of the way, and all of it."""
    timestamp = format_timestamp(now() + days * DAY)
    first = await station.start(timestamp=timestamp)
    assert (await station.transaction(first.transaction_id))["started_at"] == START
    for _ in range(2):
        now.ms += days * DAY // 2
        assert await station.start(timestamp=timestamp) == first._replace(is_replay=True)
    await station.stop(first.transaction_id, timestamp=format_timestamp(now() + HOUR))
    row = await station.transaction(first.transaction_id)
    assert (row["is_complete"], row["flags"]) == (1, "implausible-clock")
    other = await station.start(timestamp=format_timestamp(now() + MINUTE))
    assert other.transaction_id != first.transaction_id


async def test_days_late_is_a_start_like_any_other(station: Station, now: FakeNow) -> None:
    now.ms += 3 * DAY
    started = await station.start(timestamp="2026-11-23T08:00:00Z")
    row = await station.transaction(started.transaction_id)
    assert (row["started_at"], row["received_at"]) == (START, START + 3 * DAY)
    assert row["flags"] == ""


# Stop


async def test_a_stop_is_stored(station: Station, now: FakeNow) -> None:
    started = await station.start()
    now.ms += HOUR
    stopped = await station.stop(started.transaction_id, reason="EVDisconnected")
    assert stopped == Stopped("stored", ACCEPTED)
    row = await station.transaction(started.transaction_id)
    assert (row["is_complete"], row["meter_stop"], row["stopped_at"]) == (1, 5000, START + HOUR)
    assert (row["stop_reason"], row["stop_id_tag"], row["stopped_by"]) == (
        "EVDisconnected",
        "TAG",
        "station",
    )
    assert (row["stop_received_at"], row["flags"]) == (START + HOUR, "")
    assert await station.review() == []


async def test_without_a_reason_it_is_local_and_without_a_tag_there_is_no_status(
    station: Station,
) -> None:
    started = await station.start()
    assert await station.stop(started.transaction_id, idTag=None) == Stopped("stored", None)
    row = await station.transaction(started.transaction_id)
    assert (row["stop_reason"], row["stop_id_tag"]) == ("Local", None)


@pytest.mark.parametrize(
    ("tag", "status"), [("STRANGER", "Invalid"), ("BLOCKED", "Blocked"), ("tag", "Accepted")]
)
async def test_any_tag_may_stop(
    station: Station, database: Database, tag: str, status: str
) -> None:
    await put_tag(database, "BLOCKED", status="Blocked")
    started = await station.start()
    stopped = await station.stop(started.transaction_id, idTag=tag)
    assert (stopped.outcome, stopped.info and stopped.info.status) == ("stored", status)
    row = await station.transaction(started.transaction_id)
    assert (row["is_complete"], row["stop_id_tag"]) == (1, tag)


@pytest.mark.parametrize(
    ("parents", "regular"),
    [
        (("FLEET", "FLEET"), True),
        (("FLEET", "fleet"), True),
        (("FLEET", "OTHER"), False),
        (("FLEET", None), False),
        ((None, None), False),
    ],
)
async def test_a_stop_by_a_tag_of_the_same_parent_is_regular(
    station: Station, database: Database, parents: tuple[str | None, str | None], regular: bool
) -> None:
    for name, parent in zip(("TAG", "MATE"), parents, strict=True):
        await put_tag(database, name, parent_id_tag=parent)
    number = (await station.start()).transaction_id
    stopped = await station.stop(number, idTag="mate")
    assert stopped == Stopped("stored", IdTagInfo("Accepted", parents[1]))
    row = await station.transaction(number)
    assert (row["stop_id_tag"], row["is_complete"]) == ("mate", 1)
    assert row["flags"] == ("" if regular else "stopped-by-other-tag")
    # Worth a flag, not worth a person's time.
    assert await station.review() == []


async def test_a_stop_admits_no_unknown_tag(station: Station, database: Database) -> None:
    started = await station.start()
    await station.stop(started.transaction_id, idTag="STRANGER")
    assert await database.read(id_tags.find, "STRANGER") is None


async def test_a_repeated_stop_changes_nothing(station: Station, now: FakeNow) -> None:
    started = await station.start()
    sent = {"timestamp": "2026-11-23T08:30:00Z"}
    await station.stop(started.transaction_id, **sent)
    before = dict(await station.transaction(started.transaction_id))
    now.ms += DAY
    assert (await station.stop(started.transaction_id, **sent)).outcome == "repeated"
    assert dict(await station.transaction(started.transaction_id)) == before
    assert await station.review() == []


@pytest.mark.parametrize(
    "fields",
    [
        {"meterStop": 6000},
        {"timestamp": "2026-11-23T08:00:01Z"},
        {"reason": "PowerLoss"},
        {"idTag": "OTHER"},
        {"idTag": None},
    ],
)
async def test_another_stop_is_a_conflict_and_the_first_wins(
    station: Station, fields: dict[str, Any]
) -> None:
    started = await station.start()
    await station.stop(started.transaction_id)
    before = dict(await station.transaction(started.transaction_id))
    for _ in range(2):
        assert (await station.stop(started.transaction_id, **fields)).outcome == "conflict"
    assert dict(await station.transaction(started.transaction_id)) == before
    (item,) = await station.review()
    assert (item["kind"], item["suggestion"]) == ("conflict", started.transaction_id)
    assert (item["reason"], item["times"]) == ("stopped before with other values", 2)


@pytest.mark.parametrize("transaction_id", [-1, 0, 4711, 2**31, 2**63 - 1, -(2**63)])
async def test_an_unknown_transaction_is_kept_for_a_person(
    station: Station, transaction_id: int
) -> None:
    running = await station.start()
    assert await station.stop(transaction_id) == Stopped("unmatched", ACCEPTED)
    (item,) = await station.review()
    assert (item["kind"], item["action"]) == ("unmatched", "StopTransaction")
    assert (item["reason"], item["suggestion"]) == (
        "unknown transaction",
        running.transaction_id,
    )
    assert f'"transactionId": {transaction_id}' in item["message"]
    assert (await station.transaction(running.transaction_id))["is_complete"] == 0


async def test_a_transaction_of_another_station_is_out_of_reach(
    station: Station, database: Database, now: FakeNow
) -> None:
    other = Station(database, now, "CP2")
    theirs = await other.start()
    assert (await station.stop(theirs.transaction_id)).outcome == "unmatched"
    assert (await station.meter(theirs.transaction_id, meter_value(START, 9999))) == "unmatched"
    row = await station.transaction(theirs.transaction_id)
    assert (row["is_complete"], row["register_wh"]) == (0, None)
    assert {item["action"]: item["reason"] for item in await station.review()} == {
        "StopTransaction": "the transaction belongs to another charge point",
        "MeterValues": "no such transaction of this charge point",
    }
    assert await other.review() == []


@pytest.mark.parametrize(
    ("fields", "flag", "reason"),
    [
        ({"meterStop": 999}, "negative-energy", "negative energy"),
        ({"meterStop": 1000 + 10_000_001}, "absurd-energy", "absurd energy"),
        ({"timestamp": "2026-11-23T07:00:00Z"}, "stop-before-start", "stop before start"),
        ({"timestamp": "2099-01-01T00:00:00Z"}, "implausible-stop-clock", "implausible stop clock"),
        ({"timestamp": "1970-01-01T00:00:00Z"}, "implausible-stop-clock", "implausible stop clock"),
    ],
)
async def test_an_absurd_stop_is_a_stop_flagged(
    station: Station, fields: dict[str, Any], flag: str, reason: str
) -> None:
    started = await station.start()
    assert (await station.stop(started.transaction_id, **fields)).outcome == "stored"
    row = await station.transaction(started.transaction_id)
    assert (row["is_complete"], row["flags"]) == (1, flag)
    assert row["meter_stop"] == fields.get("meterStop", 5000)
    (item,) = await station.review()
    assert (item["kind"], item["reason"], item["suggestion"]) == (
        "absurd",
        reason,
        started.transaction_id,
    )


async def test_a_stop_a_little_before_its_start_is_a_matter_of_clocks(station: Station) -> None:
    started = await station.start()
    await station.stop(started.transaction_id, timestamp="2026-11-23T07:56:00Z")
    assert (await station.transaction(started.transaction_id))["flags"] == ""


async def test_a_stop_that_cannot_be_dated_ends_when_it_came(
    station: Station, now: FakeNow
) -> None:
    started = await station.start()
    now.ms += HOUR
    await station.stop(started.transaction_id, timestamp="1970-01-01T00:00:00Z")
    row = await station.transaction(started.transaction_id)
    assert (row["stopped_at"], row["stop_text"]) == (START + HOUR, "1970-01-01T00:00:00Z")


async def test_the_flags_of_the_start_are_kept_and_not_reported_again(station: Station) -> None:
    started = await station.start(timestamp="1970-01-01T00:00:00Z")
    await station.stop(started.transaction_id)
    assert (await station.transaction(started.transaction_id))["flags"] == "implausible-clock"
    assert await station.review() == []


async def test_transaction_data_is_stored_once(station: Station, now: FakeNow) -> None:
    started = await station.start()
    data = [
        meter_value(START + MINUTE, 1200, context="Transaction.Begin"),
        meter_value(START + 2 * MINUTE, "4.9", unit="kWh", context="Transaction.End"),
    ]
    now.ms += HOUR
    sent = {"transactionData": data, "timestamp": "2026-11-23T09:00:00Z"}
    for outcome in ("stored", "repeated", "repeated"):
        assert (await station.stop(started.transaction_id, **sent)).outcome == outcome
    samples = await station.samples(started.transaction_id)
    assert [(row["value"], row["source"], row["context"]) for row in samples] == [
        ("1200", "TransactionData", "Transaction.Begin"),
        ("4.9", "TransactionData", "Transaction.End"),
    ]
    row = await station.transaction(started.transaction_id)
    assert (row["register_wh"], row["register_at"]) == (4900, START + 2 * MINUTE)
    assert row["meter_stop"] == 5000


async def test_transaction_data_of_an_unmatched_stop_is_in_the_review_item(
    station: Station,
) -> None:
    await station.stop(-1, transactionData=[meter_value(START, "12345")])
    (item,) = await station.review()
    assert '"12345"' in item["message"]
    assert await station.samples(-1) == []


async def test_a_replay_of_start_and_stop_after_a_restart(
    open_test_database: OpenDatabase, now: FakeNow
) -> None:
    async with open_test_database() as database:
        first = await Station(database, now).start()
        await Station(database, now).stop(first.transaction_id)
    async with open_test_database() as database:
        station = Station(database, now)
        assert (await station.start()) == first._replace(is_replay=True)
        assert (await station.stop(first.transaction_id)).outcome == "repeated"
        assert len(await station.transactions()) == 1


# Closed by hand


async def test_closing_by_hand_takes_the_energy_given(
    station: Station, database: Database, now: FakeNow
) -> None:
    started = await station.start()
    now.ms += HOUR
    closed = await database.write(
        stops.close_by_hand, started.transaction_id, 2500, "cable cut", now()
    )
    assert closed is not None
    row, was_running = closed
    assert was_running
    assert (row["is_complete"], row["meter_stop"], row["stopped_at"]) == (1, 3500, START + HOUR)
    assert (row["stop_reason"], row["stopped_by"], row["flags"]) == (
        "cable cut",
        "hand",
        "closed-by-hand",
    )


async def test_closing_by_hand_without_energy_takes_the_last_register(
    station: Station, database: Database
) -> None:
    measured, silent = await station.start(), await station.start(connectorId=2)
    await station.meter(measured.transaction_id, meter_value(START, 1800))
    energies = []
    for started in (measured, silent):
        closed = await database.write(stops.close_by_hand, started.transaction_id, None, "x", START)
        assert closed is not None
        energies.append(closed[0]["meter_stop"])
    assert energies == [1800, 1000]


async def test_closing_what_is_closed_or_unknown(station: Station, database: Database) -> None:
    started = await station.start()
    await station.stop(started.transaction_id)
    before = dict(await station.transaction(started.transaction_id))
    closed = await database.write(stops.close_by_hand, started.transaction_id, 1, "late", START)
    assert closed is not None
    assert (dict(closed[0]), closed[1]) == (before, False)
    assert await database.write(stops.close_by_hand, 4711, 1, "x", START) is None


async def test_a_stop_after_closing_by_hand_is_a_conflict(
    station: Station, database: Database
) -> None:
    started = await station.start()
    await database.write(stops.close_by_hand, started.transaction_id, 4000, "Administrative", START)
    # Even one with the very same values: it is the station's word, and it waits for a person.
    assert (await station.stop(started.transaction_id)).outcome == "conflict"
    (item,) = await station.review()
    assert item["reason"] == "closed by hand before"


LATE = (
    "late_meter_stop",
    "late_stopped_at",
    "late_stop_text",
    "late_stop_reason",
    "late_stop_id_tag",
    "late_stop_received_at",
)


async def test_a_late_stop_is_kept_beside_what_was_decided(
    station: Station, database: Database, now: FakeNow
) -> None:
    number = (await station.start()).transaction_id
    await database.write(stops.close_by_hand, number, 2000, "cable cut", START + MINUTE)
    closed = dict(await station.transaction(number))
    now.ms += HOUR
    sent = {
        "meterStop": 4000,
        "reason": "PowerLoss",
        "timestamp": "2026-11-23T08:30:00Z",
        "transactionData": [meter_value(START + 2 * MINUTE, 3900)],
    }
    for _ in range(3):
        assert (await station.stop(number, **sent)).outcome == "conflict"
        now.ms += MINUTE
    row = dict(await station.transaction(number))
    kept = [row.pop(name) for name in LATE]
    moment = START + 30 * MINUTE
    assert kept == [4000, moment, sent["timestamp"], "PowerLoss", "TAG", START + HOUR]
    # Its meter values are stored, once, and nothing else has changed.
    assert [sample["value"] for sample in await station.samples(number)] == ["3900"]
    assert (row.pop("register_wh"), row.pop("register_at")) == (3900, START + 2 * MINUTE)
    assert row == {name: closed[name] for name in row}
    (item,) = await station.review()
    assert (item["kind"], item["suggestion"], item["times"]) == ("conflict", number, 3)


async def test_only_the_first_late_stop_is_the_late_stop(
    station: Station, database: Database
) -> None:
    number = (await station.start()).transaction_id
    await database.write(stops.close_by_hand, number, 2000, "cable cut", START)
    await station.stop(number, meterStop=4000)
    data = [meter_value(START, 4900)]
    await station.stop(number, meterStop=5000, transactionData=data)
    row = await station.transaction(number)
    assert (row["late_meter_stop"], row["meter_stop"]) == (4000, 3000)
    assert await station.samples(number) == []
    assert len(await station.review()) == 2


async def test_a_late_stop_that_cannot_be_dated_is_dated_when_it_came(
    station: Station, database: Database, now: FakeNow
) -> None:
    number = (await station.start()).transaction_id
    await database.write(stops.close_by_hand, number, 2000, "cable cut", START)
    now.ms += HOUR
    await station.stop(number, timestamp="1970-01-01T00:00:00Z")
    row = await station.transaction(number)
    assert (row["late_stopped_at"], row["late_stop_text"]) == (
        START + HOUR,
        "1970-01-01T00:00:00Z",
    )


@pytest.mark.parametrize(("wh", "flag"), [(-1, "negative-energy"), (10_000_001, "absurd-energy")])
async def test_absurd_energy_by_hand_is_flagged(
    station: Station, database: Database, wh: int, flag: str
) -> None:
    started = await station.start()
    closed = await database.write(stops.close_by_hand, started.transaction_id, wh, "x", START)
    assert closed is not None
    assert closed[0]["flags"] == f"{flag} closed-by-hand"


# Reading


async def test_the_newest_open_transaction_of_a_connector(
    station: Station, database: Database
) -> None:
    await station.start(meterStart=1)
    second = await station.start(meterStart=2)
    third = await station.start(meterStart=3)
    await station.stop(third.transaction_id)
    found = await database.read(transactions.find_open, "CP1", 1)
    assert found is not None
    assert found["id"] == second.transaction_id
    assert await database.read(transactions.find_open, "CP1", 2) is None
    assert await database.read(transactions.find_open, "CP2", 1) is None


@pytest.mark.parametrize(
    ("charge_point_id", "status", "kept"),
    [("CP1", "Accepted", "closing time"), ("CP1", "Rejected", None), ("CP2", "Accepted", None)],
)
async def test_why_an_operator_asked_for_the_end(
    station: Station, database: Database, charge_point_id: str, status: str, kept: str | None
) -> None:
    number = (await station.start()).transaction_id
    payload = f'{{"transactionId":{number}}}'
    request = commands.Request(
        charge_point_id, "RemoteStopTransaction", payload, "admin", "closing time", START
    )
    command_id = await database.write(commands.create, request, START)
    response = f'{{"status":"{status}"}}'
    await database.write(commands.finish, command_id, "accepted", response, None, START)
    assert (await station.transaction(number))["remote_stop_reason"] == kept


async def test_pages_and_filters(station: Station, database: Database, now: FakeNow) -> None:
    other = Station(database, now, "CP2")
    ids = [(await station.start(meterStart=number)).transaction_id for number in range(4)]
    ids.append((await other.start()).transaction_id)
    await station.stop(ids[0])

    async def found(*arguments: Any) -> list[int]:
        return [row["id"] for row in await database.read(transactions.page, *arguments)]

    newest_first = ids[::-1]
    assert await found(None, None, None, 10, 0) == newest_first
    assert await found(None, None, None, 2, 1) == newest_first[1:3]
    assert await found(None, None, ids[3], 10, 0) == newest_first[2:]
    assert await found("CP1", None, None, 10, 0) == newest_first[1:]
    assert await found("CP1", True, None, 10, 0) == [ids[0]]
    assert await found(None, False, None, 10, 0) == newest_first[:4]
    assert await found("CP1", False, None, 1, 1) == [ids[2]]
    assert await found("CP1", None, ids[2], 10, 0) == [ids[1], ids[0]]
    assert await found(None, False, ids[2], 10, 0) == [ids[1]]
    assert await found(None, True, ids[0], 10, 0) == []
    assert await database.read(transactions.count, None, None) == 5
    assert await database.read(transactions.count, None, True) == 1
    assert await database.read(transactions.count, None, False) == 4
    assert await database.read(transactions.count, "CP1", None) == 4
    assert await database.read(transactions.count, "CP1", True) == 1
    assert await database.read(transactions.count, "CP1", False) == 3
    assert await database.read(transactions.count, "CP2", True) == 0
    assert await database.read(transactions.count, "CP3", None) == 0


async def test_no_start_is_taken_for_another_whatever_its_texts_hold(station: Station) -> None:
    starts: list[dict[str, Any]] = [
        {"idTag": "A|B", "timestamp": "C"},
        {"idTag": "A", "timestamp": "B|C"},
        {"idTag": "A\\", "timestamp": "B|C"},
        {"idTag": "A\\|B", "timestamp": "C"},
        {"idTag": "A|B\\", "timestamp": "C"},
    ]
    numbers = [(await station.start(**fields)).transaction_id for fields in starts]
    assert len(set(numbers)) == len(starts)
    again = [(await station.start(**fields)).transaction_id for fields in starts]
    assert again == numbers


async def test_a_repeated_stop_with_other_values_is_for_a_person(station: Station) -> None:
    number = (await station.start()).transaction_id
    stop = {"timestamp": "2026-11-23T09:00:00Z"}
    data = [meter_value(START, "2000", context="Transaction.Begin"), meter_value(START + 1, "5000")]
    assert (await station.stop(number, **stop, transactionData=data)).outcome == "stored"
    # The same in another spelling, in part, or not at all is a repeat.
    respelled = [
        {"sampledValue": each["sampledValue"], "timestamp": each["timestamp"]} for each in data
    ]
    for again in (data, respelled, data[1:], [], None):
        assert (await station.stop(number, **stop, transactionData=again)).outcome == "repeated"
    assert len(await station.samples(number)) == 2
    assert await station.review() == []
    # It says more than the first: nothing of it may vanish.
    other = [*data, meter_value(START + 2, "4500")]
    for _ in range(2):
        assert (await station.stop(number, **stop, transactionData=other)).outcome == "conflict"
    (item,) = await station.review()
    assert (item["kind"], item["suggestion"], item["times"]) == ("conflict", number, 2)
    assert item["reason"] == "stopped before with other transactionData"
    assert len(await station.samples(number)) == 2


async def test_a_repeat_that_brings_values_only_now_is_for_a_person(station: Station) -> None:
    number = (await station.start()).transaction_id
    stop = {"timestamp": "2026-11-23T09:00:00Z"}
    await station.stop(number, **stop)
    data = [meter_value(START, "2000")]
    assert (await station.stop(number, **stop, transactionData=data)).outcome == "conflict"
