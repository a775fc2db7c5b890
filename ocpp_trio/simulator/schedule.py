"""Limits from charging profiles: of a moment, and as a composite schedule. Pure.

OCPP 1.6 section 3.13: among profiles of one purpose the highest stack level that has a limit at the
moment counts, a TxProfile before a TxDefaultProfile, and no limit exceeds ChargePointMaxProfile.
Limits are compared in amperes per phase, at 230 V.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ocpp_trio.domain.times import format_timestamp, parse_timestamp
from ocpp_trio.ocppj.frames import Payload
from ocpp_trio.simulator.meter import NOMINAL_VOLTS, PHASES, RATED_AMPERES

RECURRENCE = {"Daily": 86_400, "Weekly": 604_800}
"""Seconds from one beginning to the next."""

STATION_LIMIT = "ChargePointMaxProfile"
DEFAULT = "TxDefaultProfile"
TRANSACTION = "TxProfile"


class Limit(NamedTuple):
    """What may be drawn: amperes per phase, on so many phases."""

    amperes: float
    phases: int


class Installed(NamedTuple):
    """A charging profile and where it is installed, 0 for the whole station. `at`: when, in ms."""

    connector_id: int
    profile: Payload
    at: int


UNLIMITED = Limit(RATED_AMPERES, PHASES)
"""What the hardware gives."""


def limit_at(installed: Sequence[Installed], moment: int, charging_since: int | None) -> Limit:
    """The limit at `moment`; `charging_since` is when the transaction began (both in ms)."""
    limit = UNLIMITED
    for purposes in ((TRANSACTION, DEFAULT), (STATION_LIMIT,)):
        for purpose in purposes:
            leading = _leading(installed, purpose, moment, charging_since)
            if leading is not None:
                limit = min(limit, leading)
                break
    return limit


def composite(
    installed: Sequence[Installed],
    start: int,
    duration: int,
    unit: str,
    charging_since: int | None,
) -> Payload:
    """The ChargingSchedule of `duration` seconds from `start` (ms) in `unit`, A or W."""
    moments = {start}
    for each in installed:
        moments |= _changes(each, start, start + duration * 1000, charging_since)
    periods: list[Payload] = []
    last: Limit | None = None
    for moment in sorted(moments):
        limit = limit_at(installed, moment, start if charging_since is None else charging_since)
        if limit != last:
            periods.append(
                {
                    "startPeriod": (moment - start) // 1000,
                    "limit": _in_unit(limit, unit),
                    "numberPhases": limit.phases,
                }
            )
        last = limit
    return {
        "duration": duration,
        "startSchedule": format_timestamp(start),
        "chargingRateUnit": unit,
        "chargingSchedulePeriod": periods,
    }


def _in_unit(limit: Limit, unit: str) -> float:
    value = limit.amperes if unit == "A" else limit.amperes * NOMINAL_VOLTS * limit.phases
    return round(value, 1)


def _leading(
    installed: Sequence[Installed], purpose: str, moment: int, charging_since: int | None
) -> Limit | None:
    """The limit of the highest stack level; at equal ones the connector's own profile counts."""
    ranked = sorted(
        (each for each in installed if each.profile["chargingProfilePurpose"] == purpose),
        key=lambda each: (each.profile["stackLevel"], each.connector_id),
        reverse=True,
    )
    for each in ranked:
        limit = _limit_of(each, moment, charging_since)
        if limit is not None:
            return limit
    return None


def _begin(each: Installed, moment: int, charging_since: int | None) -> int | None:
    """When the schedule that is in force at `moment` began, None if it has not."""
    profile, schedule = each.profile, each.profile["chargingSchedule"]
    if profile["chargingProfileKind"] == "Relative":
        return charging_since
    begin = parse_timestamp(schedule.get("startSchedule"))
    if begin is None:
        return each.at if charging_since is None else charging_since
    if profile["chargingProfileKind"] == "Recurring" and begin <= moment:
        every = RECURRENCE[profile["recurrencyKind"]] * 1000
        begin += (moment - begin) // every * every
    return begin


def _limit_of(each: Installed, moment: int, charging_since: int | None) -> Limit | None:
    profile, schedule = each.profile, each.profile["chargingSchedule"]
    since, until = (parse_timestamp(profile.get(name)) for name in ("validFrom", "validTo"))
    begin = _begin(each, moment, charging_since)
    if begin is None or begin > moment or (since is not None and moment < since):
        return None
    offset = (moment - begin) / 1000
    if (until is not None and moment >= until) or offset >= schedule.get("duration", float("inf")):
        return None
    period = [
        period for period in schedule["chargingSchedulePeriod"] if period["startPeriod"] <= offset
    ][-1]
    phases = min(PHASES, period.get("numberPhases", PHASES))
    amperes = float(period["limit"])
    if schedule["chargingRateUnit"] == "W":
        amperes /= NOMINAL_VOLTS * phases
    return Limit(min(RATED_AMPERES, amperes), phases)


def _changes(each: Installed, start: int, end: int, charging_since: int | None) -> set[int]:
    """The moments from `start` to `end` at which a profile's limit may change."""
    profile, schedule = each.profile, each.profile["chargingSchedule"]
    offsets = [period["startPeriod"] for period in schedule["chargingSchedulePeriod"]]
    if "duration" in schedule:
        offsets.append(schedule["duration"])
    begin = _begin(each, start, start if charging_since is None else charging_since)
    assert begin is not None
    begins = [begin]
    if profile["chargingProfileKind"] == "Recurring":
        every = RECURRENCE[profile["recurrencyKind"]] * 1000
        begins += range(begin + every, end, every)
    moments = {begin + offset * 1000 for begin in begins for offset in offsets}
    edges = (parse_timestamp(profile.get(name)) for name in ("validFrom", "validTo"))
    moments |= {edge for edge in edges if edge is not None}
    return {moment for moment in moments if start < moment < end}
