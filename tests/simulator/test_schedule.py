"""Limits of a moment, and composite schedules."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpp_trio.simulator.profiles import ChargingProfiles, is_playable
from ocpp_trio.simulator.schedule import UNLIMITED, Installed, Limit, composite, limit_at
from tests.support.clock import START

DAY = 86_400


def profile(
    *periods: tuple[int, float], level: int = 0, purpose: str = "TxDefaultProfile", **fields: Any
) -> dict[str, Any]:
    schedule = {
        "chargingRateUnit": fields.pop("unit", "A"),
        "chargingSchedulePeriod": [
            {"startPeriod": start, "limit": limit} for start, limit in periods
        ],
    }
    for name in ("duration", "startSchedule"):
        if name in fields:
            schedule[name] = fields.pop(name)
    return {
        "chargingProfileId": fields.pop("number", level),
        "stackLevel": level,
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": "Absolute",
        "chargingSchedule": schedule,
        **fields,
    }


def periods(*given: dict[str, Any], duration: int = 600, since: int | None = None) -> Any:
    installed = [
        Installed(int(each["chargingProfilePurpose"] != "ChargePointMaxProfile"), each, START)
        for each in given
    ]
    schedule = composite(installed, START, duration, "A", since)
    return [(each["startPeriod"], each["limit"]) for each in schedule["chargingSchedulePeriod"]]


def test_nothing_installed_is_the_hardware() -> None:
    assert periods() == [(0, 16.0)]
    assert limit_at([], START, None) == UNLIMITED


def test_the_higher_level_counts_while_it_lasts() -> None:
    assert periods(
        profile((0, 10), (300, 8)),
        profile((0, 6), level=2, duration=120, startSchedule="2026-11-23T08:01:00Z"),
    ) == [(0, 10), (60, 6), (180, 10), (300, 8)]


def test_the_transactions_own_profile_comes_before_the_default() -> None:
    own = profile((0, 12), (60, 14), purpose="TxProfile", chargingProfileKind="Relative", number=9)
    assert periods(profile((0, 6), level=5), own, since=START - 30_000) == [(0, 12), (30, 14)]


def test_nothing_exceeds_the_station() -> None:
    station = profile((0, 9), (100, 11), (200, 5), purpose="ChargePointMaxProfile")
    assert periods(station, profile((0, 10), number=2)) == [(0, 9), (100, 10), (200, 5)]


def test_validity_has_edges() -> None:
    valid = profile((0, 7), validFrom="2026-11-23T08:01:00Z", validTo="2026-11-23T08:02:00Z")
    assert periods(valid) == [(0, 16), (60, 7), (120, 16)]


def test_what_recurs_recurs() -> None:
    nightly = profile(
        (0, 16),
        (8 * 3600, 6),
        chargingProfileKind="Recurring",
        recurrencyKind="Daily",
        startSchedule="2026-11-01T22:00:00Z",
    )
    assert periods(nightly, duration=2 * DAY) == [
        (0, 6),
        (14 * 3600, 16),
        (22 * 3600, 6),
        (38 * 3600, 16),
        (46 * 3600, 6),
    ]


def test_watts_and_phases() -> None:
    given = profile((0, 2300), unit="W")
    given["chargingSchedule"]["chargingSchedulePeriod"][0]["numberPhases"] = 1
    installed = [Installed(1, given, START)]
    assert limit_at(installed, START, None) == Limit(10.0, 1)
    schedule = composite(installed, START, 60, "W", None)
    assert schedule["chargingSchedulePeriod"] == [
        {"startPeriod": 0, "limit": 2300.0, "numberPhases": 1}
    ]


@given(
    st.lists(
        st.tuples(
            st.integers(0, 3),
            st.integers(0, 600),
            st.lists(st.floats(0, 40), min_size=1, max_size=4),
            st.none() | st.integers(1, 600),
        ),
        max_size=4,
    )
)
def test_a_composite_says_what_holds_at_every_moment(
    given: list[tuple[int, int, list[float], int | None]],
) -> None:
    installed = []
    for number, (level, minutes, limits, duration) in enumerate(given):
        fields: dict[str, Any] = {"startSchedule": f"2026-11-23T{7 + minutes // 60:02}:00:00Z"}
        if duration is not None:
            fields["duration"] = duration
        steps = [(index * 90, limit) for index, limit in enumerate(limits)]
        installed.append(Installed(1, profile(*steps, level=level, number=number, **fields), START))
    schedule = composite(installed, START, 900, "A", None)["chargingSchedulePeriod"]
    for second in range(0, 900, 15):
        period = [each for each in schedule if each["startPeriod"] <= second][-1]
        limit = limit_at(installed, START + second * 1000, START)
        assert period["limit"] == pytest.approx(limit.amperes, abs=0.051)


def test_a_profile_replaces_its_like_and_there_is_room_for_ten() -> None:
    profiles = ChargingProfiles()
    for level in range(10):
        assert profiles.set(1, profile((0, 6), level=level), START, None)
    assert not profiles.set(1, profile((0, 6), level=10), START, None)
    assert profiles.set(1, profile((0, 7), level=3, number=77), START, None)
    assert profiles.set(1, profile((0, 8), level=10, number=77), START, None)
    assert len(profiles.installed) == 10


def test_what_is_cleared() -> None:
    profiles = ChargingProfiles()
    profiles.set(0, profile((0, 6), purpose="ChargePointMaxProfile", number=1), START, None)
    profiles.set(0, profile((0, 6), number=2), START, None)
    profiles.set(1, profile((0, 6), level=3, number=3), START, None)
    assert not profiles.clear({"id": 9, "connectorId": 1})
    assert not profiles.clear({"connectorId": 1, "stackLevel": 2})
    assert profiles.clear({"connectorId": 0, "chargingProfilePurpose": "TxDefaultProfile"})
    assert [each.profile["chargingProfileId"] for each in profiles.installed] == [1, 3]
    assert profiles.clear({})
    assert profiles.installed == []


@pytest.mark.parametrize(
    "wrong",
    [
        profile((10, 6)),
        profile((0, 6), (0, 7)),
        profile((0, -1)),
        profile(*((number, 6) for number in range(25))),
        profile((0, 6), level=11),
        profile((0, 6), level=-1),
        profile((0, 6), chargingProfileKind="Recurring", recurrencyKind="Daily"),
        profile((0, 6), chargingProfileKind="Recurring", startSchedule="2026-11-23T08:00:00Z"),
        profile((0, 6), chargingProfileKind="Relative", startSchedule="2026-11-23T08:00:00Z"),
    ],
)
def test_what_cannot_be_played(wrong: dict[str, Any]) -> None:
    assert not is_playable(wrong)
    assert not ChargingProfiles().set(1, wrong, START, None)
