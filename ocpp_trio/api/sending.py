"""Sending a command for an endpoint: check its payload, wait for the answer, put it into words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Annotated, Any

from msgspec import Meta
from starlette.responses import Response

from ocpp_trio.api.answers import Resource
from ocpp_trio.api.auth import OPERATE
from ocpp_trio.api.command_log import TAG, CommandRecord, answer_record
from ocpp_trio.api.locations import check_locations
from ocpp_trio.api.operation import Call, Handler, Operation, Other, operation
from ocpp_trio.api.params import ChargePointId, Lenient
from ocpp_trio.api.problems import Problem, invalid
from ocpp_trio.central.commands import Outcome
from ocpp_trio.config import Settings
from ocpp_trio.domain.command_rules import broken_rules
from ocpp_trio.errors import ChargePointUnknown, CommandQueued
from ocpp_trio.ocppj import frames
from ocpp_trio.ocppj.actions import FROM_CENTRAL_SYSTEM, FROM_CHARGE_POINT
from ocpp_trio.store import charge_points, commands

MAX_TIMEOUT = 600

SUCCESS = frozenset({"Accepted", "Unlocked"})

# Configuration keys whose change needs more than a CALL: the server's own side must change as well.
GUARDED_KEYS = frozenset({"authorizationkey", "securityprofile"})

WITH_PROFILE = frozenset({"RemoteStartTransaction", "SetChargingProfile"})
PROFILE_RULE = "charging-profile-rule"
RULE = "command-rule"

PROBLEMS = (
    "charge-point-unknown",
    "charge-point-not-accepted",
    "too-many-commands",
    "call-error",
    "invalid-answer",
    "command-failed",
    "charge-point-offline",
    "command-timeout",
    "command-replaced",
    "command-expired",
    "command-cancelled",
)
"""Kinds of problem that every command has."""


Timeout = Annotated[
    float, Meta(gt=0, le=MAX_TIMEOUT, description="seconds to wait for the charge point's answer")
]
Expires = Annotated[
    float,
    Meta(gt=0, description="seconds for which the command is kept if it cannot be sent at once"),
]


class SendQuery(Lenient):
    """How to send."""

    timeout: Timeout | None = None
    wait: Annotated[bool, Meta(description="0: answer 202 at once with the record")] = True
    expires: Expires | None = None


class StrictSendQuery(SendQuery, forbid_unknown_fields=True):
    """How to send; unknown parameters are refused."""


class Command(Lenient):
    """A command to a charge point."""

    charge_point_id: ChargePointId


class StrictCommand(Command, forbid_unknown_fields=True):
    """A command to a charge point; unknown fields are refused."""


class CommandAnswer(Resource):
    """What the charge point answered.

    `success`: it said Accepted or Unlocked, or its answer has no status. `status` is its own word,
    `response` its whole answer.
    """

    success: bool
    message: str
    status: str | None
    command_id: int
    response: dict[str, Any]


def command(
    *,
    example: Mapping[str, Any],
    body: type[Command] | None = None,
    answer: type[CommandAnswer] = CommandAnswer,
    query: type[SendQuery] = SendQuery,
    problems: tuple[str, ...] = (),
    role: str = OPERATE,
) -> Callable[[Handler], Operation]:
    """Declare the handler of a command; see ocpp_trio.api.operation.

    The handler need not know of commands that go on without it: `send` leaves it then.
    """
    declare = operation(
        tag=TAG,
        answer=answer,
        role=role,
        query=query,
        body=body,
        example=example,
        problems=(*PROBLEMS, *problems),
        other=Other(202, CommandRecord, "the command goes on; its record will tell the outcome"),
        idempotent=body is not None,
    )

    def wrap(handler: Handler) -> Operation:
        @wraps(handler)
        async def answered(call: Call[Any, Any]) -> Response:
            try:
                return await handler(call)
            except CommandQueued as queued:
                row = await call.context.database.read(commands.find, queued.command_id or 0)
                if row is None:
                    raise
                return answer_record(row)

        return declare(answered)

    return wrap


async def send(
    call: Call[Any, Any],
    charge_point_id: str,
    action: str,
    payload: dict[str, Any],
    reason: str | None = None,
) -> Outcome:
    """Check the payload, send it and wait as the query says. Raises a Problem or a CommandFailed.

    What follows from it in the books is for ocpp_trio.store.effects to say.
    """
    settings = call.context.settings
    check(action, payload, settings)
    query = call.query
    check_expires(query.expires, settings)
    return await call.context.commands.execute(
        charge_point_id,
        action,
        payload,
        actor=call.actor,
        reason=reason,
        timeout=query.timeout,
        expires=query.expires,
        wait=query.wait,
        idempotency_id=call.idempotency_id,
    )


def check_expires(expires: float | None, settings: Settings) -> None:
    """Raise a Problem if a command would be kept for too long."""
    if expires is not None and expires > settings.max_expires:
        raise invalid(
            "expires", f"must not be more than {settings.max_expires:g} s (OCPP_MAX_EXPIRES)"
        )


def check(action: str, payload: dict[str, Any], settings: Settings) -> None:
    """Raise a Problem that names the rule, if this must not be sent to any charge point.

    Only what the protocol itself forbids: whether a connector, transaction or reservation is there
    is for the station to say.
    """
    if action not in FROM_CENTRAL_SYSTEM:
        knows = action in FROM_CHARGE_POINT
        why = "is sent by charge points only" if knows else "is not an action of OCPP 1.6"
        raise invalid("action", f"{why}: a central system does not send it")
    errors = frames.check_request(action, payload)
    if errors:
        raise Problem(
            "invalid-request",
            f"the payload breaks the schema of {action}",
            errors=[(field, message[:200]) for field, message in errors],
        )
    check_locations(action, payload, settings.location_hosts)
    if action == "ChangeConfiguration" and payload["key"].casefold() in GUARDED_KEYS:
        raise Problem(
            "forbidden",
            f"{payload['key']} is changed by POST /api/charge-points/{{id}}/key/rotate or"
            " /security-profile: the server, which checks connections by it, must know of it",
        )
    check_rules(action, payload)


def check_rules(action: str, payload: dict[str, Any]) -> None:
    """Raise a Problem that names the rules of OCPP that a payload breaks, although it fits the
    schema.
    """
    broken = broken_rules(action, payload)
    if broken:
        detail = "; ".join(f"{field} {rule}" for field, rule in broken[:3])
        raise Problem(PROFILE_RULE if action in WITH_PROFILE else RULE, detail, errors=broken)


async def require_charge_point(call: Call[Any, Any], charge_point_id: str) -> None:
    """Raise ChargePointUnknown before anything is stored about a charge point that is not there."""
    if await call.context.database.read(charge_points.find, charge_point_id) is None:
        raise ChargePointUnknown(f"no charge point {charge_point_id} is registered")


def words(charge_point_id: str, outcome: Outcome) -> dict[str, Any]:
    """The fields of a CommandAnswer."""
    status = outcome.response.get("status")
    said = f"charge point {charge_point_id} answered"
    if status == "RebootRequired":
        said += " RebootRequired: it counts after a reset"
    elif status is not None:
        said += f" {status}"
    return {
        "success": status is None or status in SUCCESS,
        "message": said,
        "status": status,
        "command_id": outcome.command_id,
        "response": outcome.response,
    }
