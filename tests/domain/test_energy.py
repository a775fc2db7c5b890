"""Energy of a transaction: final register, else the newest, else nothing yet."""

from __future__ import annotations

from typing import Any

import pytest

from ocpp_trio.domain.energy import (
    BY_HAND,
    FROM_INTERVALS,
    FROM_REGISTER,
    MAX_INTERVAL_MWH,
    MAX_PLAUSIBLE_WH,
    Interval,
    delivered_wh,
    flags,
    of_transaction,
    read_intervals,
    source_of,
    sum_intervals,
)
from ocpp_trio.domain.readings import INTERVAL, read_samples
from tests.support.clock import DAY, MINUTE, START


@pytest.mark.parametrize(
    ("start", "stop", "newest", "wh"),
    [
        (1000, 4500, None, 3500),
        (1000, 4500, 9999, 3500),
        (1000, None, 2500, 1500),
        (1000, None, None, 0),
        (1000, 0, None, -1000),
        (1000, None, 0, -1000),
        (0, 0, 5, 0),
        (-(2**63), 2**63 - 1, None, 2**64 - 1),
    ],
)
def test_delivered(start: int, stop: int | None, newest: int | None, wh: int) -> None:
    assert delivered_wh(start, stop, newest) == wh


@pytest.mark.parametrize(
    ("wh", "words"),
    [
        (0, ()),
        (-1, ("negative-energy",)),
        (MAX_PLAUSIBLE_WH, ()),
        (MAX_PLAUSIBLE_WH + 1, ("absurd-energy",)),
    ],
)
def test_flags(wh: int, words: tuple[str, ...]) -> None:
    assert flags(wh) == words


@pytest.mark.parametrize(
    ("start", "stop", "newest", "intervals", "wh"),
    [
        (0, None, None, 700, 700),
        (0, 0, None, 700, 700),
        (0, 900, None, 700, 900),
        (0, None, 650, 700, 650),
        (0, 0, 0, 700, 0),
        (0, 0, None, None, 0),
        (5, 5, None, -3, -3),
    ],
)
def test_intervals_count_only_where_no_register_speaks(
    start: int, stop: int | None, newest: int | None, intervals: int | None, wh: int
) -> None:
    assert delivered_wh(start, stop, newest, intervals) == wh


def test_what_an_operator_wrote_stands() -> None:
    row = {"meter_start": 0, "meter_stop": 0, "register_wh": None, "interval_wh": 700}
    assert of_transaction(row | {"stopped_by": "station"}) == 700
    assert source_of(row | {"stopped_by": "station"}) == FROM_INTERVALS
    assert of_transaction(row | {"stopped_by": BY_HAND}) == 0
    assert source_of(row | {"stopped_by": BY_HAND}) == FROM_REGISTER


def read(*meter_values: dict[str, Any], received_at: int = START + DAY) -> list[Interval]:
    return read_intervals(meter_values, read_samples(meter_values, received_at), 2**62 + 5)


def interval(at: str, *values: tuple[str, dict[str, str]]) -> dict[str, Any]:
    sampled = [{"value": value, "measurand": INTERVAL} | more for value, more in values]
    return {"timestamp": at, "sampledValue": sampled}


T0, T1 = "2026-11-23T08:00:00Z", "2026-11-23T08:01:00Z"


def test_interval_readings_are_thousandths_of_a_wh_by_moment() -> None:
    readings = read(
        interval(T0, ("0.0315", {"unit": "kWh"})),
        interval(T1, ("0.4", {}), ("7", {"measurand": "Power.Active.Import"})),
    )
    assert readings == [Interval(0, START, 31_500), Interval(0, START + MINUTE, 400)]


def test_phases_of_an_interval_are_summed_where_no_total_is_given() -> None:
    phases = (("10", {"phase": "L1-N"}), ("20", {"phase": "L2-N"}))
    assert read(interval(T0, *phases)) == [Interval(0, START, 30_000)]
    assert read(interval(T0, *phases, ("29", {}))) == [Interval(0, START, 29_000)]


def test_the_two_kinds_of_intervals_are_kept_apart_and_only_one_counts() -> None:
    clock = {"context": "Sample.Clock"}
    readings = read(interval(T0, ("10", {}), ("15", clock)))
    assert readings == [Interval(0, START, 10_000), Interval(1, START, 15_000)]
    assert sum_intervals(10_000, 15_000) == 10
    assert sum_intervals(None, 15_499) == 15
    assert sum_intervals(0, 15_000) == 0
    assert sum_intervals(None, None) is None


@pytest.mark.parametrize(
    "more",
    [
        {"location": "Inlet"},
        {"context": "Trigger"},
        {"format": "SignedData"},
        {"value": "12 kWh"},
        {"measurand": "Energy.Active.Export.Interval"},
    ],
)
def test_what_is_no_interval_at_the_outlet_does_not_count(more: dict[str, str]) -> None:
    assert read(interval(T0, ("10", more))) == []


def test_an_absurd_interval_is_limited_and_so_shows_as_absurd() -> None:
    (reading,) = read(interval(T0, ("9e250", {})))
    assert reading.mwh == MAX_INTERVAL_MWH
    assert flags(sum_intervals(reading.mwh, None) or 0) == ("absurd-energy",)


def test_without_a_clock_every_reading_of_a_message_has_a_place_of_its_own() -> None:
    values = [interval("1970-01-01T00:00:00Z", ("10", {}))] * 3
    moments = [each.moment for each in read(*values)]
    assert len(set(moments)) == 3
    assert max(moments) < 0
    assert moments == [each.moment for each in read(*values, received_at=START + 9 * DAY)]


def test_a_clock_that_our_own_will_reach_names_the_same_moment_before_and_after() -> None:
    ahead = interval("2027-11-23T08:00:00Z", ("10", {}))
    assert read(ahead, received_at=START) == read(ahead, received_at=START + 400 * DAY)
