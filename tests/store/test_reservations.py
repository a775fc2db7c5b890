"""Reservations: what a station's answers, its starts and the clock make of them."""

from __future__ import annotations

from typing import Any

import pytest

from ocpp_trio.domain.times import format_timestamp
from ocpp_trio.services.reservation_expiry import BATCH, expire_reservations
from ocpp_trio.store import connectors, reservations
from ocpp_trio.store.database import Database, Row
from ocpp_trio.store.reservations import Filters
from tests.support.clock import HOUR, MINUTE, FakeNow
from tests.support.operator import Operator
from tests.support.sessions import Station


@pytest.fixture
def operator(database: Database, now: FakeNow) -> Operator:
    return Operator(database, now)


def request(now: FakeNow, **changes: Any) -> dict[str, Any]:
    return {
        "connectorId": 1,
        "expiryDate": format_timestamp(now() + 10 * MINUTE),
        "idTag": "Tag",
        "reservationId": 7,
    } | changes


async def all_of(database: Database, **filters: Any) -> list[Row]:
    rows, total = await database.read(reservations.page, Filters(**filters), 100, 0)
    assert total == len(rows)
    return list(rows)


async def states(database: Database) -> list[str]:
    """Of all reservations, oldest first."""
    return [row["state"] for row in reversed(await all_of(database))]


async def history(database: Database, number: int = 1) -> list[tuple[str, str | None, str | None]]:
    found = await database.read(reservations.find, number)
    assert found is not None
    return [(each["state"], each["actor"], each["note"]) for each in found[1]]


async def test_it_is_requested_then_accepted(operator: Operator, now: FakeNow) -> None:
    number = await operator.ask("ReserveNow", request(now, parentIdTag="P"))
    (row,) = await all_of(operator.database)
    assert row["state"] == "requested"
    assert row["expires_at"] == now() + 10 * MINUTE
    assert (row["id_tag"], row["parent_id_tag"], row["command_id"]) == ("Tag", "P", number)
    now.ms += 5
    await operator.end(number, "accepted", {"status": "Accepted"})
    (row,) = await all_of(operator.database)
    assert (row["state"], row["status"], row["updated_at"]) == ("accepted", "Accepted", now())
    assert await history(operator.database) == [
        ("requested", "operator", None),
        ("accepted", "charge point", None),
    ]


@pytest.mark.parametrize("word", ["Faulted", "Occupied", "Unavailable", "Rejected"])
async def test_a_refusal_keeps_the_stations_word(
    operator: Operator, now: FakeNow, word: str
) -> None:
    await operator.command("ReserveNow", request(now), status=word)
    (row,) = await all_of(operator.database)
    assert (row["state"], row["status"]) == ("refused", word)


@pytest.mark.parametrize(
    ("end", "state"),
    [
        ("timeout", "requested"),
        ("replaced", "requested"),
        ("unknown", "requested"),
        ("error", "refused"),
        ("expired", "cancelled"),
        ("cancelled", "cancelled"),
    ],
)
async def test_without_an_answer(operator: Operator, now: FakeNow, end: str, state: str) -> None:
    number = await operator.create("ReserveNow", request(now))
    if end not in {"expired", "cancelled"}:
        await operator.send(number)
    await operator.end(number, end)
    assert await states(operator.database) == [state]


async def test_what_was_not_sent_is_neither_used_nor_cancelled_nor_replaced(
    operator: Operator, station: Station, now: FakeNow
) -> None:
    database = operator.database
    await operator.command("ReserveNow", request(now))
    kept = await operator.create("ReserveNow", request(now, idTag="Other"))
    await station.start(idTag="Tag", reservationId=7)
    assert await states(database) == ["used", "requested"]
    await operator.command("CancelReservation", {"reservationId": 7}, status="Rejected")
    assert await states(database) == ["used", "requested"]
    never = await operator.create("ReserveNow", request(now, idTag="Never"))
    await operator.end(never, "cancelled")
    await operator.send(kept)
    await operator.end(kept, "accepted", {"status": "Accepted"})
    await station.start(idTag="Other", reservationId=7, connectorId=2)
    assert await states(database) == ["used", "used", "cancelled"]


