"""Cases of the reservation profile."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.conformance.station import Commanded, Payload, Station, parsed
from tests.support.waiting import until

ACCEPTED = {"status": "Accepted"}
SECOND = timedelta(seconds=1)


def reserve(
    station: Station, connector: int, status: str = "Accepted", seconds: int = 600, **fields: str
) -> int:
    """ReserveNow for the station's tag, answered with `status`; its reservationId."""
    station.know(station.tag, **fields)
    wanted = {"connectorId": connector, "idTag": station.tag} | fields
    commanded = station.command("reserve-now", wanted | {"expiresIn": seconds}, {"status": status})
    expiry = parsed(commanded.sent["expiryDate"])
    assert abs(expiry - datetime.now(UTC) - timedelta(seconds=seconds)) < 5 * SECOND
    number: int = commanded.sent["reservationId"]
    assert commanded.sent == wanted | {
        "expiryDate": commanded.sent["expiryDate"],
        "reservationId": number,
    }
    assert commanded.answer["reservationId"] == number
    kept = reservation(station)
    assert (kept["connectorId"], kept["idTag"]) == (connector, station.tag)
    assert (kept["reservationId"], kept["status"]) == (number, status)
    assert kept["parentIdTag"] == fields.get("parentIdTag")
    assert abs(parsed(kept["expiryDate"]) - expiry) < SECOND
    assert kept["state"] == ("accepted" if status == "Accepted" else "refused")
    return number


def reservation(station: Station) -> Payload:
    """The one reservation of this station."""
    (found,) = station.listed("/api/reservations")
    return found


def used(station: Station, number: int, tag: str) -> None:
    """The tag charges on the reservation, which is used up then."""
    transaction = station.start(tag, reservationId=number)
    station.status(1, "Charging")
    shown = station.transaction(transaction)
    assert (shown["idTag"], shown["reservationId"]) == (tag, number)
    assert not shown["isComplete"]
    kept = reservation(station)
    assert (kept["state"], kept["transactionId"]) == ("used", transaction)


def test_tc_046_reserve_connector_transaction(station: Station) -> None:
    station.booted()
    number = reserve(station, 1)
    station.status(1, "Reserved")
    assert station.authorize(station.tag)["status"] == "Accepted"
    station.status(1, "Preparing")
    used(station, number, station.tag)


def test_tc_047_reserve_connector_expires(station: Station) -> None:
    station.booted()
    reserve(station, 1, seconds=1)
    station.status(1, "Reserved")
    until(lambda: reservation(station)["state"] == "expired")
    station.status(1, "Available")
    assert datetime.now(UTC) >= parsed(reservation(station)["expiryDate"])
    assert station.transactions() == []


def test_tc_048_1_reserve_faulted(station: Station) -> None:
    station.booted()
    station.status(1, "Faulted", "OtherError")
    reserve(station, 1, "Faulted")


def test_tc_048_2_reserve_occupied(station: Station) -> None:
    station.booted()
    station.status(1, "Preparing")
    reserve(station, 1, "Occupied")


def test_tc_048_3_reserve_unavailable(station: Station) -> None:
    station.booted()
    wanted = {"connectorId": 1, "type": "Inoperative"}
    assert station.command("change-availability", wanted, ACCEPTED).sent == wanted
    station.status(1, "Unavailable")
    reserve(station, 1, "Unavailable")


def test_tc_048_4_reserve_rejected(station: Station) -> None:
    station.booted()
    reserve(station, 1, "Rejected")


def test_tc_049_reserve_the_charge_point(station: Station) -> None:
    station.booted()
    number = reserve(station, 0)
    station.status(1, "Reserved")
    assert station.authorize(station.tag)["status"] == "Accepted"
    station.status(1, "Preparing")
    used(station, number, station.tag)


def cancel(station: Station, number: int, status: str) -> Commanded:
    """CancelReservation with the number as it was given."""
    wanted = {"reservationId": number}
    commanded = station.command("cancel-reservation", wanted, {"status": status})
    assert commanded.sent == wanted
    return commanded


def test_tc_051_cancel_reservation(station: Station) -> None:
    station.booted()
    number = reserve(station, 1)
    station.status(1, "Reserved")
    cancel(station, number, "Accepted")
    station.status(1, "Available")
    kept = reservation(station)
    assert (kept["state"], kept["transactionId"]) == ("cancelled", None)
    history = station.get(f"/api/reservations/{kept['id']}")["history"]
    assert [each["state"] for each in history] == ["requested", "accepted", "cancelled"]


def test_tc_052_cancel_rejected(station: Station) -> None:
    station.booted()
    cancel(station, 7_000_052, "Rejected")
    assert station.listed("/api/reservations") == []


def test_tc_053_reserved_connector_parent_id_tag(station: Station) -> None:
    parent, sibling = f"PAR {station.name}", f"SIB {station.name}"
    station.know(sibling, parentIdTag=parent)
    station.booted()
    number = reserve(station, 1, parentIdTag=parent)
    station.status(1, "Reserved")
    assert station.authorize(sibling) == {"status": "Accepted", "parentIdTag": parent}
    station.status(1, "Preparing")
    used(station, number, sibling)
