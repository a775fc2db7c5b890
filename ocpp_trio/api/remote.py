"""Transactions from afar: commands to start and to stop one."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta
from starlette.responses import Response

from ocpp_trio.api.answers import answer
from ocpp_trio.api.operation import Call
from ocpp_trio.api.params import IdTag, Int64, Natural
from ocpp_trio.api.problems import Problem
from ocpp_trio.api.sending import Command, CommandAnswer, SendQuery, command, send, words
from ocpp_trio.ocppj.actions import ACTIONS
from ocpp_trio.store import transactions

ChargingProfile = Annotated[
    dict[str, Any],
    Meta(
        description="as OCPP spells it: a TxProfile without transactionId, whose first period"
        " starts at 0",
        extra_json_schema=ACTIONS["RemoteStartTransaction"].request_schema["properties"][
            "chargingProfile"
        ],
    ),
]


class RemoteStart(Command):
    """Which tag is to charge, and where; without a connector (or 0) the charge point chooses."""

    id_tag: IdTag
    connector_id: Natural | None = None
    charging_profile: ChargingProfile | None = None


@command(
    body=RemoteStart,
    example={"chargePointId": "CP001", "idTag": "RFID123", "connectorId": 1},
    problems=("charging-profile-rule",),
)
async def remote_start(call: Call[SendQuery, RemoteStart]) -> Response:
    """Ask a charge point to start a transaction."""
    body = call.body
    payload: dict[str, Any] = {"idTag": body.id_tag}
    if body.connector_id:
        payload["connectorId"] = body.connector_id
    if body.charging_profile is not None:
        payload["chargingProfile"] = body.charging_profile
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
