"""When energy was delivered: linear between readings, parts that always add up."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpp_trio.domain.courses import course, end_of, from_intervals, from_registers, wh_at


def row(**columns: Any) -> dict[str, Any]:
    """A transaction of 1000 Wh from 0 to 100 ms."""
    return {
        "started_at": 0,
        "stopped_at": 100,
        "is_complete": 1,
        "meter_start": 500,
        "meter_stop": 1500,
        "register_wh": None,
        "register_at": None,
        "interval_wh": None,
        "stopped_by": "station",
    } | columns


RUNNING = {"is_complete": 0, "stopped_at": None, "meter_stop": None, "stopped_by": None}


def test_without_readings_it_is_linear() -> None:
    points = course(row(), ())
    assert [wh_at(points, moment) for moment in (-5, 0, 1, 50, 99, 100, 500)] == [
        0,
        0,
        10,
        500,
        990,
        1000,
        1000,
    ]


def test_it_is_linear_between_the_two_nearest_readings() -> None:
    points = course(row(), [(20, 800), (60, 900)])
    assert [wh_at(points, moment) for moment in (10, 20, 40, 60, 80)] == [400, 800, 850, 900, 950]


@pytest.mark.parametrize(
    "odd", [(-10, 5), (0, 5), (100, 5), (200, 5), (50, -1), (50, 1001), (50, 399)]
)
def test_a_reading_that_cannot_be_is_left_out(odd: tuple[int, int]) -> None:
    points = sorted([(40, 400), (60, 600), odd])
    assert course(row(), points) == [(0, 0), (40, 400), (60, 600), (100, 1000)]


def test_a_meter_that_went_back_is_linear_too() -> None:
    points = course(row(meter_stop=400), [(50, -20), (60, 10)])
    assert points == [(0, 0), (50, -20), (100, -100)]


def test_one_that_ends_where_it_begins_is_delivered_at_once() -> None:
    for stopped_at in (0, -50):
        points = course(row(stopped_at=stopped_at), ())
        assert (wh_at(points, 0), wh_at(points, 1)) == (0, 1000)


def test_what_runs_ends_with_its_newest_reading() -> None:
    assert end_of(row(**RUNNING)) == 0
    assert course(row(**RUNNING), ()) == [(0, 0), (0, 0)]
    running = row(**RUNNING, register_wh=900, register_at=80)
    assert end_of(running) == 80
    assert course(running, [(40, 100)]) == [(0, 0), (40, 100), (80, 400)]
    by_intervals = row(**RUNNING, interval_wh=30)
    assert end_of(by_intervals) is None
    assert course(by_intervals, [(-9, 10), (40, 20), (60, 30)]) == [(0, 0), (40, 20), (60, 30)]


def test_registers_become_points() -> None:
    samples = [
        (10, 0.6, "kWh", None),
        (20, 300.0, "Wh", "L1"),
        (20, 400.0, "Wh", "L2-N"),
        (30, 800.0, "Wh", None),
        (30, 1.0, "Wh", "L1"),
    ]
    assert from_registers(500, samples) == [(10, 100), (20, 200), (30, 300)]


def test_intervals_become_points() -> None:
    assert from_intervals([(-7, 400), (10, 400), (20, 30_000)]) == [(-7, 0), (10, 1), (20, 31)]


POINTS = st.lists(st.tuples(st.integers(-10, 110), st.integers(-200, 1200)), max_size=8)


@given(
    POINTS.map(sorted),
    st.integers(-300, 3000),
    st.integers(-20, 120),
    st.lists(st.integers(-30, 130), max_size=6).map(sorted),
)
def test_parts_add_up_to_the_whole(
    points: list[tuple[int, int]], meter_stop: int, stopped_at: int, cuts: list[int]
) -> None:
    made = course(row(meter_stop=meter_stop, stopped_at=stopped_at), points)
    edges = [-(10**6), *cuts, 10**6]
    parts = [wh_at(made, b) - wh_at(made, a) for a, b in pairwise(edges)]
    assert sum(parts) == meter_stop - 500
    # Nothing is given back that was delivered.
    sign = 1 if meter_stop >= 500 else -1
    assert all(sign * part >= 0 for part in parts)
