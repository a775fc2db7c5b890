"""Connectors: the newest status of each."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.responses import Response

from ocpp_trio.api.answers import Resource, Timestamp
from ocpp_trio.api.listing import ListQuery, Source, answer_list
from ocpp_trio.api.operation import Call, operation
from ocpp_trio.api.params import ChargePointId
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
