"""Commands of the profile Reservation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocpp_trio.domain.times import parse_timestamp
from ocpp_trio.ocppj.frames import Payload
from ocpp_trio.simulator.commands.replies import accepted, rejected, status
from ocpp_trio.simulator.connection import Response
from ocpp_trio.simulator.reservations import Reservation
from ocpp_trio.simulator.session import CONNECTOR

if TYPE_CHECKING:
    from ocpp_trio.simulator.charge_point import ChargePoint


def reserve_now(point: ChargePoint, request: Payload) -> Response:
    """Section 5.13: connector 0, any connector, is the only one there is.

    The same reservationId replaces the reservation; one that has expired already is Rejected.
    """
    if request["connectorId"] not in {0, CONNECTOR}:
        return rejected()
    expiry = parse_timestamp(request["expiryDate"])
    if expiry is None or expiry <= point.run.now():
        return rejected()
    held = point.reservation
    if point.session is not None or (held is not None and held.id != request["reservationId"]):
        return status("Occupied")
    if point.out_of_service or point.busy:
        return status("Unavailable")
    reservation = Reservation(
        request["reservationId"], request["idTag"], request.get("parentIdTag"), expiry
    )
    point.reservation = reservation
    return accepted(lambda: point.spawn(point.hold, reservation))


def cancel_reservation(point: ChargePoint, request: Payload) -> Response:
    """Section 5.1."""
    held = point.reservation
    if held is None or held.id != request["reservationId"]:
        return rejected()
    return accepted(point.drop_reservation)
