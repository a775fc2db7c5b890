"""Tags that charge points asked about and nobody registered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec
from msgspec import Meta
from starlette.responses import Response

from ocpp_trio.api.answers import Resource, Timestamp
from ocpp_trio.api.authorizations import TAG
from ocpp_trio.api.listing import ListQuery, Source, answer_list
from ocpp_trio.api.operation import Call, operation
from ocpp_trio.api.params import ChargePointId, Moment, moment
from ocpp_trio.domain.times import format_timestamp
from ocpp_trio.store import unknown_tags
from ocpp_trio.store.database import Row


class UnknownTag(Resource):
    """A tag that nobody registered, and the charge point where it was seen last."""

    id_tag: str
    charge_point_id: str
    times: Annotated[int, Meta(description="how often it was seen")]
    first_seen: Timestamp | None
    last_seen: Timestamp | None


def _show(row: Row) -> UnknownTag:
    return UnknownTag(
        id_tag=row["id_tag"],
        charge_point_id=row["charge_point_id"],
        times=row["times"],
        first_seen=format_timestamp(row["first_seen"]),
        last_seen=format_timestamp(row["last_seen"]),
    )


class UnknownTagsQuery(ListQuery, forbid_unknown_fields=True):
    """Which tags; `from` and `to` are about when they were seen last."""

    charge_point_id: ChargePointId | None = None
    since: Moment | None = msgspec.field(default=None, name="from")
    until: Moment | None = msgspec.field(default=None, name="to")


@operation(tag=TAG, answer=list[UnknownTag], query=UnknownTagsQuery, example={"limit": "20"})
async def list_unknown_tags(call: Call[UnknownTagsQuery, None]) -> Response:
    """List tags that were seen and nobody registered, seen last first.

    One that is registered is no longer listed.
    """
    query, database = call.query, call.context.database
    filters = {
        "charge_point_id": query.charge_point_id,
        "since": moment("from", query.since),
        "until": moment("to", query.until),
    }

    async def page(limit: int, offset: int) -> tuple[Sequence[Row], int]:
        return await database.read(unknown_tags.page, filters, limit, offset)

    async def behind(row: Row, limit: int) -> Sequence[Row]:
        return await database.read(unknown_tags.behind, filters, row, limit)

    return await answer_list(call, Source(page, behind, _show))
