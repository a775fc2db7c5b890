"""DataTransfer (section 5.6): the simulator's own vendor tells a charge point what to do itself.

fault    ACTION=KIND        sets a fault; the answer's data lists all that are set
faults                      the answer's data lists them
present  TAG                a person presents a tag: starts a session, or stops the running one
send     ACTION {payload}   sends a message of its own, checked against the schema
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ocpp_trio.domain.rules import is_id_tag
from ocpp_trio.ocppj import frames
from ocpp_trio.ocppj.actions import FROM_CHARGE_POINT
from ocpp_trio.ocppj.frames import Call, Payload
from ocpp_trio.simulator.commands.replies import accepted, status
from ocpp_trio.simulator.connection import Response

if TYPE_CHECKING:
    from ocpp_trio.simulator.charge_point import ChargePoint

VENDOR = "ocpp-trio.simulator"


def is_own(call: Call) -> bool:
    """Whether a CALL is one of the simulator's own."""
    return call.action == "DataTransfer" and call.payload["vendorId"] == VENDOR


def data_transfer(point: ChargePoint, request: Payload) -> Response:
    """Do what the simulator's own vendor says; no other is known."""
    if request["vendorId"] != VENDOR:
        return status("UnknownVendorId")
    data = request.get("data", "")
    try:
        match request.get("messageId"):
            case "fault":
                point.faults.set(data)
                return _listed(point)
            case "faults":
                return _listed(point)
            case "present":
                return _present(point, data)
            case "send":
                return _send(point, data)
    except (ValueError, RecursionError) as error:
        return Response({"status": "Rejected", "data": str(error)})
    return status("UnknownMessageId")


def _listed(point: ChargePoint) -> Response:
    return Response({"status": "Accepted", "data": "\n".join(point.faults.listed())})


def _present(point: ChargePoint, id_tag: str) -> Response:
    if not is_id_tag(id_tag):
        raise ValueError("data must be a tag of 1 to 20 characters")
    if not point.present(id_tag):
        raise ValueError("the connector is not free for this tag")
    return accepted()


def _send(point: ChargePoint, data: str) -> Response:
    action, _, text = data.partition(" ")
    if action not in FROM_CHARGE_POINT:
        raise ValueError(f"{action!r} is no action of a charge point")
    payload = json.loads(text or "{}")
    if not isinstance(payload, dict):
        raise ValueError("the payload must be an object of JSON")
    for field, message in frames.check_request(action, payload):
        raise ValueError(f"{field}: {message}" if field else message)
    return accepted(lambda: point.spawn(point.reports.send, action, payload))
