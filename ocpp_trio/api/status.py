"""How the server is: its status for people, whether it lives and is ready for machines."""

from __future__ import annotations

from collections import Counter

import trio
from msgspec import UNSET, UnsetType
from starlette.responses import Response

from ocpp_trio.api.answers import Resource, Timestamp, answer
from ocpp_trio.api.operation import Call, operation
from ocpp_trio.api.params import AnyQuery
from ocpp_trio.domain.times import format_timestamp
from ocpp_trio.store import charge_points, review

TAG = "Server"


class StationsRefused(Resource):
    """Charge points that were not let in since the server started: by their key or certificate,
    because nobody registered them, because of too many failures or replacements, because too many
    keys were being checked.
    """

    unauthorized: int
    unknown: int
    limited: int
    busy: int


class Status(Resource):
    """The server's status."""

    status: str
    server_time: Timestamp | None
    system_name: str
    charge_points_total: int
    charge_points_connected: int
    review_items_open: int
    stations_refused: StationsRefused
    database_type: str
    uptime: str
    uptime_seconds: int


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
            stations_refused=_stations_refused(context.authentication.refused),
            database_type=context.database.kind,
            uptime=duration(seconds),
            uptime_seconds=seconds,
        )
    )


def _stations_refused(by_status: Counter[int]) -> StationsRefused:
    return StationsRefused(
        unauthorized=by_status[401] + by_status[403],
        unknown=by_status[404],
        limited=by_status[429],
        busy=by_status[503],
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
