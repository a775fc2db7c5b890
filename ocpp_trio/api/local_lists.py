"""Local authorization lists as charge points have them, as far as is known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from starlette.responses import Response

from ocpp_trio.api.answers import Resource, Timestamp, answer
from ocpp_trio.api.fields import missing
from ocpp_trio.api.listing import ListQuery, Source, answer_list
from ocpp_trio.api.operation import Call, operation
from ocpp_trio.api.params import ChargePointId, NoQuery
from ocpp_trio.domain.times import format_timestamp
from ocpp_trio.store import local_lists
from ocpp_trio.store.database import Row

TAG = "Local lists"


class LocalList(Resource):
    """What is known of a charge point's list. `version` null: not known. States: unknown, accepted
    (it has `version`), mismatch, failed, not-supported. `lastVersion` is the highest ever sent.
    """

    charge_point_id: str
    version: int | None
    last_version: int
    state: str
    status: str | None
    entries: int
    command_id: int | None
    synchronised_at: Timestamp | None
    checked_at: Timestamp | None
    updated_at: Timestamp | None


class ListEntry(Resource):
    """A tag in a charge point's list."""

    id_tag: str
    status: str
    parent_id_tag: str | None
    expiry_date: Timestamp | None


class WholeList(LocalList):
    """A charge point's list with its tags; `pendingChanges` of the authorizations are not in it."""

    pending_changes: int
    tags: list[ListEntry]


def _fields(row: Row, entries: int) -> dict[str, Any]:
    return {
        "charge_point_id": row["charge_point_id"],
        "version": row["version"],
        "last_version": row["last_version"],
        "state": row["state"],
        "status": row["status"],
        "entries": entries,
        "command_id": row["command_id"],
        "synchronised_at": format_timestamp(row["synchronised_at"]),
        "checked_at": format_timestamp(row["checked_at"]),
        "updated_at": format_timestamp(row["updated_at"]),
    }


class ListsQuery(ListQuery, forbid_unknown_fields=True):
    """Which lists."""

    charge_point_id: ChargePointId | None = None
    state: Literal["unknown", "accepted", "mismatch", "failed", "not-supported"] | None = None


@operation(tag=TAG, answer=list[LocalList], query=ListsQuery, example={"state": "mismatch"})
async def list_local_lists(call: Call[ListsQuery, None]) -> Response:
    """List what is known of local authorization lists, by charge point."""
    query, database = call.query, call.context.database
    which = query.charge_point_id, query.state

    async def page(limit: int, offset: int) -> tuple[Sequence[Row], int]:
        return await database.read(local_lists.page, *which, limit, offset)

    async def behind(row: Row, limit: int) -> Sequence[Row]:
        return await database.read(local_lists.behind, *which, row["charge_point_id"], limit)

    return await answer_list(
        call, Source(page, behind, lambda row: LocalList(**_fields(row, row["entries"])))
    )


@operation(tag=TAG, answer=WholeList, query=NoQuery, problems=("not-found",))
async def read_local_list(call: Call[NoQuery, None]) -> Response:
    """Show a charge point's local authorization list."""
    found = await call.context.database.read(local_lists.find, call.id, call.context.now())
    if found is None:
        raise missing(call, "local list of charge point")
    row, entries, pending = found
    tags = [
        ListEntry(
            id_tag=each["id_tag"],
            status=each["status"],
            parent_id_tag=each["parent_id_tag"],
            expiry_date=format_timestamp(each["expiry_date"]),
        )
        for each in entries
    ]
    return answer(WholeList(**_fields(row, len(tags)), pending_changes=pending, tags=tags))
