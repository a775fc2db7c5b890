"""Commands that make a charge point send a message: RemoteTrigger, and its security extension."""

from __future__ import annotations

from typing import Any, Literal

from starlette.responses import Response

from ocpp_trio.api.answers import answer
from ocpp_trio.api.operation import Call
from ocpp_trio.api.params import Natural
from ocpp_trio.api.sending import Command, CommandAnswer, SendQuery, command, send, words


class TriggerMessage(Command):
    """Which message, and about which connector; without one (or 0) about all."""

    requested_message: Literal[
        "BootNotification",
        "DiagnosticsStatusNotification",
        "FirmwareStatusNotification",
        "Heartbeat",
        "MeterValues",
        "StatusNotification",
    ]
    connector_id: Natural | None = None


@command(
    body=TriggerMessage,
    example={
        "chargePointId": "CP001",
        "requestedMessage": "StatusNotification",
        "connectorId": 1,
    },
)
async def trigger_message(call: Call[SendQuery, TriggerMessage]) -> Response:
    """Ask a charge point to send a message now."""
    body = call.body
    payload: dict[str, Any] = {"requestedMessage": body.requested_message}
    if body.connector_id:
        payload["connectorId"] = body.connector_id
    outcome = await send(call, body.charge_point_id, "TriggerMessage", payload)
    return answer(CommandAnswer(**words(body.charge_point_id, outcome)))


class ExtendedTriggerMessage(Command):
    """Which message, and about which connector; without one about all."""

    requested_message: Literal[
        "BootNotification",
        "FirmwareStatusNotification",
        "Heartbeat",
        "LogStatusNotification",
        "MeterValues",
        "SignChargePointCertificate",
        "StatusNotification",
    ]
    connector_id: Natural | None = None


@command(
    body=ExtendedTriggerMessage,
    example={"chargePointId": "CP001", "requestedMessage": "LogStatusNotification"},
)
async def extended_trigger_message(call: Call[SendQuery, ExtendedTriggerMessage]) -> Response:
    """Ask a charge point to send a message now, also one of the security extension."""
    body = call.body
    payload: dict[str, Any] = {"requestedMessage": body.requested_message}
    if body.connector_id is not None:
        payload["connectorId"] = body.connector_id
    outcome = await send(call, body.charge_point_id, "ExtendedTriggerMessage", payload)
    return answer(CommandAnswer(**words(body.charge_point_id, outcome)))
