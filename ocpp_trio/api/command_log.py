"""The records of commands: what was asked, what became of it, and cancelling what is not sent."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from starlette.responses import Response

from ocpp_trio.api.answers import Resource, Timestamp, answer, parsed
from ocpp_trio.api.auth import OPERATE
from ocpp_trio.api.listing import ListQuery, answer_newest_first
from ocpp_trio.api.operation import Call, operation
from ocpp_trio.api.params import ChargePointId, Moment, Natural, NoQuery, moment, number_in
from ocpp_trio.api.problems import Problem
from ocpp_trio.domain.redaction import redact
from ocpp_trio.domain.times import format_timestamp
from ocpp_trio.store import commands
from ocpp_trio.store.database import Row

TAG = "Commands"

UNFINISHED = frozenset({"queued", "sent"})

State = Literal[
    "queued",
    "sent",
    "accepted",
    "refused",
    "error",
    "timeout",
    "late",
    "replaced",
    "expired",
    "cancelled",
    "unknown",
]


class CommandRecord(Resource):
    """A command. States: queued, sent, accepted, refused, error, timeout, late, replaced, expired,
    cancelled, unknown (it was sent, then the server ended).
    """

    id: int
    charge_point_id: str
    action: str
    payload: Any
    actor: str
    state: str
    created_at: Timestamp | None
    sent_at: Timestamp | None
    answered_at: Timestamp | None
    expires_at: Timestamp | None
    response: Any
    error: str | None
    reason: str | None
    batch_id: int | None
    # Of a remote start: the transaction that followed.
    transaction_id: int | None


def show(row: Row) -> CommandRecord:
    """A command's row as the API shows it."""
    return CommandRecord(
        id=row["id"],
        charge_point_id=row["charge_point_id"],
        action=row["action"],
        payload=redact(parsed(row["payload"])),
        actor=row["actor"],
        state=row["state"],
        created_at=format_timestamp(row["created_at"]),
        sent_at=format_timestamp(row["sent_at"]),
        answered_at=format_timestamp(row["answered_at"]),
        expires_at=format_timestamp(row["expires_at"]),
        response=parsed(row["response"]),
        error=row["error"],
        reason=row["reason"],
        batch_id=row["batch_id"],
        transaction_id=row["transaction_id"],
    )


def answer_record(row: Row) -> Response:
    """A command's record instead of its station's answer: 202 while there is none."""
    status = 202 if row["state"] in UNFINISHED else 200
    return answer(show(row), status, {"Location": f"/api/commands/{row['id']}"})


class CommandsQuery(ListQuery, forbid_unknown_fields=True):
    """Which commands; all without any."""

    charge_point_id: ChargePointId | None = None
    action: str | None = None
    state: State | None = None
    actor: str | None = None
    batch_id: Natural | None = None
    since: Moment | None = msgspec.field(default=None, name="from")
    until: Moment | None = msgspec.field(default=None, name="to")


@operation(
    tag=TAG,
    answer=list[CommandRecord],
    query=CommandsQuery,
    example={"chargePointId": "CP001", "state": "queued"},
)
async def list_commands(call: Call[CommandsQuery, None]) -> Response:
    """List commands, newest first."""
    query = call.query
    which = commands.Filter(
        query.charge_point_id,
        query.action,
        query.state,
        query.actor,
        query.batch_id,
        moment("from", query.since),
        moment("to", query.until),
    )

    return await answer_newest_first(call, commands.listing, which, show)


@operation(tag=TAG, answer=CommandRecord, query=NoQuery, problems=("not-found",))
async def read_command(call: Call[NoQuery, None]) -> Response:
    """Show a command and what became of it."""
    row = await call.context.database.read(commands.find, number_in(call.id))
    if row is None:
        raise Problem("not-found", f"there is no command {call.id}")
    return answer(show(row))


@operation(
    tag=TAG,
    answer=CommandRecord,
    role=OPERATE,
    query=NoQuery,
    problems=("not-found", "conflict"),
)
async def cancel_command(call: Call[NoQuery, None]) -> Response:
    """Cancel a command that was not sent yet.

    What was sent cannot be taken back: 409.
    """
    number = number_in(call.id)
    row = await call.context.commands.cancel(number, call.actor)
    if row is None:
        found = await call.context.database.read(commands.find, number)
        if found is None:
            raise Problem("not-found", f"there is no command {call.id}")
        raise Problem(
            "conflict", f"command {number} is {found['state']}: only a queued one can be cancelled"
        )
    return answer(show(row))
