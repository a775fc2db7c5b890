"""Token buckets: so many at once, coming back evenly, by name, in bounded memory."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ocpp_trio.domain.token_buckets import TokenBuckets


def test_a_name_has_so_many_and_they_come_back_evenly() -> None:
    buckets = TokenBuckets(3, 60)
    assert [buckets.take("a", 100) for _ in range(4)] == [True, True, True, False]
    assert buckets.wait("a", 100) == 20
    assert not buckets.take("a", 119)
    assert buckets.wait("a", 120) == 0
    assert buckets.take("a", 120)
    assert not buckets.take("a", 120)
    # Never more than the size, however long nothing was taken.
    assert [buckets.take("a", 10_000) for _ in range(4)] == [True, True, True, False]


def test_names_do_not_share() -> None:
    buckets = TokenBuckets(1, 60)
    assert buckets.take("a", 0)
    assert not buckets.take("a", 0)
    assert buckets.wait("b", 0) == 0
    assert buckets.take("b", 0)


def test_past_the_bound_the_quietest_is_forgotten() -> None:
    buckets = TokenBuckets(2, 60, names=2)
    for name in ("a", "b", "a", "c"):
        assert buckets.take(name, 0)
    assert buckets.wait("a", 0) > 0
    assert buckets.take("b", 0)
    assert buckets.wait("b", 0) == 0


@given(st.lists(st.floats(0, 10), max_size=50))
def test_in_any_window_at_most_twice_the_size(pauses: list[float]) -> None:
    buckets, now, taken = TokenBuckets(5, 10), 0.0, []
    for pause in pauses:
        now += pause
        if buckets.take("a", now):
            taken.append(now)
    for first in taken:
        assert len([moment for moment in taken if first <= moment <= first + 10]) <= 10
