"""Connectors: the newest status of each, and every one before it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from starlette.responses import Response

from ocpp_trio.api.answers import Resource, Timestamp
from ocpp_trio.api.listing import ListQuery, Source, answer_list, answer_newest_first
from ocpp_trio.api.operation import Call, operation
from ocpp_trio.api.params import ChargePointId, Int64, Moment, moment
from ocpp_trio.domain.times import format_timestamp
from ocpp_trio.store import connectors
from ocpp_trio.store.database import Row

TAG = "Charge points"


class Connector(Resource):
    """A connector; `connectorId` 0 is the charge point itself."""

    id: int
    charge_point_id: str
    connector_id: int
    status: str
    error_code: str
    info: str | None
    vendor_id: str | None
    vendor_error_code: str | None
    status_timestamp: Timestamp | None
    updated_at: Timestamp | None


def show(row: Row) -> Connector:
    """A stored connector as the API shows it."""
    return Connector(
        id=row["id"],
        charge_point_id=row["charge_point_id"],
        connector_id=row["connector_id"],
        status=row["status"],
        error_code=row["error_code"],
        info=row["info"],
        vendor_id=row["vendor_id"],
        vendor_error_code=row["vendor_error_code"],
        status_timestamp=format_timestamp(row["status_timestamp"]),
        updated_at=format_timestamp(row["updated_at"]),
    )


class ConnectorsQuery(ListQuery, kw_only=True):
    """Which charge point's."""

    charge_point_id: ChargePointId


@operation(
    tag=TAG,
    answer=list[Connector],
    query=ConnectorsQuery,
    example={"chargePointId": "CP001"},
)
async def list_connectors(call: Call[ConnectorsQuery, None]) -> Response:
    """List the connectors of a charge point, by number.

    A charge point that is not known has none.
    """
    rows = await call.context.database.read(connectors.of_charge_point, call.query.charge_point_id)

    async def page(limit: int, offset: int) -> tuple[Sequence[Row], int]:
        return rows[offset : offset + limit], len(rows)

    async def behind(row: Row, limit: int) -> Sequence[Row]:
        return [each for each in rows if each["connector_id"] > row["connector_id"]][:limit]

    return await answer_list(call, Source(page, behind, show))


class StatusChange(Resource):
    """One StatusNotification as it came."""

    id: int
    charge_point_id: str
    connector_id: int
    status: str
    error_code: str
    info: str | None
    vendor_id: str | None
    vendor_error_code: str | None
    status_timestamp: Timestamp | None
    received_at: Timestamp | None


def _show_change(row: Row) -> StatusChange:
    return StatusChange(
        id=row["id"],
        charge_point_id=row["charge_point_id"],
        connector_id=row["connector_id"],
        status=row["status"],
        error_code=row["error_code"],
        info=row["info"],
        vendor_id=row["vendor_id"],
        vendor_error_code=row["vendor_error_code"],
        status_timestamp=format_timestamp(row["status_timestamp"]),
        received_at=format_timestamp(row["received_at"]),
    )


class StatusHistoryQuery(ListQuery, forbid_unknown_fields=True):
    """Which statuses; `from` and `to` are about when they came."""

    charge_point_id: ChargePointId | None = None
    connector_id: Int64 | None = None
    status: str | None = None
    since: Moment | None = msgspec.field(default=None, name="from")
    until: Moment | None = msgspec.field(default=None, name="to")


@operation(
    tag=TAG,
    answer=list[StatusChange],
    query=StatusHistoryQuery,
    example={"chargePointId": "CP001", "connectorId": "1"},
)
async def list_status_history(call: Call[StatusHistoryQuery, None]) -> Response:
    """List every status that connectors had, newest first."""
    query = call.query
    which = connectors.HistoryFilter(
        query.charge_point_id,
        query.connector_id,
        query.status,
        moment("from", query.since),
        moment("to", query.until),
    )
    return await answer_newest_first(call, connectors.history, which, _show_change)
