"""The system log: what happened, about which charge point."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta
from starlette.responses import Response

from ocpp_trio.api.answers import Resource, Timestamp
from ocpp_trio.api.listing import ListQuery, Source, answer_list
from ocpp_trio.api.operation import Call, operation
from ocpp_trio.api.params import ChargePointId
from ocpp_trio.api.problems import invalid
from ocpp_trio.domain.times import format_timestamp
from ocpp_trio.store import logs
from ocpp_trio.store.database import Row

TAG = "Logs"

DEFAULT_LIMIT = 100
LEVELS = ("INFO", "WARNING", "ERROR")


class LogEntry(Resource):
    """An entry; `chargePointId` is null if it is about none."""

    id: int
    charge_point_id: str | None
    timestamp: Timestamp | None
    level: str
    source: str
    message: str


def _show(row: Row) -> LogEntry:
    return LogEntry(
        id=row["id"],
        charge_point_id=row["charge_point_id"],
        timestamp=format_timestamp(row["timestamp"]),
        level=row["level"],
        source=row["source"],
        message=row["message"],
    )


class LogsQuery(ListQuery):
    """Which entries; without `limit` 100."""

    charge_point_id: ChargePointId | None = None
    level: Annotated[str, Meta(description="INFO, WARNING or ERROR, in any case")] | None = None


@operation(
    tag=TAG,
    answer=list[LogEntry],
    query=LogsQuery,
    example={"chargePointId": "CP001", "level": "ERROR", "limit": "20"},
)
async def list_logs(call: Call[LogsQuery, None]) -> Response:
    """List log entries, newest first; 100 if no limit is given."""
    query, database = call.query, call.context.database
    level = None if query.level is None else query.level.upper()
    if level is not None and level not in LEVELS:
        raise invalid("level", f"must be one of {', '.join(LEVELS)}")

    async def page(limit: int, offset: int) -> tuple[Sequence[Row], int]:
        point = query.charge_point_id
        return await database.read(logs.page, point, level, limit, offset)

    async def behind(row: Row, limit: int) -> Sequence[Row]:
        raise AssertionError("there is always a limit")

    return await answer_list(call, Source(page, behind, _show), DEFAULT_LIMIT)
