"""Commands to charge points, one endpoint each; those about configuration are beside it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta
from starlette.responses import Response

from ocpp_trio.api.answers import answer
from ocpp_trio.api.operation import Call
from ocpp_trio.api.params import IdTag, Int64, Natural
from ocpp_trio.api.problems import Problem
from ocpp_trio.api.sending import (
    PROFILE_RULE,
    RULE,
    Command,
    CommandAnswer,
    SendQuery,
    command,
    send,
    words,
)
from ocpp_trio.store import transactions

ConnectorId = Annotated[int, Meta(ge=1, le=2**31 - 1)]


class RemoteStart(Command):
    """Which tag is to charge, and where; without a connector (or 0) the charge point chooses."""

    id_tag: IdTag
    connector_id: Natural | None = None


@command(
    body=RemoteStart,
    example={"chargePointId": "CP001", "idTag": "RFID123", "connectorId": 1},
)
async def remote_start(call: Call[SendQuery, RemoteStart]) -> Response:
    """Ask a charge point to start a transaction."""
    body = call.body
    payload: dict[str, Any] = {"idTag": body.id_tag}
    if body.connector_id:
        payload["connectorId"] = body.connector_id
    outcome = await send(call, body.charge_point_id, "RemoteStartTransaction", payload)
    return answer(CommandAnswer(**words(body.charge_point_id, outcome)))


class RemoteStop(Command):
    """Which transaction: by its id, or the newest running one of a connector."""

    transaction_id: Int64 | None = None
    connector_id: Natural | None = None
    reason: Annotated[str, Meta(max_length=255)] | None = None


class RemoteStopAnswer(CommandAnswer):
    """What the charge point answered, and which transaction it was about."""

    transaction_id: int


@command(
    body=RemoteStop,
    example={"chargePointId": "CP001", "transactionId": 12345, "reason": "Completed"},
    answer=RemoteStopAnswer,
    problems=("not-found",),
)
async def remote_stop(call: Call[SendQuery, RemoteStop]) -> Response:
    """Ask a charge point to stop a transaction.

    With `connectorId` instead of `transactionId` the newest running transaction of that connector;
    with both, `transactionId` counts. The reason is kept with the transaction if the charge point
    accepts.
    """
    body, database = call.body, call.context.database
    point, transaction_id = body.charge_point_id, body.transaction_id
    if not transaction_id:
        if not body.connector_id:
            message = "one of transactionId and connectorId is required"
            raise Problem(
                "invalid-request",
                message,
                errors=[("transactionId", message), ("connectorId", message)],
            )
        row = await database.read(transactions.find_open, point, body.connector_id)
        if row is None:
            raise Problem(
                "not-found",
                f"no transaction runs on connector {body.connector_id} of charge point {point}",
            )
        found: int = row["id"]
        transaction_id = found
    payload = {"transactionId": transaction_id}
    outcome = await send(call, point, "RemoteStopTransaction", payload, body.reason)
    return answer(RemoteStopAnswer(**words(point, outcome), transaction_id=transaction_id))


class Reset(Command):
    """How to reset: Soft stops transactions and restarts in order, Hard at once."""

    type: Literal["Soft", "Hard"]


@command(
    body=Reset,
    example={"chargePointId": "CP001", "type": "Soft"},
)
async def reset(call: Call[SendQuery, Reset]) -> Response:
    """Ask a charge point to restart."""
    point = call.body.charge_point_id
    outcome = await send(call, point, "Reset", {"type": call.body.type})
    return answer(CommandAnswer(**words(point, outcome)))


class UnlockConnector(Command):
    """Which connector."""

    connector_id: ConnectorId


@command(
    body=UnlockConnector,
    example={"chargePointId": "CP001", "connectorId": 1},
)
async def unlock_connector(call: Call[SendQuery, UnlockConnector]) -> Response:
    """Ask a charge point to unlock a connector."""
    point = call.body.charge_point_id
    payload = {"connectorId": call.body.connector_id}
    outcome = await send(call, point, "UnlockConnector", payload)
    return answer(CommandAnswer(**words(point, outcome)))


class ClearCache(Command):
    """Whose cache."""


@command(
    body=ClearCache,
    example={"chargePointId": "CP001"},
)
async def clear_cache(call: Call[SendQuery, ClearCache]) -> Response:
    """Ask a charge point to forget the tags it remembers."""
    point = call.body.charge_point_id
    outcome = await send(call, point, "ClearCache", {})
    return answer(CommandAnswer(**words(point, outcome)))


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


class Generic(Command):
    """Any action of OCPP 1.6 (or its security extension) that a central system sends."""

    action: str
    payload: (
        Annotated[dict[str, Any], Meta(description="as OCPP spells it; without one: empty")] | None
    ) = None


@command(
    body=Generic,
    example={
        "chargePointId": "CP001",
        "action": "GetDiagnostics",
        "payload": {"location": "ftp://example.com/diagnostics", "retries": 3},
    },
    problems=(PROFILE_RULE, RULE),
)
async def generic(call: Call[SendQuery, Generic]) -> Response:
    """Send a charge point any command.

    The payload is checked against the action's schema and the rules of OCPP before it is sent.
    """
    body = call.body
    outcome = await send(call, body.charge_point_id, body.action, body.payload or {})
    return answer(CommandAnswer(**words(body.charge_point_id, outcome)))
