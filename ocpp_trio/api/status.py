"""How the server is: its status for people, whether it lives and is ready for machines."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import trio
from msgspec import UNSET, Meta, UnsetType
from starlette.responses import Response

from ocpp_trio.api.answers import Resource, Timestamp, answer
from ocpp_trio.api.operation import Call, operation
from ocpp_trio.api.params import AnyQuery
from ocpp_trio.domain.times import format_timestamp
from ocpp_trio.store import charge_points, nodes, review
from ocpp_trio.store.database import Row

TAG = "Server"


class ServerNode(Resource):
    """One of the servers on the database. `heartbeatAt` is by its own clock."""

    id: str
    name: str
    role: str
    started_at: Timestamp | None
    heartbeat_at: Timestamp | None
    charge_points_connected: int


class LimitCounts(Resource):
    """How often each limit was reached since the server started."""

    handshakes_timed_out: int
    handshakes_dropped: int
    connections_broken: int
    connections_refused: int
    stations_unauthorized: int
    stations_unknown: int
    stations_limited: int
    stations_busy: int
    messages_too_large: int
    messages_in_too_many_frames: int
    messages_unusable: int
    messages_delayed: int
    sends_stuck: int
    commands_refused: int
    http_connections_dropped: int
    http_connections_refused: int
    http_connections_broken: int
    http_sends_stuck: int
    bodies_too_large: int
    bodies_too_slow: int
    uploads_refused: int
    api_keys_wrong: int
    api_keys_refused: int
    accepts_failed: int


class Status(Resource):
    """The server's status."""

    status: str
    server_time: Timestamp | None
    system_name: str
    charge_points_total: int
    charge_points_connected: int
    review_items_open: int
    database_type: str
    uptime: str
    uptime_seconds: int
    node_id: Annotated[str, Meta(description="the server that answered")]
    nodes: list[ServerNode]
    limits: LimitCounts


class Alive(Resource):
    """The process answers."""

    status: str


class Readiness(Resource, omit_defaults=True):
    """Whether the server can do its work; `failing` names what cannot."""

    status: str
    failing: list[str] | UnsetType = UNSET


@operation(tag=TAG, answer=Status, query=AnyQuery)
async def read_status(call: Call[AnyQuery, None]) -> Response:
    """Show the server's status, time, charge points and database."""
    context = call.context
    total, connected = await context.database.read(charge_points.counts)
    seconds = int(trio.current_time() - context.started)
    return answer(
        Status(
            status="running",
            server_time=format_timestamp(context.now()),
            system_name=context.settings.system_name,
            charge_points_total=total,
            charge_points_connected=connected,
            review_items_open=await context.database.read(review.count_open),
            database_type=context.database.kind,
            uptime=duration(seconds),
            uptime_seconds=seconds,
            node_id=context.node.id,
            nodes=[_show(row) for row in await context.database.read(nodes.everybody)],
            limits=LimitCounts(**asdict(context.counts)),
        )
    )


def _show(row: Row) -> ServerNode:
    return ServerNode(
        id=row["id"],
        name=row["name"],
        role=row["role"],
        started_at=format_timestamp(row["started_at"]),
        heartbeat_at=format_timestamp(row["heartbeat_at"]),
        charge_points_connected=row["connections"],
    )


def duration(seconds: int) -> str:
    """`3h2m1s`; leading zeros are left out."""
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes}m{seconds}s"
    return f"{minutes}m{seconds}s" if minutes else f"{seconds}s"


@operation(tag=TAG, answer=Alive, query=AnyQuery)
async def read_health(call: Call[AnyQuery, None]) -> Response:
    """Tell that the process answers.

    Needs no key.
    """
    return answer(Alive(status="ok"))


@operation(tag=TAG, answer=Readiness, query=AnyQuery, also=(503, "Not ready"))
async def read_readiness(call: Call[AnyQuery, None]) -> Response:
    """Tell whether the server can do its work: 200, or 503.

    Needs no key; what is failing is named only to a caller who has one, or is local on an open
    loopback server.
    """
    context = call.context
    failing = sorted(context.health.failing)
    if context.database.failing_for() > 0:
        failing.insert(0, "database")
    return answer(
        Readiness(
            status="not ready" if failing else "ready",
            failing=failing if call.caller else UNSET,
        ),
        503 if failing else 200,
    )
