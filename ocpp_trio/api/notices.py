"""What charge points tell beside their sessions: security events and vendors' data."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta
from starlette.responses import Response

from ocpp_trio.api.answers import Resource, Timestamp
from ocpp_trio.api.listing import ListQuery, answer_newest_first
from ocpp_trio.api.operation import Call, operation
from ocpp_trio.api.params import ChargePointId, Moment, moment
from ocpp_trio.domain.times import format_timestamp
from ocpp_trio.store import data_transfers, security_events
from ocpp_trio.store.database import Row

TAG = "Notices"


class SecurityEvent(Resource):
    """A security event. `timestamp` is the charge point's, or ours if that cannot be believed."""

    id: int
    charge_point_id: str
    type: str
    is_critical: bool
    timestamp: Timestamp | None
    tech_info: str
    received_at: Timestamp | None


def _show_event(row: Row) -> SecurityEvent:
    return SecurityEvent(
        id=row["id"],
        charge_point_id=row["charge_point_id"],
        type=row["type"],
        is_critical=bool(row["is_critical"]),
        timestamp=format_timestamp(row["timestamp"]),
        tech_info=row["tech_info"],
        received_at=format_timestamp(row["received_at"]),
    )


class SecurityEventsQuery(ListQuery, forbid_unknown_fields=True):
    """Which events."""

    charge_point_id: ChargePointId | None = None
    type: str | None = None
    is_critical: bool | None = None
    since: Moment | None = msgspec.field(default=None, name="from")
    until: Moment | None = msgspec.field(default=None, name="to")


@operation(
    tag=TAG,
    answer=list[SecurityEvent],
    query=SecurityEventsQuery,
    example={"chargePointId": "CP001", "isCritical": "true"},
)
async def list_security_events(call: Call[SecurityEventsQuery, None]) -> Response:
    """List security events, newest first.

    Critical are those that the Security Whitepaper calls so; they are in the log as well.
    """
    query = call.query
    which = security_events.Filter(
        query.charge_point_id,
        query.type,
        None if query.is_critical is None else int(query.is_critical),
        moment("from", query.since),
        moment("to", query.until),
    )
    return await answer_newest_first(call, security_events.listing, which, _show_event)


class DataTransfer(Resource):
    """A DataTransfer of a charge point, and the status it was answered with."""

    id: int
    charge_point_id: str
    vendor_id: str
    message_id: str | None
    data: str | None
    answer: str
    received_at: Timestamp | None


def _show_transfer(row: Row) -> DataTransfer:
    return DataTransfer(
        id=row["id"],
        charge_point_id=row["charge_point_id"],
        vendor_id=row["vendor_id"],
        message_id=row["message_id"],
        data=row["data"],
        answer=row["answer"],
        received_at=format_timestamp(row["received_at"]),
    )


class DataTransfersQuery(ListQuery, forbid_unknown_fields=True):
    """Which transfers."""

    charge_point_id: ChargePointId | None = None
    vendor_id: Annotated[str, Meta(max_length=255)] | None = None
    message_id: Annotated[str, Meta(max_length=50)] | None = None
    since: Moment | None = msgspec.field(default=None, name="from")
    until: Moment | None = msgspec.field(default=None, name="to")


@operation(
    tag=TAG,
    answer=list[DataTransfer],
    query=DataTransfersQuery,
    example={"chargePointId": "CP001"},
)
async def list_data_transfers(call: Call[DataTransfersQuery, None]) -> Response:
    """List what charge points sent of their vendors' own data, newest first."""
    query = call.query
    which = data_transfers.Filter(
        query.charge_point_id,
        query.vendor_id,
        query.message_id,
        moment("from", query.since),
        moment("to", query.until),
    )
    return await answer_newest_first(call, data_transfers.listing, which, _show_transfer)
