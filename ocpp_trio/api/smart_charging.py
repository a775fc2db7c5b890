"""Commands of smart charging: set and clear profiles, ask for the composite schedule."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta
from starlette.responses import Response

from ocpp_trio.api.answers import answer
from ocpp_trio.api.operation import Call
from ocpp_trio.api.params import Int64
from ocpp_trio.api.problems import Problem, invalid
from ocpp_trio.api.profile_bodies import ChargingProfile, Purpose, payload_of
from ocpp_trio.api.sending import (
    PROFILE_RULE,
    RULE,
    CommandAnswer,
    StrictCommand,
    StrictSendQuery,
    check_rules,
    command,
    require_charge_point,
    send,
    words,
)
from ocpp_trio.store import named_profiles


class SetChargingProfile(StrictCommand):
    """Which profile for which connector: a whole one, or a named one by its number."""

    connector_id: Int64
    cs_charging_profiles: ChargingProfile | None = None
    profile_id: Int64 | None = None
    transaction_id: Annotated[Int64, Meta(description="with profileId, of a TxProfile")] | None = (
        None
    )


class ChargingProfileAnswer(CommandAnswer):
    """What the charge point answered, and under which id it got the profile."""

    charging_profile_id: int


@command(
    body=SetChargingProfile,
    query=StrictSendQuery,
    example={
        "chargePointId": "CP001",
        "connectorId": 1,
        "csChargingProfiles": {
            "chargingProfileId": 1,
            "stackLevel": 0,
            "chargingProfilePurpose": "TxDefaultProfile",
            "chargingProfileKind": "Absolute",
            "chargingSchedule": {
                "startSchedule": "2026-01-01T00:00:00Z",
                "chargingRateUnit": "A",
                "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 6.0}],
            },
        },
    },
    answer=ChargingProfileAnswer,
    problems=(PROFILE_RULE, "not-found"),
)
async def set_charging_profile(call: Call[StrictSendQuery, SetChargingProfile]) -> Response:
    """Ask a charge point to install a charging profile.

    `csChargingProfiles` is the profile as OCPP spells it, `profileId` the number of a named one. A
    profile with the same id, or the same connector, purpose and stack level, is replaced.
    """
    body = call.body
    point = body.charge_point_id
    profile = await _profile(call)
    payload = {"connectorId": body.connector_id, "csChargingProfiles": profile}
    check_rules("SetChargingProfile", payload)
    if "chargingProfileId" not in profile:
        await require_charge_point(call, point)
        database = call.context.database
        if body.profile_id is None:
            number = await database.write(named_profiles.free_id, point)
        else:
            number = await database.write(
                named_profiles.assign, point, body.connector_id, body.profile_id
            )
        profile["chargingProfileId"] = number
    outcome = await send(call, point, "SetChargingProfile", payload)
    return answer(
        ChargingProfileAnswer(
            **words(point, outcome), charging_profile_id=profile["chargingProfileId"]
        )
    )


async def _profile(call: Call[StrictSendQuery, SetChargingProfile]) -> dict[str, Any]:
    """The profile that is to be sent; perhaps still without its id."""
    body = call.body
    if (body.cs_charging_profiles is None) == (body.profile_id is None):
        message = "one of csChargingProfiles and profileId is required"
        raise Problem(
            "invalid-request",
            message,
            errors=[("csChargingProfiles", message), ("profileId", message)],
        )
    if body.cs_charging_profiles is not None:
        if body.transaction_id is not None:
            raise invalid("transactionId", "belongs into csChargingProfiles")
        return payload_of(body.cs_charging_profiles)
    assert body.profile_id is not None
    row = await call.context.database.read(named_profiles.find, body.profile_id)
    if row is None:
        raise Problem("not-found", f"there is no charging profile {body.profile_id}")
    profile: dict[str, Any] = msgspec.json.decode(row["profile"])
    if body.transaction_id is not None:
        profile["transactionId"] = body.transaction_id
    return profile


class ClearChargingProfile(StrictCommand):
    """Which profiles: those that fit all of these; without any, all."""

    id: Annotated[Int64, Meta(description="chargingProfileId")] | None = None
    connector_id: Int64 | None = None
    charging_profile_purpose: Purpose | None = None
    stack_level: Int64 | None = None


@command(
    body=ClearChargingProfile,
    query=StrictSendQuery,
    example={"chargePointId": "CP001", "id": 1},
)
async def clear_charging_profile(call: Call[StrictSendQuery, ClearChargingProfile]) -> Response:
    """Ask a charge point to remove charging profiles."""
    body = call.body
    criteria = {
        "id": body.id,
        "connectorId": body.connector_id,
        "chargingProfilePurpose": body.charging_profile_purpose,
        "stackLevel": body.stack_level,
    }
    payload = {name: value for name, value in criteria.items() if value is not None}
    outcome = await send(call, body.charge_point_id, "ClearChargingProfile", payload)
    return answer(CommandAnswer(**words(body.charge_point_id, outcome)))


class GetCompositeSchedule(StrictCommand):
    """Which connector (0: the whole charge point), for how many seconds from now."""

    connector_id: Int64
    duration: Int64
    charging_rate_unit: Literal["A", "W"] | None = None


@command(
    body=GetCompositeSchedule,
    query=StrictSendQuery,
    example={"chargePointId": "CP001", "connectorId": 1, "duration": 86400},
    problems=(RULE,),
)
async def get_composite_schedule(call: Call[StrictSendQuery, GetCompositeSchedule]) -> Response:
    """Ask a charge point for the limits it will keep, all its profiles taken together.

    What it answers is kept: see the composite schedules.
    """
    body = call.body
    payload: dict[str, Any] = {"connectorId": body.connector_id, "duration": body.duration}
    if body.charging_rate_unit is not None:
        payload["chargingRateUnit"] = body.charging_rate_unit
    outcome = await send(call, body.charge_point_id, "GetCompositeSchedule", payload)
    return answer(CommandAnswer(**words(body.charge_point_id, outcome)))
