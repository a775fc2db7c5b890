"""Review items: messages that fit nothing, and what a person decides about them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import msgspec
import structlog
from msgspec import Meta
from starlette.responses import Response

from ocpp_trio.api.answers import Resource, Timestamp, answer, parsed
from ocpp_trio.api.auth import OPERATE
from ocpp_trio.api.listing import ListQuery, Source, answer_list
from ocpp_trio.api.operation import Call, operation
from ocpp_trio.api.params import (
    ChargePointId,
    Int64,
    Moment,
    NoQuery,
    Note,
    Strict,
    moment,
    number_in,
)
from ocpp_trio.api.problems import Problem
from ocpp_trio.domain.times import format_timestamp
from ocpp_trio.ocppj import frames
from ocpp_trio.store import resolving, review
from ocpp_trio.store.database import Row
from ocpp_trio.store.resolving import Decision

log = structlog.get_logger()

TAG = "Review"

DEFAULT_LIMIT = 100


class ReplacedStop(Resource):
    """The end of a transaction that an attached stop took the place of."""

    timestamp: Timestamp | None
    meter_stop: Annotated[int, Meta(description="Wh")]
    reason: str | None
    id_tag: str | None
    stopped_by: Annotated[str | None, Meta(description="station or hand")]
    received_at: Timestamp | None
    flags: list[str]


class ReviewItem(Resource):
    """A message that was answered and fits nothing in the books.

    `suggestion` is a transaction that may fit, `transactionId` the one it was attached to, and
    `replaced` what that had before. `resolution` is null, attached or discarded.
    """

    id: int
    kind: Annotated[str, Meta(description="unmatched, conflict or absurd")]
    charge_point_id: str
    action: str
    reason: str
    message: Annotated[Any, Meta(description="the payload; null in a list if it is very long")]
    suggestion: int | None
    times: Annotated[int, Meta(description="how often it came")]
    received_at: Timestamp | None
    resolution: str | None
    resolved_at: Timestamp | None
    actor: str | None
    note: str | None
    transaction_id: int | None
    replaced: ReplacedStop | None


def _show(row: Row) -> ReviewItem:
    return ReviewItem(
        id=row["id"],
        kind=row["kind"],
        charge_point_id=row["charge_point_id"],
        action=row["action"],
        reason=row["reason"],
        message=parsed(row["message"]),
        suggestion=row["suggestion"],
        times=row["times"],
        received_at=format_timestamp(row["received_at"]),
        resolution=row["resolution"],
        resolved_at=format_timestamp(row["resolved_at"]),
        actor=row["actor"],
        note=row["note"],
        transaction_id=row["transaction_id"],
        replaced=_replaced(row["replaced"]),
    )


def _replaced(text: str | None) -> ReplacedStop | None:
    if text is None:
        return None
    stop = json.loads(text)
    return ReplacedStop(
        timestamp=format_timestamp(stop["stopped_at"]),
        meter_stop=stop["meter_stop"],
        reason=stop["stop_reason"],
        id_tag=stop["stop_id_tag"],
        stopped_by=stop["stopped_by"],
        received_at=format_timestamp(stop["stop_received_at"]),
        flags=stop["flags"].split(),
    )


class ReviewQuery(ListQuery, forbid_unknown_fields=True):
    """Which items; without `limit` 100. `from` and `to` are about when they came first."""

    charge_point_id: ChargePointId | None = None
    kind: Literal["unmatched", "conflict", "absurd"] | None = None
    action: Literal["StartTransaction", "MeterValues", "StopTransaction"] | None = None
    state: Literal["open", "resolved", "all"] = "open"
    since: Moment | None = msgspec.field(default=None, name="from")
    until: Moment | None = msgspec.field(default=None, name="to")


@operation(
    tag=TAG,
    answer=list[ReviewItem],
    query=ReviewQuery,
    example={"chargePointId": "CP001", "kind": "unmatched"},
)
async def list_review_items(call: Call[ReviewQuery, None]) -> Response:
    """List review items, newest first: the open ones, 100 if no limit is given."""
    query, database = call.query, call.context.database
    filters = {
        "charge_point_id": query.charge_point_id,
        "kind": query.kind,
        "action": query.action,
        "is_open": {"open": 1, "resolved": 0, "all": None}[query.state],
        "since": moment("from", query.since),
        "until": moment("to", query.until),
    }

    async def page(limit: int, offset: int) -> tuple[Sequence[Row], int]:
        return await database.read(review.page, filters, limit, offset)

    async def behind(row: Row, limit: int) -> Sequence[Row]:
        raise AssertionError("there is always a limit")

    return await answer_list(call, Source(page, behind, _show), DEFAULT_LIMIT)


async def _find(call: Call[Any, Any]) -> Row:
    row = await call.context.database.read(review.find, number_in(call.id))
    if row is None:
        raise Problem("not-found", f"there is no review item {call.id}")
    return row


@operation(tag=TAG, answer=ReviewItem, problems=("not-found",))
async def read_review_item(call: Call[NoQuery, None]) -> Response:
    """Show a review item, its message whole."""
    return answer(_show(await _find(call)))


class Attachment(Strict):
    """Where it belongs; without `transactionId` the suggestion counts."""

    transaction_id: Int64 | None = None
    note: Note | None = None


@operation(
    tag=TAG,
    answer=ReviewItem,
    role=OPERATE,
    body=Attachment,
    example={"transactionId": 12345, "note": "seen on site"},
    problems=("not-found", "conflict"),
)
async def attach_review_item(call: Call[NoQuery, Attachment]) -> Response:
    """Let a message count after all.

    Meter values and stops go to the transaction of `transactionId`, where a stop takes the place of
    the one that is there. A start becomes a transaction of its own. What is absurd is accepted as
    it is.
    """
    item, context, body = await _find(call), call.context, call.body
    # Read again as it was when it came: what its station spells loosely was mended then, too.
    frame = frames.parse(f'[2,"1","{item["action"]}",{item["message"]}]')
    if not isinstance(frame, frames.Call):
        raise Problem("conflict", f"the message of review item {call.id} cannot be read")
    decision = Decision(
        call.actor,
        body.note,
        body.transaction_id,
        context.settings.unknown_tags == "accept",
        context.settings.unknown_tags_limit,
    )
    row = await context.database.write(
        resolving.attach, item["id"], frame.payload, decision, context.now()
    )
    return _resolved(call, row)


class Dismissal(Strict):
    """Why."""

    note: Note | None = None


@operation(
    tag=TAG,
    answer=ReviewItem,
    role=OPERATE,
    body=Dismissal,
    example={"note": "test of the installer"},
    problems=("not-found", "conflict"),
)
async def discard_review_item(call: Call[NoQuery, Dismissal]) -> Response:
    """Let a message rest: the books stay as they are, and the item stays as resolved."""
    item, context = await _find(call), call.context
    decision = Decision(call.actor, call.body.note)
    row = await context.database.write(resolving.discard, item["id"], decision, context.now())
    return _resolved(call, row)


def _resolved(call: Call[Any, Any], row: Row) -> Response:
    log.info(
        f"review item {row['resolution']}",
        source="api",
        charge_point=row["charge_point_id"],
        item=row["id"],
        kind=row["kind"],
        action=row["action"],
        transaction=row["transaction_id"],
        by=call.actor,
    )
    return answer(_show(row))
