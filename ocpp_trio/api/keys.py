"""API keys by the API: made, listed, revoked. The text of a key is in one answer only."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
import structlog
from msgspec import Meta
from starlette.responses import Response

from ocpp_trio.api.answers import Resource, Timestamp, answer
from ocpp_trio.api.auth import ADMIN
from ocpp_trio.api.fields import missing, number_in_path
from ocpp_trio.api.listing import ListQuery, answer_newest_first
from ocpp_trio.api.operation import Call, operation
from ocpp_trio.api.params import Moment, NoQuery, Strict, moment
from ocpp_trio.api.problems import Problem, invalid
from ocpp_trio.domain.times import format_timestamp
from ocpp_trio.store import api_keys
from ocpp_trio.store.database import Row

log = structlog.get_logger(source="api")

TAG = "API keys"
WHAT = "API key"

Role = Literal["read", "operate", "admin"]
Name = Annotated[str, Meta(min_length=1, max_length=100, pattern=r"^[^\s\x00-\x1f\x7f].*$")]


class ApiKey(Resource):
    """A key; its text is not kept. `state`: valid, expired or revoked."""

    id: int
    name: str
    role: str
    state: str
    created_at: Timestamp | None
    created_by: str | None
    expires_at: Timestamp | None
    last_used_at: Timestamp | None
    revoked_at: Timestamp | None
    revoked_by: str | None


class NewApiKey(ApiKey):
    """A key that was made just now: `key` is its text, and shown only here."""

    key: str


def show(row: Row, now: int) -> ApiKey:
    """A key's row as the API shows it."""
    return ApiKey(**_fields(row, now))


def plain(row: Row, now: int) -> dict[str, Any]:
    """The same, as what JSON is made of."""
    fields: dict[str, Any] = msgspec.to_builtins(show(row, now))
    return fields


def _fields(row: Row, now: int) -> dict[str, Any]:
    expires = row["expires_at"]
    if row["revoked_at"] is not None:
        state = "revoked"
    else:
        state = "expired" if expires is not None and expires <= now else "valid"
    return {
        "id": row["id"],
        "name": row["name"],
        "role": row["role"],
        "state": state,
        "created_at": format_timestamp(row["created_at"]),
        "created_by": row["created_by"],
        "expires_at": format_timestamp(expires),
        "last_used_at": format_timestamp(row["last_used_at"]),
        "revoked_at": format_timestamp(row["revoked_at"]),
        "revoked_by": row["revoked_by"],
    }


class KeysQuery(ListQuery, forbid_unknown_fields=True):
    """Which keys; all without any."""

    name: str | None = None
    role: Role | None = None


@operation(tag=TAG, answer=list[ApiKey], role=ADMIN, query=KeysQuery, example={"role": "operate"})
async def list_keys(call: Call[KeysQuery, None]) -> Response:
    """List API keys, newest first, expired and revoked ones as well."""
    which = api_keys.Filter(call.query.name, call.query.role)
    now = call.context.now()
    return await answer_newest_first(call, api_keys.listing, which, lambda row: show(row, now))


class KeyBody(Strict):
    """A key to make. It expires at `expiresAt`, or never."""

    name: Name
    role: Role
    expires_at: Moment | None = None


@operation(
    tag=TAG,
    answer=NewApiKey,
    status=201,
    role=ADMIN,
    body=KeyBody,
    example={"name": "dashboard", "role": "read", "expiresAt": "2030-12-31T23:59:59Z"},
    problems=("conflict",),
)
async def create_key(call: Call[NoQuery, KeyBody]) -> Response:
    """Make an API key. Its text is in this answer only: nobody can show it again.

    It counts at once here, and within OCPP_API_KEYS_INTERVAL on other servers of the same database.
    A name stands for one key for ever, also when that is revoked. The first key closes an API that
    was open to local requests: make one with the role admin first.
    """
    context, body = call.context, call.body
    now = context.now()
    expires = moment("expiresAt", body.expires_at)
    if expires is not None and expires <= now:
        raise invalid("expiresAt", "must be in the future")
    if not context.keys and body.role != ADMIN:
        raise Problem(
            "conflict",
            "the first key closes the API to everybody without one: make one with the role admin"
            " first",
        )
    secret = api_keys.make_secret()
    digest = api_keys.digest(secret.encode()).hex()
    new = api_keys.NewKey(body.name, body.role, digest, call.actor, expires)
    row = await context.database.write(api_keys.insert, new, now)
    if row is None:
        raise Problem("conflict", f"there is or was a key with the name {body.name}")
    await context.keys.load(context.database)
    log.info("API key made", name=body.name, role=body.role, by=call.actor)
    return answer(NewApiKey(**_fields(row, now), key=secret), 201)


@operation(tag=TAG, answer=ApiKey, role=ADMIN, problems=("not-found", "conflict"))
async def revoke_key(call: Call[NoQuery, None]) -> Response:
    """Revoke an API key, for ever: the next request with it is refused.

    At once here, and within OCPP_API_KEYS_INTERVAL on other servers of the same database.
    """
    context, number, now = call.context, number_in_path(call, WHAT), call.context.now()
    row = await context.database.write(api_keys.revoke, number, call.actor, now)
    if row is None:
        if await context.database.read(api_keys.find, number) is None:
            raise missing(call, WHAT)
        raise Problem("conflict", f"API key {number} is revoked already")
    await context.keys.load(context.database)
    log.info("API key revoked", name=row["name"], by=call.actor)
    return answer(show(row, now))
