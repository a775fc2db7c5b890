"""Meter values: every sampled value that charge points sent, as they sent it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec
from msgspec import Meta
from starlette.responses import Response

from ocpp_trio.api.answers import Resource, Timestamp
from ocpp_trio.api.listing import ListQuery, Source, answer_list
from ocpp_trio.api.operation import Call, operation
from ocpp_trio.api.params import ChargePointId, Int64, Moment, moment
from ocpp_trio.domain.times import format_timestamp
from ocpp_trio.store import readings
from ocpp_trio.store.database import Row

TAG = "Meter values"

Word = Annotated[str, Meta(max_length=100)]


class MeterValue(Resource):
    """A sampled value. `value` is its text as sent, `number` the same as a number if it is one.

    What the charge point left out has the default of OCPP 1.6. `source` is the message it came in:
    MeterValues, TransactionData (of a stop) or Backup. `transactionId` is null if it named none.
    """

    id: int
    transaction_id: int | None
    charge_point_id: str
    connector_id: int
    timestamp: Timestamp | None
    value: str
    number: float | None
    unit: str | None
    measurand: str
    source: str
    phase: str | None
    context: str
    location: str
    format: str
    checksum: Annotated[str, Meta(description="SHA-256 of SignedData, made when stored")] | None


def _show(row: Row) -> MeterValue:
    return MeterValue(
        id=row["id"],
        transaction_id=row["transaction_id"] or None,
        charge_point_id=row["charge_point_id"],
        connector_id=row["connector_id"],
        timestamp=format_timestamp(row["timestamp"]),
        value=row["value"],
        number=row["number"],
        unit=row["unit"],
        measurand=row["measurand"],
        source=row["source"],
        phase=row["phase"],
        context=row["context"],
        location=row["location"],
        format=row["format"],
        checksum=row["checksum"],
    )


class MeterValuesQuery(ListQuery, forbid_unknown_fields=True):
    """Which sampled values; all that is given must fit."""

    charge_point_id: ChargePointId | None = None
    transaction_id: Annotated[Int64, Meta(description="0: of none")] | None = None
    connector_id: Int64 | None = None
    measurand: Word | None = None
    phase: Word | None = None
    context: Word | None = None
    location: Word | None = None
    format: Word | None = None
    source: Word | None = None
    since: Moment | None = msgspec.field(name="from", default=None)
    until: Moment | None = msgspec.field(name="to", default=None)


@operation(
    tag=TAG,
    answer=list[MeterValue],
    query=MeterValuesQuery,
    example={"transactionId": "12345", "measurand": "Energy.Active.Import.Register"},
)
async def list_meter_values(call: Call[MeterValuesQuery, None]) -> Response:
    """List sampled values, newest first.

    Of a charge point those of its newest transaction come first, those without transaction last; of
    all charge points in the order they came, and a filter then looks at the newest 1,000,000. More
    than 10,000 are not counted: the answer then has no X-Total-Count.
    """
    query, database = call.query, call.context.database
    wanted = readings.Filter(
        charge_point_id=query.charge_point_id,
        transaction_id=query.transaction_id,
        connector_id=query.connector_id,
        measurand=query.measurand,
        phase=query.phase,
        context=query.context,
        location=query.location,
        format=query.format,
        source=query.source,
        since=moment("from", query.since),
        until=moment("to", query.until),
    )

    async def page(limit: int, offset: int) -> tuple[Sequence[Row], int | None]:
        return await database.read(readings.page, wanted, limit, offset)

    async def behind(row: Row, limit: int) -> Sequence[Row]:
        return await database.read(readings.behind, wanted, row, limit)

    return await answer_list(call, Source(page, behind, _show))