async def test_one_that_was_kept_replaces_what_was_accepted_meanwhile(
    operator: Operator, now: FakeNow
) -> None:
    kept = await operator.create("ReserveNow", request(now))
    now.ms += 1
    await operator.command("ReserveNow", request(now, idTag="Other"))
    assert await states(operator.database) == ["requested", "accepted"]
    now.ms += 1
    await operator.send(kept)
    await operator.end(kept, "accepted", {"status": "Accepted"})
    assert await states(operator.database) == ["accepted", "cancelled"]


async def test_a_late_answer_does_not_replace_what_came_after_it(
    operator: Operator, now: FakeNow
) -> None:
    late = await operator.ask("ReserveNow", request(now))
    await operator.end(late, "timeout")
    now.ms += 1
    await operator.command("ReserveNow", request(now, idTag="Other"))
    await operator.end(late, "late", {"status": "Accepted"})
    assert await states(operator.database) == ["cancelled", "accepted"]
    assert (await history(operator.database))[-1] == ("cancelled", "operator", "replaced by 2")


@pytest.mark.parametrize(("is_sent", "state"), [(True, "refused"), (False, "cancelled")])
async def test_an_error_of_the_station_or_of_ours(
    operator: Operator, now: FakeNow, is_sent: bool, state: str
) -> None:
    number = await operator.create("ReserveNow", request(now))
    if is_sent:
        await operator.send(number)
    await operator.end(number, "error")
    assert await states(operator.database) == [state]


async def test_a_late_answer_counts(operator: Operator, now: FakeNow) -> None:
    number = await operator.ask("ReserveNow", request(now))
    await operator.end(number, "timeout")
    await operator.end(number, "late", {"status": "Accepted"})
    assert await states(operator.database) == ["accepted"]


async def test_a_late_error_is_a_refusal(operator: Operator, now: FakeNow) -> None:
    number = await operator.ask("ReserveNow", request(now))
    await operator.end(number, "timeout")
    await operator.end(number, "late")
    assert await states(operator.database) == ["refused"]


async def test_the_same_number_replaces_if_it_is_accepted(operator: Operator, now: FakeNow) -> None:
    await operator.command("ReserveNow", request(now))
    await operator.command("ReserveNow", request(now), status="Occupied")
    assert await states(operator.database) == ["accepted", "refused"]
    await operator.command("ReserveNow", request(now, idTag="Other"))
    assert await states(operator.database) == ["cancelled", "refused", "accepted"]
    assert (await history(operator.database))[-1] == ("cancelled", "operator", "replaced by 3")


async def test_another_station_has_numbers_of_its_own(operator: Operator, now: FakeNow) -> None:
    other = Operator(operator.database, now, "CP2")
    await operator.command("ReserveNow", request(now))
    await other.command("ReserveNow", request(now))
    await other.command("CancelReservation", {"reservationId": 7})
    assert await states(operator.database) == ["accepted", "cancelled"]


@pytest.mark.parametrize(
    ("word", "note"),
    [("Accepted", None), ("Rejected", "the charge point has no such reservation")],
)
async def test_cancelling(operator: Operator, now: FakeNow, word: str, note: str | None) -> None:
    await operator.command("ReserveNow", request(now))
    await operator.command("CancelReservation", {"reservationId": 8}, status=word)
    assert await states(operator.database) == ["accepted"]
    await operator.command("CancelReservation", {"reservationId": 7}, status=word)
    assert await states(operator.database) == ["cancelled"]
    assert (await history(operator.database))[-1] == ("cancelled", "operator", note)
    number = await operator.create("CancelReservation", {"reservationId": 7})
    await operator.end(number, "timeout")
    assert len(await history(operator.database)) == 3


async def test_a_start_uses_the_reservation_of_its_own_station_once(
    operator: Operator, station: Station, now: FakeNow
) -> None:
    other = Operator(operator.database, now, "CP2")
    await other.command("ReserveNow", request(now))
    await operator.command("ReserveNow", request(now))
    started = await station.start(reservationId=7)
    assert await states(operator.database) == ["accepted", "used"]
    (row,) = await all_of(operator.database, state="used")
    assert (row["charge_point_id"], row["transaction_id"]) == ("CP1", started.transaction_id)
    # A repeat, and a start with a number that has been used.
    assert (await station.start(reservationId=7)).is_replay
    await station.start(reservationId=7, connectorId=2)
    (row,) = await all_of(operator.database, state="used")
    assert row["transaction_id"] == started.transaction_id
    await station.start(reservationId=99, connectorId=3)


