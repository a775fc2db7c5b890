"""Commands of the core profile that are no more than their payload, and any command by name."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta
from starlette.responses import Response

from ocpp_trio.api.answers import answer
from ocpp_trio.api.operation import Call
from ocpp_trio.api.params import Natural
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

    connector_id: Natural


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


class ChangeAvailability(Command):
    """Which connector (0: the charge point as a whole), and whether it may be used from now on."""

    connector_id: Natural
    type: Literal["Inoperative", "Operative"]


@command(
    body=ChangeAvailability,
    example={"chargePointId": "CP001", "connectorId": 1, "type": "Inoperative"},
)
async def change_availability(call: Call[SendQuery, ChangeAvailability]) -> Response:
    """Ask a charge point to take a connector out of service, or back into it.

    Scheduled: it will, when the transaction that runs is over.
    """
    body = call.body
    payload = {"connectorId": body.connector_id, "type": body.type}
    outcome = await send(call, body.charge_point_id, "ChangeAvailability", payload)
    return answer(CommandAnswer(**words(body.charge_point_id, outcome)))


class DataTransfer(Command):
    """A vendor's own message; what is in it is between the vendor and you."""

    vendor_id: Annotated[str, Meta(max_length=255)]
    message_id: Annotated[str, Meta(max_length=50)] | None = None
    data: str | None = None


class DataTransferAnswer(CommandAnswer):
    """What the charge point answered, and the data in it."""

    data: str | None


@command(
    body=DataTransfer,
    example={"chargePointId": "CP001", "vendorId": "com.example", "messageId": "Ping"},
    answer=DataTransferAnswer,
)
async def data_transfer(call: Call[SendQuery, DataTransfer]) -> Response:
    """Send a charge point a message of its vendor's."""
    body = call.body
    payload = {"vendorId": body.vendor_id}
    if body.message_id is not None:
        payload["messageId"] = body.message_id
    if body.data is not None:
        payload["data"] = body.data
    outcome = await send(call, body.charge_point_id, "DataTransfer", payload)
    data = outcome.response.get("data")
    return answer(DataTransferAnswer(**words(body.charge_point_id, outcome), data=data))


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
