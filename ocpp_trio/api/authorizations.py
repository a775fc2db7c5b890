"""Authorizations: tags, and what they may do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import Meta
from starlette.responses import Response

from ocpp_trio.api.answers import Resource, Timestamp, answer, no_content
from ocpp_trio.api.auth import OPERATE
from ocpp_trio.api.listing import ListQuery, Source, answer_list
from ocpp_trio.api.operation import Call, operation
from ocpp_trio.api.params import AnyQuery, IdTag, Lenient, Natural, Note
from ocpp_trio.api.problems import Problem, invalid
from ocpp_trio.domain.rules import is_id_tag
from ocpp_trio.domain.tag_csv import NO_DATE
from ocpp_trio.domain.times import format_timestamp, parse_timestamp
from ocpp_trio.store import id_tags
from ocpp_trio.store.database import Row

TAG = "Authorizations"

Status = Literal["Accepted", "Blocked", "Expired", "Invalid"]


class Authorization(Resource):
    """A tag. `maxActiveTransactions` null means any number."""

    id: int
    id_tag: str
    status: str
    expiry_date: Timestamp | None
    parent_id_tag: str | None
    max_active_transactions: int | None
    note: str | None
    created_at: Timestamp | None
    updated_at: Timestamp | None


def _show(row: Row) -> Authorization:
    return Authorization(
        id=row["id"],
        id_tag=row["id_tag"],
        status=row["status"],
        expiry_date=format_timestamp(row["expiry_date"]),
        parent_id_tag=row["parent_id_tag"],
        max_active_transactions=row["max_active_transactions"],
        note=row["note"],
        created_at=format_timestamp(row["created_at"]),
        updated_at=format_timestamp(row["updated_at"]),
    )


def _unknown(id_tag: str) -> Problem:
    return Problem("not-found", f"there is no authorization for tag {id_tag}")


class AuthorizationsQuery(ListQuery):
    """Which tags."""

    id_tag: Annotated[str, Meta(description="only this one, as an object; case is ignored")] | (
        None
    ) = None
    status: Status | None = None
    parent_id_tag: Annotated[str, Meta(description="case is ignored")] | None = None


@operation(
    tag=TAG,
    answer=list[Authorization] | Authorization,
    query=AuthorizationsQuery,
    problems=("not-found",),
)
async def list_authorizations(call: Call[AuthorizationsQuery, None]) -> Response:
    """List tags, newest first; with `idTag` show that one."""
    id_tag, database = call.query.id_tag, call.context.database
    if id_tag is not None:
        row = await database.read(id_tags.find, id_tag)
        if row is None:
            raise _unknown(id_tag)
        return answer(_show(row))

    filters = {"status": call.query.status, "parent_id_tag": call.query.parent_id_tag}

    async def page(limit: int, offset: int) -> tuple[Sequence[Row], int]:
        return await database.read(id_tags.page, filters, limit, offset)

    async def behind(row: Row, limit: int) -> Sequence[Row]:
        return await database.read(id_tags.behind, filters, row["id"], limit)

    return await answer_list(call, Source(page, behind, _show))


class NewAuthorization(Lenient):
    """A tag to store; what is absent is cleared."""

    id_tag: IdTag
    status: Status = "Accepted"
    expiry_date: (
        Annotated[str, Meta(description="ISO 8601; no date, no expiry. UTC without a zone")] | None
    ) = None
    parent_id_tag: Annotated[str, Meta(max_length=20)] | None = None
    max_active_transactions: Natural | None = None
    note: Note | None = None


@operation(
    tag=TAG,
    answer=Authorization,
    status=201,
    role=OPERATE,
    query=AnyQuery,
    body=NewAuthorization,
    idempotent=True,
    example={"idTag": "RFID123", "status": "Accepted", "expiryDate": "2030-12-31T23:59:59Z"},
)
async def put_authorization(call: Call[AnyQuery, NewAuthorization]) -> Response:
    """Create a tag, or replace what is stored of it."""
    body = call.body
    for field, text in (("idTag", body.id_tag), ("parentIdTag", body.parent_id_tag)):
        if text and not is_id_tag(text):
            raise invalid(field, "must be 1 to 20 printable characters")
    expiry = None
    if body.expiry_date is not None and body.expiry_date not in NO_DATE:
        expiry = parse_timestamp(body.expiry_date)
        if expiry is None:
            raise invalid("expiryDate", "must be a date and time such as 2030-12-31T23:59:59Z")
    fields = msgspec.structs.asdict(body) | {
        "expiry_date": expiry,
        "parent_id_tag": body.parent_id_tag or None,
    }
    row = await call.context.database.write(id_tags.put, body.id_tag, fields, call.context.now())
    return answer(_show(row), 201)


class DeleteAuthorizationQuery(Lenient):
    """Which tag."""

    id_tag: Annotated[str, Meta(description="case is ignored")]


@operation(
    tag=TAG,
    answer=None,
    status=204,
    role=OPERATE,
    query=DeleteAuthorizationQuery,
    example={"idTag": "RFID123"},
    problems=("not-found",),
)
async def delete_authorization(call: Call[DeleteAuthorizationQuery, None]) -> Response:
    """Remove a tag; transactions keep its text."""
    if not await call.context.database.write(id_tags.delete, call.query.id_tag):
        raise _unknown(call.query.id_tag)
    return no_content()
