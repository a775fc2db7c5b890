"""Composite schedules that charge points answered with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from starlette.responses import Response

from ocpp_trio.api.answers import Resource, Timestamp
from ocpp_trio.api.fields import PeriodQuery, moment
from ocpp_trio.api.listing import Source, answer_list
from ocpp_trio.api.operation import Call, operation
from ocpp_trio.api.params import ChargePointId, Int64
from ocpp_trio.domain.times import format_timestamp
from ocpp_trio.store import composite_schedules
from ocpp_trio.store.database import Row

TAG = "Charging profiles"


class CompositeSchedule(Resource):
    """A schedule as the charge point told it; its periods count from `scheduleStart`."""

    id: int
    charge_point_id: str
    connector_id: int
    requested_duration: int
    requested_unit: str | None
    schedule_start: Timestamp | None
    charging_schedule: Any
    command_id: int
    received_at: Timestamp | None


def _show(row: Row) -> CompositeSchedule:
    schedule = row["schedule"]
    return CompositeSchedule(
        id=row["id"],
        charge_point_id=row["charge_point_id"],
        connector_id=row["connector_id"],
        requested_duration=row["requested_duration"],
        requested_unit=row["requested_unit"],
        schedule_start=format_timestamp(row["schedule_start"]) or row["schedule_start_text"],
        charging_schedule=None if schedule is None else msgspec.json.decode(schedule),
        command_id=row["command_id"],
        received_at=format_timestamp(row["received_at"]),
    )


class SchedulesQuery(PeriodQuery):
    """Which schedules; a period is that of their arrival."""

    charge_point_id: ChargePointId | None = None
    connector_id: Int64 | None = None
    latest: Annotated[bool, Meta(description="only the newest of each connector")] = False


@operation(
    tag=TAG,
    answer=list[CompositeSchedule],
    query=SchedulesQuery,
    example={"chargePointId": "CP001", "latest": "true"},
)
async def list_schedules(call: Call[SchedulesQuery, None]) -> Response:
    """List composite schedules, newest first."""
    query, database = call.query, call.context.database
    filters = composite_schedules.Filters(
        query.charge_point_id,
        query.connector_id,
        moment("from", query.since),
        moment("to", query.until),
        int(query.latest),
    )

    async def page(limit: int, offset: int) -> tuple[Sequence[Row], int]:
        return await database.read(composite_schedules.page, filters, limit, offset)

    async def behind(row: Row, limit: int) -> Sequence[Row]:
        return await database.read(composite_schedules.behind, filters, row["id"], limit)

    return await answer_list(call, Source(page, behind, _show))
