"""What a charge point answers to the central system, and does afterwards: one function per action.

Each takes the charge point and the request's payload, and returns the answer with what follows it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from ocpp_trio.errors import CallRefused
from ocpp_trio.ocppj.frames import Call, Payload
from ocpp_trio.simulator.connection import Response
from ocpp_trio.simulator.session import CONNECTOR

if TYPE_CHECKING:
    from ocpp_trio.simulator.charge_point import ChargePoint

Command = Callable[["ChargePoint", Payload], Response]

ACCEPTED = Response({"status": "Accepted"})
REJECTED = Response({"status": "Rejected"})


def answer(point: ChargePoint, call: Call) -> Response:
    """The answer to a CALL; raises CallRefused for an action that is not in the table."""
    command = COMMANDS.get(call.action)
    if command is None:
        raise CallRefused("NotSupported", "this charge point does not support the action")
    return command(point, call.payload)


def change_availability(point: ChargePoint, request: Payload) -> Response:
    """Section 5.2: a running session ends first, the change is then scheduled."""
    connector_id = request["connectorId"]
    if connector_id not in {0, CONNECTOR}:
        return REJECTED
    if request["type"] == "Inoperative":
        point.out_of_service.add(connector_id)
        if point.session is not None:
            return Response({"status": "Scheduled"})
    elif connector_id:
        point.out_of_service.discard(connector_id)
    else:
        point.out_of_service.clear()

    async def follow() -> None:
        if connector_id == 0:
            await point.report_status(0)
        if point.session is None:
            await point.set_status(point.idle_status(CONNECTOR))
        point.bell.ring()

    return Response({"status": "Accepted"}, lambda: point.spawn(follow))


def change_configuration(point: ChargePoint, request: Payload) -> Response:
    """Section 5.3."""
    status = point.configuration.change(request["key"], request["value"])
    return Response({"status": status}, point.bell.ring)


def clear_cache(_: ChargePoint, __: Payload) -> Response:
    """Section 5.4: there is no cache, so it is clear."""
    return ACCEPTED


def get_configuration(point: ChargePoint, request: Payload) -> Response:
    """Section 5.8."""
    return Response(point.configuration.listed(request.get("key", ())))


def remote_start_transaction(point: ChargePoint, request: Payload) -> Response:
    """Section 5.11: only on a free connector, and only on ours."""
    if request.get("connectorId", CONNECTOR) != CONNECTOR or not point.free:
        return REJECTED
    return Response({"status": "Accepted"}, point.start_remotely(request["idTag"]))


def remote_stop_transaction(point: ChargePoint, request: Payload) -> Response:
    """Section 5.12."""
    session = point.session
    if session is None or session.stopping or session.transaction.id != request["transactionId"]:
        return REJECTED
    return Response({"status": "Accepted"}, lambda: session.stop("Remote"))


def reset(point: ChargePoint, request: Payload) -> Response:
    """Section 5.14: a running transaction is stopped first, also for a Hard one."""
    return Response({"status": "Accepted"}, lambda: point.spawn(point.reset, request["type"]))


def trigger_message(point: ChargePoint, request: Payload) -> Response:
    """Section 5.17."""
    connector_id = request.get("connectorId")
    wanted = request["requestedMessage"]
    allowed = {None, 0, CONNECTOR} if wanted == "StatusNotification" else {None, CONNECTOR}
    if connector_id not in allowed:
        return REJECTED

    async def meter_values() -> None:
        payload = point.meter_values("Trigger")
        if point.session is not None and point.session.transaction.id is not None:
            payload["transactionId"] = point.session.transaction.id
        await point.uplink.notify("MeterValues", payload, at_once=True)

    async def status_notification() -> None:
        for number in (0, CONNECTOR) if connector_id is None else (connector_id,):
            await point.report_status(number, at_once=True)

    async def idle(action: str) -> None:
        await point.uplink.notify(action, {"status": "Idle"}, at_once=True)

    async def follow() -> None:
        if wanted == "BootNotification":
            await point.uplink.boot_again()
        elif wanted == "Heartbeat":
            await point.uplink.notify("Heartbeat", {}, at_once=True)
        elif wanted == "MeterValues":
            await meter_values()
        elif wanted == "StatusNotification":
            await status_notification()
        else:
            await idle(wanted)

    return Response({"status": "Accepted"}, lambda: point.spawn(follow))


def unlock_connector(point: ChargePoint, request: Payload) -> Response:
    """Section 5.18: a running transaction is stopped."""
    if request["connectorId"] != CONNECTOR:
        return Response({"status": "NotSupported"})
    session = point.session
    if session is None:
        return Response({"status": "Unlocked"})
    return Response({"status": "Unlocked"}, lambda: session.stop("UnlockCommand"))


COMMANDS: Mapping[str, Command] = {
    "ChangeAvailability": change_availability,
    "ChangeConfiguration": change_configuration,
    "ClearCache": clear_cache,
    "GetConfiguration": get_configuration,
    "RemoteStartTransaction": remote_start_transaction,
    "RemoteStopTransaction": remote_stop_transaction,
    "Reset": reset,
    "TriggerMessage": trigger_message,
    "UnlockConnector": unlock_connector,
}
