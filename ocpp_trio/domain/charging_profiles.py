"""What a charging profile may say (OCPP 1.6 sections 3.13, 5.16 and 7.8 to 7.14, and the errata).

The schema has been checked before: here are the rules that no schema can express. Whether a station
has such a connector, runs such a transaction or can do what is asked is for itself to say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from ocpp_trio.domain.times import parse_timestamp

STATION_MAX = "ChargePointMaxProfile"
TX_DEFAULT = "TxDefaultProfile"
TX = "TxProfile"

ABSOLUTE = "Absolute"
RECURRING = "Recurring"
RELATIVE = "Relative"

MAX_ID = 2**31 - 1

Payload = Mapping[str, Any]
Broken = tuple[str, str]
"""The field that breaks a rule, and the rule."""


def broken_rules(profile: Payload) -> Iterator[Broken]:
    """The rules that a chargingProfile breaks by itself, wherever it is to be set."""
    number = profile.get("chargingProfileId", 1)
    if not 1 <= number <= MAX_ID:
        yield "chargingProfileId", f"must be from 1 to {MAX_ID}"
    if profile["stackLevel"] < 0:
        yield "stackLevel", "must not be negative (OCPP 1.6 section 7.8)"
    if "transactionId" in profile and profile["chargingProfilePurpose"] != TX:
        yield "transactionId", "goes with the purpose TxProfile only (section 7.8)"
    yield from _broken_times(profile)
    schedule = profile["chargingSchedule"]
    for field, text in _broken_schedule(schedule):
        yield f"chargingSchedule.{field}", text


def _broken_times(profile: Payload) -> Iterator[Broken]:
    kind, schedule = profile["chargingProfileKind"], profile["chargingSchedule"]
    if kind == RECURRING and "recurrencyKind" not in profile:
        yield "recurrencyKind", "is required with the kind Recurring (section 7.37)"
    if kind != RECURRING and "recurrencyKind" in profile:
        yield "recurrencyKind", "goes with the kind Recurring only (errata 3.56)"
    if kind == RELATIVE and "startSchedule" in schedule:
        yield (
            "chargingSchedule.startSchedule",
            "must be absent with the kind Relative, which the charge point starts (section 7.9)",
        )
    if kind != RELATIVE and "startSchedule" not in schedule:
        yield "chargingSchedule.startSchedule", f"is required with the kind {kind} (section 7.9)"
    moments = {}
    for field in ("validFrom", "validTo"):
        if field in profile:
            moments[field] = parse_timestamp(profile[field])
            if moments[field] is None:
                yield field, "must be a date and time such as 2030-12-31T23:59:59Z"
    if "startSchedule" in schedule and parse_timestamp(schedule["startSchedule"]) is None:
        yield (
            "chargingSchedule.startSchedule",
            "must be a date and time such as 2030-12-31T23:59:59Z",
        )
    begin, end = moments.get("validFrom"), moments.get("validTo")
    if begin is not None and end is not None and begin >= end:
        yield "validTo", "must be later than validFrom (section 7.8)"


def _broken_schedule(schedule: Payload) -> Iterator[Broken]:
    if schedule.get("duration", 0) < 0:
        yield "duration", "must not be negative (section 7.13)"
    if "minChargingRate" in schedule:
        for text in _broken_rate(schedule["minChargingRate"]):
            yield "minChargingRate", f"{text} (section 7.13)"
    periods: Sequence[Payload] = schedule["chargingSchedulePeriod"]
    if not periods:
        yield "chargingSchedulePeriod", "must have at least one period (section 7.13)"
    previous = None
    for index, period in enumerate(periods):
        place = f"chargingSchedulePeriod.{index}"
        start = period["startPeriod"]
        if previous is None and start != 0:
            yield f"{place}.startPeriod", "must be 0 in the first period (section 7.13)"
        if previous is not None and start <= previous:
            yield f"{place}.startPeriod", "must be later than that of the period before"
        previous = start
        for text in _broken_rate(period["limit"]):
            yield f"{place}.limit", f"{text} (section 7.14)"
        if not 1 <= period.get("numberPhases", 3) <= 3:
            yield f"{place}.numberPhases", "must be 1, 2 or 3 (section 7.14)"


def _broken_rate(rate: float) -> Iterator[str]:
    # By its shortest spelling, which is what goes out: as a binary fraction 1.1 is no multiple.
    number = Decimal(str(rate))
    if number < 0:
        yield "must not be negative"
    if int(number.normalize().as_tuple().exponent) < -1:
        yield "must have one decimal at most"


def broken_by_connector(connector_id: int, purpose: str) -> Iterator[Broken]:
    """The rules about where a profile is set (sections 3.13.1 and 6.43)."""
    if connector_id < 0:
        yield "connectorId", "must not be negative"
    elif purpose == STATION_MAX and connector_id != 0:
        yield "connectorId", "must be 0 for ChargePointMaxProfile (section 3.13.1)"
    elif purpose == TX and connector_id == 0:
        yield "connectorId", "must be greater than 0 for TxProfile (section 3.13.1)"


def broken_by_remote_start(profile: Payload) -> Iterator[Broken]:
    """The rules about a profile that goes with a remote start (section 5.16.2)."""
    if profile["chargingProfilePurpose"] != TX:
        yield "chargingProfilePurpose", "must be TxProfile in a remote start (section 5.16.2)"
    if "transactionId" in profile:
        yield "transactionId", "must be absent in a remote start (section 5.16.2)"
