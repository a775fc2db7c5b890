"""What a decision about a review item does to the books."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ocpp_trio.errors import CannotResolve
from ocpp_trio.store import resolving, review, stops
from ocpp_trio.store.database import Database, Row
from ocpp_trio.store.resolving import Decision
from tests.support.clock import HOUR, MINUTE, START, FakeNow
from tests.support.sessions import Station, meter_value

NOON = START + 4 * HOUR


async def last_item(station: Station) -> Row:
    return (await station.review())[-1]


async def attach(
    station: Station, item: Row, transaction_id: int | None = None, **changes: Any
) -> Row:
    payload = json.loads(item["message"])
    decision = Decision("ann", "why not", transaction_id)._replace(**changes)
    return await station.database.write(resolving.attach, item["id"], payload, decision, NOON)


async def books(station: Station) -> list[dict[str, Any]]:
    return [dict(row) for row in await station.transactions()]


async def test_what_was_decided_is_noted(station: Station) -> None:
    number = (await station.start()).transaction_id
    await station.meter(-1, meter_value(START, 1500))
    item = await attach(station, await last_item(station))
    assert (item["resolution"], item["resolved_at"]) == ("attached", NOON)
    assert (item["actor"], item["note"]) == ("ann", "why not")
    assert (item["transaction_id"], item["replaced"]) == (number, None)
    assert [dict(row) for row in await station.review()] == [dict(item)]


# Meter values


async def test_meter_values_are_stored_as_if_they_had_come_for_it(
    station: Station, now: FakeNow
) -> None:
    number = (await station.start()).transaction_id
    await station.meter(number, meter_value(START + 2 * MINUTE, 1500))
    now.ms += HOUR
    # The second one is dated when it came: its own clock was never set.
    await station.meter(4711, meter_value(START + MINUTE, 1200), meter_value(0, 1900))
    later = now()
    now.ms += HOUR
    await attach(station, await last_item(station))
    samples = await station.samples(number)
    assert [(row["timestamp"], row["value"], row["source"]) for row in samples] == [
        (START + 2 * MINUTE, "1500", "MeterValues"),
        (START + MINUTE, "1200", "MeterValues"),
        (later, "1900", "MeterValues"),
    ]
    row = await station.transaction(number)
    assert (row["register_wh"], row["register_at"]) == (1900, later)


async def test_older_meter_values_do_not_turn_the_register_back(station: Station) -> None:
    number = (await station.start()).transaction_id
    await station.meter(number, meter_value(START + HOUR, 1500))
    await station.meter(-1, meter_value(START + MINUTE, 9000))
    await attach(station, await last_item(station))
    row = await station.transaction(number)
    assert (row["register_wh"], row["register_at"]) == (1500, START + HOUR)
    assert len(await station.samples(number)) == 2


async def test_meter_values_go_where_a_person_says(station: Station) -> None:
    numbers = [(await station.start(meterStart=n)).transaction_id for n in range(2)]
    await station.stop(numbers[0])
    await station.meter(-1, meter_value(START, 1500))
    item = await attach(station, await last_item(station), numbers[0])
    assert item["transaction_id"] == numbers[0]
    assert len(await station.samples(numbers[0])) == 1
    assert await station.samples(numbers[1]) == []


# Stops


async def test_an_unmatched_stop_ends_what_runs_like_any_stop(
    station: Station, now: FakeNow
) -> None:
    """The same books as if the stop had named the right transaction."""
    data = [meter_value(START + MINUTE, 4800)]
    fields = {"transactionData": data, "timestamp": "2026-11-23T08:30:00Z", "reason": "PowerLoss"}
    right = (await station.start(connectorId=1)).transaction_id
    wrong = (await station.start(connectorId=2)).transaction_id
    now.ms += HOUR
    await station.stop(right, **fields)
    await station.stop(4711, **fields)
    now.ms += HOUR
    item = await attach(station, await last_item(station))
    assert (item["transaction_id"], item["replaced"]) == (wrong, None)
    stopped, attached = await station.transaction(right), await station.transaction(wrong)
    differ = {"id", "connector_id", "replay_key", "flags"}
    for name in set(stopped.keys()) - differ:
        assert attached[name] == stopped[name], name
    assert (stopped["flags"], attached["flags"]) == ("", "attached-by-hand")
    values = [[dict(row)["value"] for row in await station.samples(n)] for n in (right, wrong)]
    assert values == [["4800"], ["4800"]]


async def test_a_repeat_of_an_attached_stop_adds_nothing(station: Station) -> None:
    number = (await station.start()).transaction_id
    await station.stop(-1, meterStop=4000)
    await attach(station, await last_item(station))
    before = await books(station)
    assert (await station.stop(-1, meterStop=4000)).outcome == "unmatched"
    assert (await station.stop(number, meterStop=4000)).outcome == "repeated"
    assert await books(station) == before
    (item,) = await station.review()
    assert (item["resolution"], item["times"]) == ("attached", 2)


async def test_a_conflict_replaces_the_stop_and_keeps_it(station: Station) -> None:
    number = (await station.start()).transaction_id
    await station.stop(number, meterStop=999, idTag="OTHER")
    first = await station.transaction(number)
    assert first["flags"] == "negative-energy stopped-by-other-tag"
    data = [meter_value(START + MINUTE, 4000)]
    await station.stop(number, meterStop=4000, reason="Remote", transactionData=data)
    assert await station.samples(number) == []
    item = await attach(station, await last_item(station))
    row = await station.transaction(number)
    assert (row["meter_stop"], row["stop_reason"], row["stop_id_tag"]) == (4000, "Remote", "TAG")
    assert (row["flags"], row["stopped_by"], row["is_complete"]) == (
        "attached-by-hand",
        "station",
        1,
    )
    assert json.loads(item["replaced"]) == {name: first[name] for name in resolving.REPLACED}
    assert len(await station.samples(number)) == 1
    # Now the other one is the one that differs.
    outcomes = [
        (await station.stop(number, **fields)).outcome
        for fields in (
            {"meterStop": 4000, "reason": "Remote", "transactionData": data},
            {"meterStop": 999, "idTag": "OTHER"},
        )
    ]
    assert outcomes == ["repeated", "conflict"]


async def test_an_unmatched_stop_on_one_that_is_over_replaces_too(station: Station) -> None:
    number = (await station.start()).transaction_id
    await station.stop(number, meterStop=4000)
    await station.stop(-1, meterStop=4500)
    item = await attach(station, await last_item(station), number)
    assert json.loads(item["replaced"])["meter_stop"] == 4000
    assert (await station.transaction(number))["meter_stop"] == 4500


async def test_a_stop_that_is_there_already_replaces_nothing(station: Station) -> None:
    number = (await station.start()).transaction_id
    await station.stop(-1)
    await station.stop(number)
    before = await books(station)
    item = await attach(station, await last_item(station), number)
    assert (item["resolution"], item["replaced"]) == ("attached", None)
    assert await books(station) == before


async def test_without_a_clock_another_start_stays_another_one(station: Station) -> None:
    """The key of replays is changed once, when a transaction ends, not again."""
    sent: dict[str, Any] = {"timestamp": "1970-01-01T00:00:00Z"}
    first = (await station.start(**sent)).transaction_id
    await station.stop(first)
    key = (await station.transaction(first))["replay_key"]
    await station.stop(first, meterStop=6000)
    await attach(station, await last_item(station))
    row = await station.transaction(first)
    assert (row["replay_key"], row["meter_stop"]) == (key, 6000)
    assert row["flags"] == "implausible-clock attached-by-hand"
    assert (await station.start(**sent)).transaction_id != first


# Late stops


async def closed_by_hand(station: Station) -> int:
    number = (await station.start()).transaction_id
    await station.database.write(
        stops.close_by_hand, number, 2000, "Administrative", START + MINUTE
    )
    return number


async def test_a_late_stop_may_take_the_place_of_the_hand(station: Station, now: FakeNow) -> None:
    number = await closed_by_hand(station)
    now.ms += HOUR
    data = [meter_value(START + MINUTE, 4000)]
    await station.stop(number, meterStop=4000, transactionData=data)
    late = await station.transaction(number)
    item = await attach(station, await last_item(station))
    row = await station.transaction(number)
    assert (row["meter_stop"], row["stopped_by"], row["flags"]) == (
        4000,
        "station",
        "attached-by-hand",
    )
    replaced = json.loads(item["replaced"])
    assert (replaced["meter_stop"], replaced["stopped_by"]) == (3000, "hand")
    assert replaced["flags"] == "closed-by-hand"
    for name in late.keys():  # noqa: SIM118 - a row is no mapping
        if name.startswith("late_"):
            assert row[name] == late[name]
    assert len(await station.samples(number)) == 1
    assert (await station.stop(number, meterStop=4000, transactionData=data)).outcome == "repeated"


# Starts of strangers


async def keep_start(station: Station, **fields: Any) -> Row:
    payload = {
        "connectorId": 1,
        "idTag": "TAG",
        "meterStart": 1000,
        "timestamp": "2026-11-23T08:00:00Z",
    } | fields
    await station.database.write(
        review.keep_of_stranger,
        station.id,
        "StartTransaction",
        json.dumps(payload),
        100,
        station.now(),
    )
    return await last_item(station)


async def test_a_start_becomes_a_transaction(station: Station, now: FakeNow) -> None:
    item = await keep_start(station)
    now.ms += HOUR
    attached = await attach(station, item, accept_unknown=True)
    (row,) = await station.transactions()
    assert attached["transaction_id"] == row["id"]
    assert (row["authorization_status"], row["started_at"], row["received_at"]) == (
        "Accepted",
        START,
        START,
    )
    # The station sends it again: it is told what was booked.
    again = await station.start(timestamp="2026-11-23T08:00:00Z", accept_unknown=False)
    assert (again.transaction_id, again.is_replay) == (row["id"], True)


async def test_a_start_that_came_again_meanwhile_is_not_booked_twice(station: Station) -> None:
    item = await keep_start(station)
    number = (await station.start(timestamp="2026-11-23T08:00:00Z")).transaction_id
    before = await books(station)
    assert (await attach(station, item))["transaction_id"] == number
    assert await books(station) == before


async def test_a_whole_session_of_a_stranger(station: Station) -> None:
    start = await keep_start(station)
    number = (await attach(station, start))["transaction_id"]
    texts = {
        "MeterValues": {"connectorId": 1, "meterValue": [meter_value(START + MINUTE, 1500)]},
        "StopTransaction": {
            "transactionId": -1,
            "meterStop": 2000,
            "timestamp": "2026-11-23T08:05:00Z",
        },
    }
    for action, payload in texts.items():
        await station.database.write(
            review.keep_of_stranger, station.id, action, json.dumps(payload), 100, START
        )
        await attach(station, await last_item(station))
    row = await station.transaction(number)
    assert (row["register_wh"], row["meter_stop"], row["is_complete"]) == (1500, 2000, 1)


# What is absurd


async def test_what_is_absurd_is_accepted_as_it_is(station: Station) -> None:
    number = (await station.start()).transaction_id
    await station.stop(number, meterStop=999)
    start = (await station.start(connectorId=0)).transaction_id
    before = await books(station)
    for item, about in zip(await station.review(), (number, start), strict=True):
        assert item["kind"] == "absurd"
        assert (await attach(station, item))["transaction_id"] == about
    assert await books(station) == before


# What cannot be


@pytest.mark.parametrize("resolved", ["attached", "discarded"])
async def test_an_item_is_decided_once(station: Station, resolved: str) -> None:
    await station.start()
    await station.meter(-1, meter_value(START, 1500))
    item = await last_item(station)
    if resolved == "attached":
        await attach(station, item)
    else:
        await station.database.write(resolving.discard, item["id"], Decision("bob", None), START)
    before = await books(station)
    with pytest.raises(CannotResolve, match=f"was {resolved} already"):
        await attach(station, item)
    with pytest.raises(CannotResolve, match=f"was {resolved} already"):
        await station.database.write(resolving.discard, item["id"], Decision("bob", None), START)
    assert await books(station) == before


async def test_discarding_changes_nothing_in_the_books(station: Station) -> None:
    number = (await station.start()).transaction_id
    await station.stop(-1)
    item = await last_item(station)
    before = await books(station)
    await station.database.write(resolving.discard, item["id"], Decision("bob", "test"), NOON)
    assert await books(station) == before
    found = await last_item(station)
    assert (found["resolution"], found["actor"], found["note"]) == ("discarded", "bob", "test")
    assert (found["transaction_id"], found["suggestion"]) == (None, number)


async def test_refusals_say_why_and_change_nothing(
    station: Station, database: Database, now: FakeNow
) -> None:
    theirs = (await Station(database, now, "CP2").start()).transaction_id
    await station.stop(-1)
    stop = await last_item(station)
    own = (await station.start(connectorId=2)).transaction_id
    absurd = (await station.start(connectorId=0)).transaction_id
    absurd_item = await last_item(station)
    start = await keep_start(station)
    before = await books(station)
    for item, transaction_id, words in (
        (stop, None, "nothing is suggested"),
        (stop, theirs, "belongs to charge point CP2"),
        (stop, 4711, "no transaction 4711"),
        (absurd_item, own, f"is about transaction {absurd}"),
        (start, own, "a transaction of its own"),
    ):
        with pytest.raises(CannotResolve, match=words):
            await attach(station, item, transaction_id)
    with pytest.raises(CannotResolve, match="no review item 99"):
        await database.write(resolving.attach, 99, {}, Decision("ann", None), START)
    assert await books(station) == before
    assert {item["resolution"] for item in await station.review()} == {None}


async def test_a_decision_that_fails_half_way_leaves_nothing(station: Station) -> None:
    """The stop is stored, then its meter values turn out to be unusable: all of it is undone."""
    number = (await station.start()).transaction_id
    await station.stop(-1)
    item = await last_item(station)
    payload = json.loads(item["message"]) | {"transactionData": [{"timestamp": "x"}]}
    before = await books(station)
    with pytest.raises(KeyError):
        await station.database.write(
            resolving.attach, item["id"], payload, Decision("ann", None, number), NOON
        )
    assert await books(station) == before
    assert (await last_item(station))["resolution"] is None
