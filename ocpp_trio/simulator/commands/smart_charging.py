"""Commands of the profile SmartCharging."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocpp_trio.domain.times import format_timestamp
from ocpp_trio.ocppj.frames import Payload
from ocpp_trio.simulator.commands.replies import accepted_if, rejected, status
from ocpp_trio.simulator.connection import Response
from ocpp_trio.simulator.schedule import composite
from ocpp_trio.simulator.session import CONNECTOR

if TYPE_CHECKING:
    from ocpp_trio.simulator.charge_point import ChargePoint

# Longer ones are cut: profiles that recur every day have a period for each.
MAX_SECONDS = 31 * 86_400


def set_charging_profile(point: ChargePoint, request: Payload) -> Response:
    """Section 5.16."""
    if request["connectorId"] not in {0, CONNECTOR}:
        return rejected()
    running = None if point.session is None else point.session.transaction
    installed = point.profiles.set(
        request["connectorId"], request["csChargingProfiles"], point.run.now(), running
    )
    return accepted_if(installed)


def clear_charging_profile(point: ChargePoint, request: Payload) -> Response:
    """Section 5.5."""
    return status("Accepted" if point.profiles.clear(request) else "Unknown")


def get_composite_schedule(point: ChargePoint, request: Payload) -> Response:
    """Section 5.7: the station's schedule is that of its only connector."""
    connector_id, duration = request["connectorId"], request["duration"]
    if connector_id not in {0, CONNECTOR} or duration < 1:
        return rejected()
    start = point.run.now()
    schedule = composite(
        point.profiles.installed,
        start,
        min(duration, MAX_SECONDS),
        request.get("chargingRateUnit", "A"),
        point.charging_since,
    )
    return Response(
        {
            "status": "Accepted",
            "connectorId": connector_id,
            "scheduleStart": format_timestamp(start),
            "chargingSchedule": schedule,
        }
    )