@pytest.mark.parametrize("over", ["expired", "cancelled", "requested"])
async def test_a_start_uses_what_seemed_to_be_over(
    operator: Operator, station: Station, now: FakeNow, over: str
) -> None:
    number = await operator.ask("ReserveNow", request(now))
    if over == "cancelled":
        await operator.end(number, "accepted", {"status": "Accepted"})
        await operator.command("CancelReservation", {"reservationId": 7}, status="Rejected")
    elif over == "expired":
        now.ms += HOUR
        await expire_reservations(operator.database, now)
    assert await states(operator.database) == [over]
    await station.start(reservationId=7)
    assert await states(operator.database) == ["used"]


async def test_a_refused_reservation_is_never_used(
    operator: Operator, station: Station, now: FakeNow
) -> None:
    await operator.command("ReserveNow", request(now), status="Rejected")
    await station.start(reservationId=7)
    assert await states(operator.database) == ["refused"]


async def test_they_expire_when_their_time_is_over(operator: Operator, now: FakeNow) -> None:
    await operator.command("ReserveNow", request(now))
    await operator.create("ReserveNow", request(now, reservationId=8))
    later = format_timestamp(now() + 11 * MINUTE)
    await operator.command("ReserveNow", request(now, reservationId=9, expiryDate=later))
    now.ms += 10 * MINUTE - 1
    await expire_reservations(operator.database, now)
    assert await states(operator.database) == ["accepted", "requested", "accepted"]
    now.ms += 1
    await expire_reservations(operator.database, now)
    assert await states(operator.database) == ["expired", "expired", "accepted"]


async def test_many_expire_in_one_tick(operator: Operator, now: FakeNow) -> None:
    for number in range(BATCH + 1):
        await operator.create("ReserveNow", request(now, reservationId=number))
    now.ms += HOUR
    await expire_reservations(operator.database, now)
    _, left = await operator.database.read(reservations.page, Filters(state="requested"), 1, 0)
    assert left == 0


@pytest.mark.parametrize(
    ("connector", "status", "left"),
    [
        (1, "Faulted", ["cancelled", "accepted", "accepted"]),
        (0, "Unavailable", ["cancelled", "cancelled", "cancelled"]),
        (1, "Available", ["accepted", "accepted", "accepted"]),
        (3, "Faulted", ["accepted", "accepted", "accepted"]),
    ],
)
async def test_a_connector_that_fails_ends_them(
    operator: Operator, now: FakeNow, connector: int, status: str, left: list[str]
) -> None:
    for number in (1, 2, 0):
        await operator.command("ReserveNow", request(now, connectorId=number, reservationId=number))
    payload = {"connectorId": connector, "status": status, "errorCode": "NoError"}
    await operator.database.write(connectors.record_status, "CP1", payload, now())
    assert await states(operator.database) == left


async def test_a_status_of_long_ago_ends_none(operator: Operator, now: FakeNow) -> None:
    await operator.command("ReserveNow", request(now))
    payload = {"connectorId": 1, "status": "Available", "errorCode": "NoError"}
    await operator.database.write(connectors.record_status, "CP1", payload, now())
    old = {"status": "Faulted", "timestamp": format_timestamp(now() - MINUTE)}
    await operator.database.write(connectors.record_status, "CP1", payload | old, now())
    assert await states(operator.database) == ["accepted"]


async def test_numbers_are_given_once(operator: Operator, now: FakeNow) -> None:
    database = operator.database
    assert [await database.write(reservations.next_id, "CP1") for _ in range(2)] == [1, 2]
    await operator.command("ReserveNow", request(now, reservationId=3))
    assert await database.write(reservations.next_id, "CP1") == 4


async def test_filters(operator: Operator, now: FakeNow) -> None:
    await operator.command("ReserveNow", request(now))
    now.ms += MINUTE
    await operator.command("ReserveNow", request(now, connectorId=0, reservationId=8, idTag="B"))
    database = operator.database
    assert [row["id"] for row in await all_of(database)] == [2, 1]
    for filters, found in (
        ({"id_tag": "TAG"}, [1]),
        ({"connector_id": 0}, [2]),
        ({"charge_point_id": "CP2"}, []),
        ({"since": now()}, [2]),
        ({"until": now()}, [1]),
        ({"state": "accepted"}, [2, 1]),
    ):
        assert [row["id"] for row in await all_of(database, **filters)] == found, filters
    rows = await database.read(reservations.behind, Filters(), 2, 10)
    assert [row["id"] for row in rows] == [1]
