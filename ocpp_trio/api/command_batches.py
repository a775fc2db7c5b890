"""One command for many charge points: sent so many at once, a record each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta
from starlette.responses import Response

from ocpp_trio.api.answers import Resource, Timestamp, answer
from ocpp_trio.api.auth import OPERATE
from ocpp_trio.api.command_log import TAG, UNFINISHED
from ocpp_trio.api.listing import ListQuery, Source, answer_list
from ocpp_trio.api.operation import Call, operation
from ocpp_trio.api.params import ChargePointId, NoQuery, Strict, number_in
from ocpp_trio.api.problems import Problem, invalid
from ocpp_trio.api.sending import Expires, Timeout, check, check_expires
from ocpp_trio.domain.redaction import redact
from ocpp_trio.domain.times import format_timestamp
from ocpp_trio.store import command_batches
from ocpp_trio.store.command_batches import NewBatch, Selection
from ocpp_trio.store.database import Row

MAX_NAMED = 20


class CommandBatch(Resource):
    """A batch: what is asked, and how many of its commands are in each state. `done` when none is
    queued or sent.
    """

    id: int
    action: str
    payload: Any
    actor: str
    concurrency: int
    created_at: Timestamp | None
    expires_at: Timestamp | None
    done: bool
    total: int
    queued: int = 0
    sent: int = 0
    accepted: int = 0
    refused: int = 0
    error: int = 0
    timeout: int = 0
    late: int = 0
    replaced: int = 0
    expired: int = 0
    cancelled: int = 0
    unknown: int = 0


def show(row: Row) -> CommandBatch:
    """A batch as the API shows it."""
    states = row["states"]
    return CommandBatch(
        id=row["id"],
        action=row["action"],
        payload=redact(msgspec.json.decode(row["payload"])),
        actor=row["actor"],
        concurrency=row["concurrency"],
        created_at=format_timestamp(row["created_at"]),
        expires_at=format_timestamp(row["expires_at"]),
        done=not UNFINISHED & states.keys(),
        total=row["total"],
        **states,
    )


def answer_batch(row: Row) -> Response:
    """A batch that goes on by itself."""
    return answer(show(row), 202, {"Location": f"/api/command-batches/{row['id']}"})


class BatchFilter(Strict):
    """Which charge points: all that fit what is given."""

    registration: Literal["Accepted", "Pending", "Rejected"] | None = None
    vendor: str | None = None
    model: str | None = None
    firmware_version: str | None = None
    connected: bool | None = None


class BatchRequest(Strict):
    """What to ask, and whom: `chargePointIds` or `filter`. `payload` as OCPP spells it; without one
    empty. `timeout` and `expires` as for a single command.
    """

    action: str
    payload: dict[str, Any] | None = None
    charge_point_ids: list[ChargePointId] | None = None
    filter: BatchFilter | None = None
    timeout: Timeout | None = None
    expires: Expires | None = None
    concurrency: (
        Annotated[int, Meta(ge=1, description="so many charge points at once, at most")] | None
    ) = None


@operation(
    tag=TAG,
    answer=CommandBatch,
    status=202,
    role=OPERATE,
    query=NoQuery,
    body=BatchRequest,
    example={
        "action": "ChangeAvailability",
        "payload": {"connectorId": 0, "type": "Inoperative"},
        "filter": {"vendor": "Acme", "firmwareVersion": "1.2.3"},
        "expires": 86400,
    },
    problems=("charge-point-unknown", "not-found"),
    idempotent=True,
)
async def create_batch(call: Call[NoQuery, BatchRequest]) -> Response:
    """Send a command to many charge points.

    The payload is checked once, before anything is sent. With `expires` the commands for those that
    cannot be asked now are kept; without it they end as `expired`.
    """
    body, context = call.body, call.context
    settings = context.settings
    payload = body.payload or {}
    check(body.action, payload, settings)
    check_expires(body.expires, settings)
    concurrency = min(body.concurrency or settings.batch_concurrency, settings.batch_concurrency)
    now = context.now()
    timeout = settings.command_timeout if body.timeout is None else body.timeout
    new = NewBatch(
        body.action,
        msgspec.json.encode(payload).decode(),
        call.actor,
        concurrency,
        None if body.expires is None else now + int(body.expires * 1000),
        int(timeout * 1000),
        call.idempotency_id,
        int(settings.remote_start_expiry * 1000),
        context.node.id,
    )
    created = await context.database.write(
        command_batches.create, new, _wanted(body), settings.batch_size, now
    )
    if created.unknown:
        raise Problem(
            "charge-point-unknown",
            f"{len(created.unknown)} of the charge points are not registered",
            errors=[("chargePointIds", each) for each in created.unknown[:MAX_NAMED]],
        )
    if created.total > settings.batch_size:
        raise invalid(
            "filter" if body.filter else "chargePointIds",
            f"names {created.total} charge points; at most {settings.batch_size}"
            " (OCPP_BATCH_SIZE) at once",
        )
    if created.batch_id is None:
        raise Problem("not-found", "no charge point fits the filter")
    context.commands.batches.start(created.batch_id, concurrency)
    row = await context.database.read(command_batches.find, created.batch_id)
    assert row is not None
    return answer_batch(row)


def _wanted(body: BatchRequest) -> Selection | list[str]:
    if (body.charge_point_ids is None) == (body.filter is None):
        message = "one of chargePointIds and filter is required"
        raise Problem(
            "invalid-request", message, errors=[("chargePointIds", message), ("filter", message)]
        )
    if body.filter is None:
        if not body.charge_point_ids:
            raise invalid("chargePointIds", "must name at least one charge point")
        return body.charge_point_ids
    which = body.filter
    connected = None if which.connected is None else int(which.connected)
    return Selection(
        which.registration, which.vendor, which.model, which.firmware_version, connected
    )


class BatchesQuery(ListQuery, forbid_unknown_fields=True):
    """Which batches; all without any."""

    action: str | None = None
    actor: str | None = None


@operation(
    tag=TAG,
    answer=list[CommandBatch],
    query=BatchesQuery,
    example={"action": "ChangeAvailability", "limit": "20"},
)
async def list_batches(call: Call[BatchesQuery, None]) -> Response:
    """List batches, newest first."""
    query, database = call.query, call.context.database

    async def page(limit: int, offset: int) -> tuple[Sequence[Row], int]:
        rows = await database.read(
            command_batches.page, query.action, query.actor, None, limit, offset
        )
        return rows, await database.read(command_batches.count, query.action, query.actor)

    async def behind(row: Row, limit: int) -> Sequence[Row]:
        return await database.read(
            command_batches.page, query.action, query.actor, row["id"], limit, 0
        )

    return await answer_list(call, Source(page, behind, show))


@operation(tag=TAG, answer=CommandBatch, query=NoQuery, problems=("not-found",))
async def read_batch(call: Call[NoQuery, None]) -> Response:
    """Show how far a batch has come.

    Its commands are listed by `GET /api/commands?batchId=`.
    """
    return answer(show(await _find(call)))


@operation(tag=TAG, answer=CommandBatch, role=OPERATE, query=NoQuery, problems=("not-found",))
async def cancel_batch(call: Call[NoQuery, None]) -> Response:
    """Cancel what a batch has not sent yet."""
    row = await _find(call)
    await call.context.commands.cancel_batch(row["id"], call.actor)
    return answer(show(await _find(call)))


async def _find(call: Call[Any, Any]) -> Row:
    row = await call.context.database.read(command_batches.find, number_in(call.id))
    if row is None:
        raise Problem("not-found", f"there is no batch {call.id}")
    return row
