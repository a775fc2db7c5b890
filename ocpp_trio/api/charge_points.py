"""Charge points: who may connect, and what is known of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal
from urllib.parse import quote

import msgspec
import structlog
from msgspec import UNSET, Meta, UnsetType
from starlette.responses import Response

from ocpp_trio.api import connectors as connector_list
from ocpp_trio.api import schema_repairs as repair_list
from ocpp_trio.api.answers import answer, no_content
from ocpp_trio.api.auth import ADMIN
from ocpp_trio.api.charge_point_records import TAG, ChargePoint, show, unknown, values
from ocpp_trio.api.listing import ListQuery, Source, answer_list
from ocpp_trio.api.operation import Call, operation
from ocpp_trio.api.params import AnyQuery, NoQuery, Note, Strict
from ocpp_trio.api.problems import Problem, invalid
from ocpp_trio.central.identity import is_charge_point_id
from ocpp_trio.central.wakeups import REMOVED
from ocpp_trio.store import charge_points, connectors, schema_repairs
from ocpp_trio.store.database import Row

log = structlog.get_logger()

CLOSE_REMOVED = 1008
"""WebSocket close code "policy violation": do not simply come back."""

Interval = Annotated[int, Meta(ge=1, le=86400, description="seconds")]
Profile = Annotated[int, Meta(ge=0, le=3, description="security profile, 0 to 3")]


class ChargePointWithConnectors(ChargePoint):
    """A charge point, its connectors, and where its messages break the schema."""

    connectors: list[connector_list.Connector]
    schema_repairs: list[repair_list.SchemaRepair]


class ChargePointsQuery(ListQuery):
    """Which charge points."""

    registration: (
        Annotated[
            Literal["Accepted", "Pending", "Rejected"],
            Meta(description="Pending: connected, but nobody adopted or blocked them yet"),
        ]
        | None
    ) = None


@operation(tag=TAG, answer=list[ChargePoint], query=ChargePointsQuery)
async def list_charge_points(call: Call[ChargePointsQuery, None]) -> Response:
    """List the charge points, by id."""
    context, registration = call.context, call.query.registration
    database = context.database

    async def page(limit: int, offset: int) -> tuple[Sequence[Row], int]:
        return await database.read(charge_points.page, registration, limit, offset)

    async def behind(row: Row, limit: int) -> Sequence[Row]:
        return await database.read(charge_points.behind, registration, row["id"], limit)

    return await answer_list(call, Source(page, behind, lambda row: show(row, context)))


@operation(
    tag=TAG, answer=ChargePointWithConnectors, query=AnyQuery, problems=("charge-point-unknown",)
)
async def read_charge_point(call: Call[AnyQuery, None]) -> Response:
    """Show a charge point and its connectors."""
    database = call.context.database
    row = await database.read(charge_points.find, call.id)
    if row is None:
        raise unknown(call.id)
    rows = await database.read(connectors.of_charge_point, call.id)
    repairs = await database.read(schema_repairs.of_charge_point, call.id)
    return answer(
        ChargePointWithConnectors(
            **values(row, call.context),
            connectors=[connector_list.show(each) for each in rows],
            schema_repairs=repair_list.show(row, repairs),
        )
    )


class NewChargePoint(Strict):
    """A charge point to register."""

    id: Annotated[
        str, Meta(description="1 to 48 of A-Z a-z 0-9 space * + = : | @ . _ -, not only dots")
    ]
    name: Note | None = None
    location: Note | None = None
    note: Note | None = None
    heartbeat_interval: Interval | None = None
    minimum_profile: Profile | None = None


@operation(
    tag=TAG,
    answer=ChargePoint,
    status=201,
    role=ADMIN,
    body=NewChargePoint,
    idempotent=True,
    example={"id": "CP001", "name": "Pier 3", "heartbeatInterval": 300},
    problems=("conflict",),
)
async def register_charge_point(call: Call[NoQuery, NewChargePoint]) -> Response:
    """Register a charge point before it connects for the first time.

    It is Accepted from then on.
    """
    context, body = call.context, call.body
    if not is_charge_point_id(body.id):
        raise invalid(
            "id", "must be 1 to 48 of A-Z a-z 0-9 space * + = : | @ . _ - and not only dots"
        )
    is_new = await context.database.write(
        charge_points.register,
        body.id,
        charge_points.ACCEPTED,
        msgspec.structs.asdict(body),
        context.now(),
    )
    if not is_new:
        raise Problem(
            "conflict",
            f"charge point {body.id} is known already; change it with PATCH, admit it with adopt",
        )
    log.info("charge point registered", source="api", charge_point=body.id, by=call.actor)
    row = await context.database.read(charge_points.find, body.id)
    if row is None:
        raise unknown(body.id)
    place = f"/api/charge-points/{quote(body.id, safe='')}"
    return answer(show(row, context), 201, {"Location": place})


class ChargePointChanges(Strict):
    """What to change; what is absent stays, null clears."""

    name: Note | UnsetType | None = UNSET
    location: Note | UnsetType | None = UNSET
    note: Note | UnsetType | None = UNSET
    heartbeat_interval: Interval | UnsetType | None = UNSET
    minimum_profile: Profile | UnsetType = UNSET
    conformance: (
        Annotated[
            Literal["tolerant", "strict"],
            Meta(description="of its messages; null: as OCPP_CONFORMANCE says"),
        ]
        | UnsetType
        | None
    ) = UNSET


@operation(
    tag=TAG,
    answer=ChargePoint,
    role=ADMIN,
    body=ChargePointChanges,
    example={"name": "Pier 3", "heartbeatInterval": 300},
    problems=("charge-point-unknown",),
)
async def change_charge_point(call: Call[NoQuery, ChargePointChanges]) -> Response:
    """Change what people know of a charge point; what it told itself stays.

    A heartbeat interval is told at the next boot.
    """
    context = call.context
    given = msgspec.structs.asdict(call.body)
    changes = {name: value for name, value in given.items() if value is not UNSET}
    row = await context.database.write(
        charge_points.update, call.id, changes, context.now(), context.node.id
    )
    if row is None:
        raise unknown(call.id)
    session = context.hub.get(call.id)
    if session is not None:
        session.set_tolerance(
            row["vendor"], row["model"], row["firmware_version"], row["conformance"]
        )
    log.info("charge point changed", source="api", charge_point=call.id, by=call.actor)
    return answer(show(row, context))


@operation(tag=TAG, answer=None, status=204, role=ADMIN, problems=("charge-point-unknown",))
async def delete_charge_point(call: Call[NoQuery, None]) -> Response:
    """Take a charge point off the list and close its connection; its history stays."""
    context = call.context
    if not await context.database.write(charge_points.delete, call.id, context.node.id):
        raise unknown(call.id)
    context.hub.end(call.id, CLOSE_REMOVED, REMOVED)
    log.info("charge point removed", source="api", charge_point=call.id, by=call.actor)
    return no_content()
