"""The records of commands: what was asked, and what became of it."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from ocpp_trio.api.answers import Resource, Timestamp, answer, parsed
from ocpp_trio.api.operation import Call, operation
from ocpp_trio.api.params import NoQuery, number_in
from ocpp_trio.api.problems import Problem
from ocpp_trio.api.sending import TAG
from ocpp_trio.domain.times import format_timestamp
from ocpp_trio.store import commands


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
    # Of a remote start: the transaction that followed.
    transaction_id: int | None


@operation(tag=TAG, answer=CommandRecord, query=NoQuery, problems=("not-found",))
async def read_command(call: Call[NoQuery, None]) -> Response:
    """Show a command and what became of it."""
    row = await call.context.database.read(commands.find, number_in(call.id))
    if row is None:
        raise Problem("not-found", f"there is no command {call.id}")
    return answer(
        CommandRecord(
            id=row["id"],
            charge_point_id=row["charge_point_id"],
            action=row["action"],
            payload=parsed(row["payload"]),
            actor=row["actor"],
            state=row["state"],
            created_at=format_timestamp(row["created_at"]),
            sent_at=format_timestamp(row["sent_at"]),
            answered_at=format_timestamp(row["answered_at"]),
            expires_at=format_timestamp(row["expires_at"]),
            response=parsed(row["response"]),
            error=row["error"],
            transaction_id=row["transaction_id"],
        )
    )
