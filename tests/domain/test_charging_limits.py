"""The limit of a running transaction, against a slow model that unrolls every schedule."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocpp_trio.domain.charging_limits import (
    Limit,
    Profile,
    Transaction,
    effective_limit,
    read_profile,
)
from ocpp_trio.domain.times import format_timestamp

NOW = 1_795_000_000_000
HOUR = 3_600_000
DAY = 24 * HOUR
TRANSACTION = Transaction(7, 1, NOW - HOUR)


def installed(
    purpose: str = "TxDefaultProfile",
    limit: float = 16.0,
    *,
    number: int = 1,
    connector: int = 1,
    transaction: int | None = None,
    level: int = 0,
    kind: str = "Absolute",
    start: int | None = NOW - 2 * HOUR,
    duration: int | None = None,
    unit: str = "A",
    periods: Sequence[tuple[int, float]] | None = None,
    phases: int | None = None,
    valid: tuple[int | None, int | None] = (None, None),
    recurrency: str | None = None,
) -> Profile:
    """A profile as it is read from the books; times in ms, periods and duration in s."""
    schedule: dict[str, Any] = {
        "chargingRateUnit": unit,
        "chargingSchedulePeriod": [
            {"startPeriod": at, "limit": value} | ({"numberPhases": phases} if phases else {})
            for at, value in periods or [(0, limit)]
        ],
    }
    payload: dict[str, Any] = {
        "chargingProfileId": number,
        "stackLevel": level,
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": kind,
        "chargingSchedule": schedule,
    }
    if start is not None:
        schedule["startSchedule"] = format_timestamp(start)
    if duration is not None:
        schedule["duration"] = duration
    if recurrency is not None:
        payload["recurrencyKind"] = recurrency
    for field, moment in zip(("validFrom", "validTo"), valid, strict=True):
        if moment is not None:
            payload[field] = format_timestamp(moment)
    return read_profile(payload, connector, transaction, NOW - 3 * HOUR)


def limit_of(*profiles: Profile, now: int = NOW) -> tuple[str, str, int, int | None] | None:
    found = effective_limit(profiles, TRANSACTION, now)
    return None if found is None else (str(found.limit), found.unit, found.profile_id, found.until)


def test_without_profiles_there_is_no_limit() -> None:
    assert limit_of() is None


def test_a_tx_profile_overrules_the_default_also_upwards() -> None:
    default = installed(limit=6.0, number=1, level=9)
    assert limit_of(default) == ("6.0", "A", 1, None)
    own = installed("TxProfile", 21.4, number=2, transaction=7)
    assert limit_of(default, own) == ("21.4", "A", 2, None)


def test_the_profile_of_another_transaction_or_connector_does_not_count() -> None:
    assert limit_of(installed("TxProfile", transaction=8)) is None
    assert limit_of(installed("TxProfile", connector=2)) is None
    assert limit_of(installed(connector=2)) is None
    assert limit_of(installed("TxProfile", number=3)) == ("16.0", "A", 3, None)


def test_the_station_caps_and_never_raises() -> None:
    own = installed("TxProfile", 16.0, number=2, transaction=7)
    low = installed("ChargePointMaxProfile", 10.0, number=3, connector=0)
    high = installed("ChargePointMaxProfile", 32.0, number=4, connector=0)
    assert limit_of(own, low) == ("10.0", "A", 3, None)
    assert limit_of(own, high) == ("16.0", "A", 2, None)
    assert limit_of(high) == ("32.0", "A", 4, None)


@pytest.mark.parametrize(
    ("watts", "phases", "source"),
    [(11_040, None, 2), (11_039, None, 3), (3_679, 1, 3), (3_681, 1, 2)],
)
def test_amperes_and_watts_are_compared_as_power(
    watts: float, phases: int | None, source: int
) -> None:
    own = installed("TxProfile", 16.0, number=2, transaction=7, phases=phases)
    whole = installed("ChargePointMaxProfile", watts, number=3, connector=0, unit="W")
    found = limit_of(own, whole)
    assert found is not None
    assert found[2] == source


def test_the_highest_stack_level_prevails_while_it_has_a_limit() -> None:
    low = installed(limit=16.0, number=1)
    high = installed(limit=8.0, number=2, level=3, start=NOW - HOUR, duration=5400)
    assert limit_of(low, high) == ("8.0", "A", 2, NOW + HOUR // 2)
    assert limit_of(low, high, now=NOW + HOUR // 2) == ("16.0", "A", 1, None)


def test_at_one_stack_level_the_default_of_the_connector_comes_first() -> None:
    everywhere = installed(limit=16.0, number=1, connector=0)
    here = installed(limit=8.0, number=2, connector=1)
    assert limit_of(everywhere, here) == ("8.0", "A", 2, None)
    above = installed(limit=4.0, number=3, connector=0, level=1)
    assert limit_of(everywhere, here, above) == ("4.0", "A", 3, None)


def test_a_relative_profile_begins_with_the_transaction() -> None:
    relative = installed(
        kind="Relative", start=None, periods=[(0, 16.0), (5400, 8.0)], duration=7200
    )
    assert limit_of(relative) == ("16.0", "A", 1, NOW + HOUR // 2)
    assert limit_of(relative, now=NOW + HOUR // 2) == ("8.0", "A", 1, NOW + HOUR)
    assert limit_of(relative, now=NOW + HOUR) is None


def test_a_daily_profile_comes_back_and_ends_with_its_day() -> None:
    daily = installed(
        kind="Recurring",
        recurrency="Daily",
        start=NOW - 10 * DAY - HOUR,
        periods=[(0, 16.0), (7200, 8.0)],
    )
    assert limit_of(daily) == ("16.0", "A", 1, NOW + HOUR)
    assert limit_of(daily, now=NOW + HOUR) == ("8.0", "A", 1, NOW + 23 * HOUR)
    assert limit_of(daily, now=NOW + 23 * HOUR) == ("16.0", "A", 1, NOW + 25 * HOUR)


def test_periods_without_a_difference_do_not_end_a_limit() -> None:
    steps = installed(periods=[(0, 16.0), (8000, 16.0), (9000, 16.0), (10800, 6.0)])
    assert limit_of(steps) == ("16.0", "A", 1, NOW + HOUR)


def test_validity_bounds_a_profile() -> None:
    assert limit_of(installed(valid=(NOW + 1, None))) is None
    assert limit_of(installed(valid=(None, NOW))) is None
    assert limit_of(installed(valid=(NOW, NOW + 1))) == ("16.0", "A", 1, NOW + 1)


# A model that is too slow to be wrong in the same way.


def unrolled(profile: Profile, transaction: Transaction, moment: int) -> Decimal | None:
    """The limit of one profile, from a list of all its intervals around `moment`."""
    first = transaction.started_at if profile.start is None else profile.start
    starts = [first]
    if profile.cycle:
        starts = list(range(first, moment + profile.cycle, profile.cycle))
    for index, start in enumerate(starts):
        ends = [start + profile.duration] if profile.duration is not None else []
        if profile.cycle:
            ends.append(starts[index] + profile.cycle)
        edges = [start + period.start for period in profile.periods]
        for period, begin, end in zip(profile.periods, edges, [*edges[1:], 2**60], strict=True):
            if begin <= moment < min([end, *ends]):
                inside = profile.valid_from is None or moment >= profile.valid_from
                if inside and (profile.valid_to is None or moment < profile.valid_to):
                    return period.limit
    return None


def modelled(profiles: list[Profile], moment: int) -> tuple[Decimal, int] | None:
    own: tuple[Decimal, int] | None = None
    for purpose in ("TxProfile", "TxDefaultProfile"):
        running = [
            (each.stack_level, each.connector_id, each.id, limit)
            for each in profiles
            if each.purpose == purpose
            and (limit := unrolled(each, TRANSACTION, moment)) is not None
        ]
        if running and own is None:
            *_, number, limit = max(running)
            own = limit, number
    caps = [
        (each.stack_level, each.id, limit)
        for each in profiles
        if each.purpose == "ChargePointMaxProfile"
        and (limit := unrolled(each, TRANSACTION, moment)) is not None
    ]
    if not caps:
        return own
    _, number, cap = max(caps)
    return (cap, number) if own is None or cap < own[0] else own


QUARTERS = st.integers(-20, 40).map(lambda number: NOW + number * HOUR // 4)


@st.composite
def any_profile(draw: st.DrawFn) -> Profile:
    purpose = draw(st.sampled_from(["TxProfile", "TxDefaultProfile", "ChargePointMaxProfile"]))
    kind = draw(st.sampled_from(["Absolute", "Relative", "Recurring"]))
    starts = sorted(draw(st.sets(st.integers(1, 40), max_size=3)))
    bounds = sorted(draw(st.sets(QUARTERS, min_size=2, max_size=2)))
    duration = draw(st.none() | st.integers(0, 120).map(lambda number: number * 900))
    connector = {"ChargePointMaxProfile": 0, "TxProfile": 1}.get(purpose)
    return installed(
        purpose,
        number=draw(st.integers(1, 10**6)),
        connector=draw(st.sampled_from([0, 1])) if connector is None else connector,
        level=draw(st.integers(0, 2)),
        kind=kind,
        start=None if kind == "Relative" else draw(QUARTERS),
        duration=duration,
        periods=[(0, draw(st.integers(0, 9)))]
        + [(start * 900, draw(st.integers(0, 9))) for start in starts],
        valid=draw(st.sampled_from([(None, None), (bounds[0], None), (bounds[0], bounds[1])])),
        recurrency="Daily" if kind == "Recurring" else None,
    )


@settings(max_examples=300)
@given(st.lists(any_profile(), max_size=5, unique_by=lambda each: each.id), QUARTERS)
def test_it_is_what_the_model_says_and_holds_until_it_says_so(
    profiles: list[Profile], now: int
) -> None:
    found: Limit | None = effective_limit(profiles, TRANSACTION, now)
    assert (None if found is None else (found.limit, found.profile_id)) == modelled(profiles, now)
    if found is None:
        return
    last = now + 4 * DAY if found.until is None else found.until
    for moment in range(now, min(last, now + 4 * DAY), HOUR // 4):
        assert modelled(profiles, moment) == (found.limit, found.profile_id)
    if found.until is not None:
        assert found.until > now
        assert modelled(profiles, found.until) != (found.limit, found.profile_id)
