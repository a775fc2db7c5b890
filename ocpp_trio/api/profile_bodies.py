"""Charging profiles in requests: the shape of OCPP 1.6 section 7.8, checked by its rules."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from ocpp_trio.api.fields import Moment
from ocpp_trio.api.params import Int64, Strict
from ocpp_trio.api.problems import Problem
from ocpp_trio.api.sending import PROFILE_RULE
from ocpp_trio.domain import charging_profiles
from ocpp_trio.domain.times import format_timestamp, parse_timestamp

Rate = Annotated[int | float, Meta(description="in the schedule's unit, with one decimal at most")]
Purpose = Literal["ChargePointMaxProfile", "TxDefaultProfile", "TxProfile"]


class SchedulePeriod(Strict, omit_defaults=True):
    """From `startPeriod` (seconds since the start of the schedule) on, this limit."""

    start_period: Int64
    limit: Rate
    number_phases: Int64 | None = None


class ChargingSchedule(Strict, omit_defaults=True):
    """Limits over time; `duration` in seconds."""

    charging_rate_unit: Literal["A", "W"]
    charging_schedule_period: list[SchedulePeriod]
    start_schedule: Moment | None = None
    duration: Int64 | None = None
    min_charging_rate: Rate | None = None


class NamedContent(Strict, omit_defaults=True):
    """A charging profile for any charge point: without chargingProfileId and transactionId."""

    stack_level: Int64
    charging_profile_purpose: Purpose
    charging_profile_kind: Literal["Absolute", "Recurring", "Relative"]
    charging_schedule: ChargingSchedule
    recurrency_kind: Literal["Daily", "Weekly"] | None = None
    valid_from: Moment | None = None
    valid_to: Moment | None = None


class ChargingProfile(NamedContent, omit_defaults=True):
    """A charging profile as OCPP spells it; without `chargingProfileId` it gets one."""

    charging_profile_id: Int64 | None = None
    transaction_id: Int64 | None = None


def payload_of(profile: NamedContent) -> dict[str, Any]:
    """The profile as it goes out: without absent fields, its times as RFC 3339 in UTC."""
    payload: dict[str, Any] = msgspec.to_builtins(profile)
    for fields, name in (
        (payload, "validFrom"),
        (payload, "validTo"),
        (payload["chargingSchedule"], "startSchedule"),
    ):
        if name in fields:
            # What is no time stays, for the rules to refuse it.
            fields[name] = format_timestamp(parse_timestamp(fields[name])) or fields[name]
    return payload


def refuse_broken(broken: Iterable[charging_profiles.Broken], under: str) -> None:
    """Raise a Problem that names the rules, if any is broken. `under`: the field of the body."""
    errors = [(f"{under}.{field}", rule) for field, rule in broken]
    if errors:
        detail = "; ".join(f"{field} {rule}" for field, rule in errors[:3])
        raise Problem(PROFILE_RULE, detail, errors=errors)
