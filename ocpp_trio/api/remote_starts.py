"""Remote starts: what was asked for, and which transaction followed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from msgspec import Meta
from starlette.responses import Response

from ocpp_trio.api.answers import Resource, Timestamp
from ocpp_trio.api.listing import ListQuery, Source, answer_list
from ocpp_trio.api.operation import Call, operation
from ocpp_trio.api.params import ChargePointId
from ocpp_trio.api.transactions import TAG
from ocpp_trio.domain.times import format_timestamp
from ocpp_trio.store import remote_starts
from ocpp_trio.store.database import Row


class RemoteStart(Resource):
    """A remote start. `state`: pending, started, refused or expired. `connectorId` is null if the
    charge point was to choose.
    """

    command_id: int
    charge_point_id: str
    connector_id: int | None
    id_tag: str
    state: str
    requested_at: Timestamp | None
    expires_at: Timestamp | None
    transaction_id: int | None


def _show(row: Row) -> RemoteStart:
    return RemoteStart(
        command_id=row["command_id"],
        charge_point_id=row["charge_point_id"],
        connector_id=row["connector_id"],
        id_tag=row["id_tag"],
        state=row["state"],
        requested_at=format_timestamp(row["requested_at"]),
        expires_at=format_timestamp(row["expires_at"]),
        transaction_id=row["transaction_id"],
    )


class RemoteStartsQuery(ListQuery, forbid_unknown_fields=True):
    """Which remote starts."""

    charge_point_id: ChargePointId | None = None
    state: (
        Annotated[
            Literal["pending", "started", "refused", "expired"],
            Meta(description="pending: waits for its transaction"),
        ]
        | None
    ) = None


@operation(
    tag=TAG,
    answer=list[RemoteStart],
    query=RemoteStartsQuery,
    example={"chargePointId": "CP001", "state": "pending"},
)
async def list_remote_starts(call: Call[RemoteStartsQuery, None]) -> Response:
    """List remote starts, newest first, with the transactions that followed."""
    query, database = call.query, call.context.database
    point, state = query.charge_point_id, query.state

    async def page(limit: int, offset: int) -> tuple[Sequence[Row], int]:
        total = await database.read(remote_starts.count, point, state)
        rows = await database.read(remote_starts.page, point, state, None, limit, offset)
        return rows, total

    async def behind(row: Row, limit: int) -> Sequence[Row]:
        return await database.read(remote_starts.page, point, state, row["command_id"], limit, 0)

    return await answer_list(call, Source(page, behind, _show))
