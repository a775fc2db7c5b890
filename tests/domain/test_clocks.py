"""The skew of a clock: the largest difference of an hour."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpp_trio.domain.clocks import LATE, WINDOW, SkewMeter, is_certain
from tests.support.clock import DAY, HOUR, MINUTE, SECOND, START


def test_late_messages_change_nothing() -> None:
    meter = SkewMeter()
    assert meter.observe(-3 * DAY, 0) == -3 * DAY
    assert meter.observe(1500, 1) == 1500
    for second in range(2, 100):
        assert meter.observe(1500 - second * MINUTE, second) == 1500


def test_a_clock_that_was_set_right_shows_it_after_an_hour() -> None:
    meter = SkewMeter()
    assert meter.observe(5 * MINUTE, 0) == 5 * MINUTE
    assert meter.observe(-200, 1800) == 5 * MINUTE
    assert meter.observe(-300, 3599) == 5 * MINUTE
    assert meter.observe(-250, 3600) == -200
    assert meter.observe(-400, 100_000) == -400


@given(
    st.lists(
        st.tuples(st.integers(-10 * DAY, 10 * DAY), st.floats(0, 600)), min_size=1, max_size=60
    )
)
def test_it_is_the_largest_of_the_last_hour_to_the_minute(
    steps: list[tuple[int, float]],
) -> None:
    meter, at, seen = SkewMeter(), 0.0, []
    for ahead, pause in steps:
        at += pause
        seen.append((at, ahead))
        skew = meter.observe(ahead, at)
        surely = [value for moment, value in seen if moment > at - WINDOW + 60]
        perhaps = [value for moment, value in seen if moment > at - WINDOW - 60]
        assert max(surely) <= skew <= max(perhaps)
        assert skew in perhaps


def test_it_stays_small_however_many_messages_come() -> None:
    meter = SkewMeter()
    for second in range(20_000):
        meter.observe(-second, second / 2)
    assert len(meter._largest) <= 61


@pytest.mark.parametrize(
    ("skew", "moment", "connected_for", "certain"),
    [
        (90 * SECOND, START, 0, True),
        (-90 * SECOND, START, 0, False),
        (-3 * DAY, START, LATE - 1, False),
        (-HOUR, START, LATE, True),
        (-START, 0, 0, True),
    ],
)
def test_a_little_behind_may_be_a_queue(
    skew: int, moment: int, connected_for: float, certain: bool
) -> None:
    assert is_certain(skew, moment, connected_for) is certain
