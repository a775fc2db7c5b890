"""The audit trail as the API shows it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta
from starlette.responses import Response

from ocpp_trio.api.answers import Resource, Timestamp, parsed
from ocpp_trio.api.auth import ADMIN
from ocpp_trio.api.fields import PeriodQuery, moment
from ocpp_trio.api.listing import answer_newest_first
from ocpp_trio.api.operation import Call, operation
from ocpp_trio.domain.times import format_timestamp
from ocpp_trio.store import audit
from ocpp_trio.store.database import Row

TAG = "Audit"


class AuditEntry(Resource):
    """Who asked for what. `outcome`: done, refused, failed, or null: under way, or the server ended
    before it was over.
    """

    id: int
    timestamp: Timestamp | None
    actor: str
    role: str | None
    door: str
    remote_address: str | None
    request_id: str | None
    action: str
    method: str | None
    route: str | None
    object_id: str | None
    request: Any
    outcome: str | None
    status: int | None
    finished_at: Timestamp | None


def _show(row: Row) -> AuditEntry:
    return AuditEntry(
        id=row["id"],
        timestamp=format_timestamp(row["recorded_at"]),
        actor=row["actor"],
        role=row["role"],
        door=row["door"],
        remote_address=row["remote_address"],
        request_id=row["request_id"],
        action=row["action"],
        method=row["method"],
        route=row["route"],
        object_id=row["object_id"],
        request=parsed(row["request"]),
        outcome=row["outcome"],
        status=row["status"],
        finished_at=format_timestamp(row["finished_at"]),
    )


class AuditQuery(PeriodQuery):
    """Which entries; all without any."""

    actor: str | None = None
    action: Annotated[str, Meta(description="an operationId, such as adoptChargePoint")] | None = (
        None
    )
    object_id: Annotated[str, Meta(description="id of a charge point, a tag, ...")] | None = None
    outcome: Literal["done", "refused", "failed"] | None = None


@operation(
    tag=TAG,
    answer=list[AuditEntry],
    role=ADMIN,
    query=AuditQuery,
    example={"actor": "ops", "objectId": "CP001"},
)
async def list_audit(call: Call[AuditQuery, None]) -> Response:
    """List who changed or commanded what, newest first."""
    query = call.query
    which = audit.Filter(
        query.actor,
        query.action,
        query.object_id,
        query.outcome,
        moment("from", query.since),
        moment("to", query.until),
    )
    return await answer_newest_first(call, audit.listing, which, _show)
