"""Which limit holds for a transaction now, and until when, by the profiles that its station has
(OCPP 1.6 sections 3.13.1 to 3.13.3 and 5.16.4).

The station has the last word: it may limit further for reasons of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from ocpp_trio.domain.charging_profiles import RECURRING, STATION_MAX, TX, TX_DEFAULT
from ocpp_trio.domain.times import parse_timestamp

DAY_MS = 86_400_000
CYCLES = {"Daily": DAY_MS, "Weekly": 7 * DAY_MS}
NOMINAL_VOLTAGE = 230
"""V between phase and neutral: compares a limit in A with one in W."""
DEFAULT_PHASES = 3
"""Section 7.14: assumed unless a period says otherwise."""
MAX_STEPS = 50
"""Changes of period looked at to find out until when a limit holds."""


class Period(NamedTuple):
    """From `start` (ms since the start of the schedule) on, `limit` in the schedule's unit."""

    start: int
    limit: Decimal
    phases: int


class Profile(NamedTuple):
    """An installed profile, read once. Moments and durations in ms.

    `start` is where its schedule begins; None: with the transaction.
    """

    id: int
    connector_id: int
    transaction_id: int | None
    stack_level: int
    purpose: str
    valid_from: int | None
    valid_to: int | None
    start: int | None
    cycle: int | None
    duration: int | None
    unit: str
    periods: Sequence[Period]


class Transaction(NamedTuple):
    """A running transaction; `started_at` in ms."""

    id: int
    connector_id: int
    started_at: int


class Limit(NamedTuple):
    """`limit` in A or W, from the profile `profile_id`, until the moment `until` (ms).

    `until` None: nothing is known that would end it.
    """

    limit: Decimal
    unit: str
    phases: int
    profile_id: int
    purpose: str
    until: int | None

    @property
    def watts(self) -> Decimal:
        """The limit as power, for a comparison."""
        return self.limit if self.unit == "W" else self.limit * NOMINAL_VOLTAGE * self.phases


def read_profile(
    payload: Mapping[str, Any],
    connector_id: int,
    transaction_id: int | None,
    installed_at: int,
) -> Profile:
    """A chargingProfile of the wire that a station accepted at `installed_at` (ms)."""
    schedule = payload["chargingSchedule"]
    start = parse_timestamp(schedule.get("startSchedule"))
    if payload["chargingProfilePurpose"] == STATION_MAX and start is None:
        # It has no transaction to begin with.
        start = installed_at
    cycle = None
    if payload["chargingProfileKind"] == RECURRING:
        cycle = CYCLES.get(payload.get("recurrencyKind", ""))
    duration = schedule.get("duration")
    return Profile(
        payload["chargingProfileId"],
        connector_id,
        transaction_id,
        payload["stackLevel"],
        payload["chargingProfilePurpose"],
        parse_timestamp(payload.get("validFrom")),
        parse_timestamp(payload.get("validTo")),
        start,
        cycle,
        None if duration is None else duration * 1000,
        schedule["chargingRateUnit"],
        tuple(
            Period(
                period["startPeriod"] * 1000,
                Decimal(str(period["limit"])),
                period.get("numberPhases", DEFAULT_PHASES),
            )
            for period in schedule["chargingSchedulePeriod"]
        ),
    )


def effective_limit(
    profiles: Iterable[Profile], transaction: Transaction, now: int
) -> Limit | None:
    """The limit of a running transaction at `now` (ms) by all profiles of its station; None if none
    holds.
    """
    mine = [each for each in profiles if _concerns(each, transaction)]
    found = _limit_at(mine, transaction, now)
    if found is None:
        return None
    moment = now
    for _ in range(MAX_STEPS):
        change = _next_change_of(mine, transaction.started_at, moment)
        if change is None:
            return found
        moment = change
        if _limit_at(mine, transaction, moment) != found:
            return found._replace(until=moment)
    return found


def _concerns(profile: Profile, transaction: Transaction) -> bool:
    if profile.purpose == TX:
        if profile.transaction_id is not None:
            return profile.transaction_id == transaction.id
        return profile.connector_id == transaction.connector_id
    if profile.purpose == TX_DEFAULT:
        return profile.connector_id in {0, transaction.connector_id}
    return profile.purpose == STATION_MAX


def _limit_at(mine: Sequence[Profile], transaction: Transaction, moment: int) -> Limit | None:
    by_purpose = {
        purpose: _prevailing(mine, purpose, transaction.started_at, moment)
        for purpose in (TX, TX_DEFAULT, STATION_MAX)
    }
    own = by_purpose[TX] or by_purpose[TX_DEFAULT]
    whole = by_purpose[STATION_MAX]
    if own is None or whole is None:
        return own or whole
    return whole if whole.watts < own.watts else own


def _prevailing(
    profiles: Sequence[Profile], purpose: str, started_at: int, moment: int
) -> Limit | None:
    """Of one purpose the highest stack level that has a limit at this moment (section 3.13.2); of a
    tie, the one for the connector (section 3.13.1).
    """
    best: tuple[tuple[int, int, int], Profile, Period] | None = None
    for each in profiles:
        if each.purpose != purpose:
            continue
        period = _period_at(each, started_at, moment)
        rank = (each.stack_level, each.connector_id, each.id)
        if period is not None and (best is None or rank > best[0]):
            best = rank, each, period
    if best is None:
        return None
    _, profile, period = best
    return Limit(period.limit, profile.unit, period.phases, profile.id, purpose, None)


def _is_valid(profile: Profile, moment: int) -> bool:
    return (profile.valid_from is None or profile.valid_from <= moment) and (
        profile.valid_to is None or moment < profile.valid_to
    )


def _run(profile: Profile, started_at: int, moment: int) -> tuple[int, int | None]:
    """The run of the schedule that `moment` is in or waits for: its start, and its end."""
    start = started_at if profile.start is None else profile.start
    if profile.cycle is not None and moment > start:
        start += (moment - start) // profile.cycle * profile.cycle
    lengths = [each for each in (profile.duration, profile.cycle) if each is not None]
    return start, start + min(lengths) if lengths else None


def _period_at(profile: Profile, started_at: int, moment: int) -> Period | None:
    if not _is_valid(profile, moment):
        return None
    start, end = _run(profile, started_at, moment)
    if moment < start or (end is not None and moment >= end):
        return None
    current = None
    for period in profile.periods:
        if start + period.start > moment:
            break
        current = period
    return current


def _next_change_of(profiles: Sequence[Profile], started_at: int, moment: int) -> int | None:
    changes = (_next_change(each, started_at, moment) for each in profiles)
    return min((each for each in changes if each is not None), default=None)


def _next_change(profile: Profile, started_at: int, moment: int) -> int | None:
    """The first moment after `moment` at which this profile may say something else."""
    if profile.valid_from is not None and moment < profile.valid_from:
        return profile.valid_from
    if profile.valid_to is None:
        return _next_change_of_schedule(profile, started_at, moment)
    if moment >= profile.valid_to:
        return None
    change = _next_change_of_schedule(profile, started_at, moment)
    return profile.valid_to if change is None else min(change, profile.valid_to)


def _next_change_of_schedule(profile: Profile, started_at: int, moment: int) -> int | None:
    start, end = _run(profile, started_at, moment)
    if moment < start:
        return start
    if end is not None and moment >= end:
        return None if profile.cycle is None else start + profile.cycle
    for period in profile.periods:
        change = start + period.start
        if change > moment:
            return change if end is None else min(change, end)
    return end
