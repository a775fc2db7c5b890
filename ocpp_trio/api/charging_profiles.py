"""Charging profiles: those with a name, those that charge points have, and composite schedules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal
from urllib.parse import quote

import msgspec
from msgspec import Meta
from starlette.responses import Response

from ocpp_trio.api.answers import Resource, Timestamp, answer, encode, no_content
from ocpp_trio.api.auth import OPERATE
from ocpp_trio.api.fields import missing, number_in_path
from ocpp_trio.api.listing import ListQuery, Source, answer_list
from ocpp_trio.api.operation import Call, operation
from ocpp_trio.api.params import ChargePointId, Int64, NoQuery, Note, Strict
from ocpp_trio.api.problems import Problem
from ocpp_trio.api.profile_bodies import NamedContent, Purpose, payload_of, refuse_broken
from ocpp_trio.api.sending import PROFILE_RULE
from ocpp_trio.domain.charging_profiles import broken_rules
from ocpp_trio.domain.times import format_timestamp
from ocpp_trio.store import charging_profiles, named_profiles
from ocpp_trio.store.database import Row

TAG = "Charging profiles"
WHAT = "charging profile"

EXAMPLE = {
    "name": "night",
    "chargingProfile": {
        "stackLevel": 0,
        "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Recurring",
        "recurrencyKind": "Daily",
        "chargingSchedule": {
            "startSchedule": "2026-01-01T00:00:00Z",
            "chargingRateUnit": "A",
            "chargingSchedulePeriod": [
                {"startPeriod": 0, "limit": 32},
                {"startPeriod": 21600, "limit": 6.5},
            ],
        },
    },
}


class NamedProfile(Resource):
    """A charging profile with a name, to be sent to any charge point."""

    id: int
    name: str
    note: str | None
    charging_profile: Any
    created_at: Timestamp | None
    updated_at: Timestamp | None


def _show(row: Row) -> NamedProfile:
    return NamedProfile(
        id=row["id"],
        name=row["name"],
        note=row["note"],
        charging_profile=msgspec.json.decode(row["profile"]),
        created_at=format_timestamp(row["created_at"]),
        updated_at=format_timestamp(row["updated_at"]),
    )


class ProfilesQuery(ListQuery, forbid_unknown_fields=True):
    """Which named profiles."""

    name: str | None = None
    purpose: Purpose | None = None


@operation(
    tag=TAG,
    answer=list[NamedProfile],
    query=ProfilesQuery,
    example={"purpose": "TxDefaultProfile"},
)
async def list_profiles(call: Call[ProfilesQuery, None]) -> Response:
    """List named charging profiles, newest first."""
    query, database = call.query, call.context.database

    async def page(limit: int, offset: int) -> tuple[Sequence[Row], int]:
        return await database.read(named_profiles.page, query.name, query.purpose, limit, offset)

    async def behind(row: Row, limit: int) -> Sequence[Row]:
        return await database.read(
            named_profiles.behind, query.name, query.purpose, row["id"], limit
        )

    return await answer_list(call, Source(page, behind, _show))


class NewProfile(Strict):
    """A charging profile and its name; what is absent is cleared."""

    name: Annotated[str, Meta(min_length=1, max_length=100)]
    charging_profile: NamedContent
    note: Note | None = None


def _content(body: NewProfile) -> tuple[str, str]:
    """Purpose and JSON text of a profile that breaks no rule."""
    payload = payload_of(body.charging_profile)
    refuse_broken(broken_rules(payload), "chargingProfile")
    return payload["chargingProfilePurpose"], encode(payload).decode()


def _taken(name: str) -> Problem:
    return Problem("conflict", f"another charging profile is called {name}")


@operation(
    tag=TAG,
    answer=NamedProfile,
    status=201,
    role=OPERATE,
    query=NoQuery,
    body=NewProfile,
    example=EXAMPLE,
    problems=("conflict", PROFILE_RULE),
)
async def add_profile(call: Call[NoQuery, NewProfile]) -> Response:
    """Store a charging profile under a name."""
    body, context = call.body, call.context
    row = await context.database.write(
        named_profiles.add, body.name, body.note, *_content(body), context.now()
    )
    if row is None:
        raise _taken(body.name)
    location = f"/api/charging-profiles/{quote(str(row['id']))}"
    return answer(_show(row), 201, headers={"Location": location})


@operation(tag=TAG, answer=NamedProfile, query=NoQuery, problems=("not-found",))
async def read_profile(call: Call[NoQuery, None]) -> Response:
    """Show a named charging profile."""
    row = await call.context.database.read(named_profiles.find, number_in_path(call, WHAT))
    if row is None:
        raise missing(call, WHAT)
    return answer(_show(row))


@operation(
    tag=TAG,
    answer=NamedProfile,
    role=OPERATE,
    query=NoQuery,
    body=NewProfile,
    example=EXAMPLE,
    problems=("not-found", "conflict", PROFILE_RULE),
)
async def put_profile(call: Call[NoQuery, NewProfile]) -> Response:
    """Replace a named charging profile; charge points keep what they have until it is set again."""
    body, context = call.body, call.context
    number = number_in_path(call, WHAT)
    exists, row = await context.database.write(
        named_profiles.put, number, body.name, body.note, *_content(body), context.now()
    )
    if not exists:
        raise missing(call, WHAT)
    if row is None:
        raise _taken(body.name)
    return answer(_show(row))


@operation(tag=TAG, answer=None, status=204, role=OPERATE, query=NoQuery, problems=("not-found",))
async def delete_profile(call: Call[NoQuery, None]) -> Response:
    """Remove a named charging profile; charge points keep what they have."""
    if not await call.context.database.write(named_profiles.delete, number_in_path(call, WHAT)):
        raise missing(call, WHAT)
    return no_content()


class InstalledProfile(Resource):
    """A profile that a charge point accepted. `profileId` is the named one it was made from, if
    any; `waiting` is one that went with a remote start whose transaction has not begun.
    """

    id: int
    charge_point_id: str
    connector_id: int | None
    charging_profile_id: int
    purpose: str
    stack_level: int
    transaction_id: int | None
    profile_id: int | None
    charging_profile: Any
    state: str
    command_id: int
    actor: str
    installed_at: Timestamp | None
    removed_at: Timestamp | None
    removal: str | None


def _show_installed(row: Row) -> InstalledProfile:
    return InstalledProfile(
        id=row["id"],
        charge_point_id=row["charge_point_id"],
        connector_id=row["connector_id"],
        charging_profile_id=row["charging_profile_id"],
        purpose=row["purpose"],
        stack_level=row["stack_level"],
        transaction_id=row["transaction_id"],
        profile_id=row["named_profile_id"],
        charging_profile=msgspec.json.decode(row["profile"]),
        state=row["state"],
        command_id=row["command_id"],
        actor=row["actor"],
        installed_at=format_timestamp(row["installed_at"]),
        removed_at=format_timestamp(row["removed_at"]),
        removal=row["removal"],
    )


class InstalledQuery(ListQuery, forbid_unknown_fields=True):
    """Which profiles; `all` are also those that are gone."""

    charge_point_id: ChargePointId | None = None
    connector_id: Int64 | None = None
    purpose: Purpose | None = None
    transaction_id: Int64 | None = None
    profile_id: Int64 | None = None
    state: Literal["installed", "waiting", "removed", "all"] = "installed"


@operation(
    tag=TAG,
    answer=list[InstalledProfile],
    query=InstalledQuery,
    example={"chargePointId": "CP001"},
)
async def list_installed(call: Call[InstalledQuery, None]) -> Response:
    """List what charge points have accepted, newest first; without `state` what they have now."""
    query, database = call.query, call.context.database
    filters = charging_profiles.Filters(
        query.charge_point_id,
        query.connector_id,
        query.purpose,
        query.transaction_id,
        query.profile_id,
        None if query.state == "all" else query.state,
    )

    async def page(limit: int, offset: int) -> tuple[Sequence[Row], int]:
        return await database.read(charging_profiles.page, filters, limit, offset)

    async def behind(row: Row, limit: int) -> Sequence[Row]:
        return await database.read(charging_profiles.behind, filters, row["id"], limit)

    return await answer_list(call, Source(page, behind, _show_installed))
