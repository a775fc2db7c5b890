"""The arithmetic of limits, and what is told of those that were reached."""

from __future__ import annotations

from dataclasses import fields
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from ocpp_trio import config
from ocpp_trio.limits import (
    RESERVED_FILES,
    Counts,
    Throttle,
    WaitingConnections,
    address_of,
    within_open_files,
)
from ocpp_trio.services.limit_report import LimitReport
from ocpp_trio.settings import Settings


def test_a_throttle_lets_a_burst_through_and_then_its_rate() -> None:
    throttle = Throttle(rate=10, burst=5)
    assert [throttle.take(100.0) > 0 for _ in range(7)] == [False] * 5 + [True] * 2
    # Whoever waits as long as told sends exactly at the rate.
    now = 100.0
    for _ in range(100):
        now += max(0.0, throttle.take(now))
    assert now == pytest.approx(100.0 + 10.2, abs=0.11)
    # After a rest there is a whole burst again.
    now += 60
    assert [throttle.take(now) > 0 for _ in range(6)] == [False] * 5 + [True]


@given(st.lists(st.floats(0, 0.5), min_size=1, max_size=200))
def test_no_more_than_burst_and_rate_pass_in_any_time(pauses: list[float]) -> None:
    throttle = Throttle(rate=20, burst=10)
    now, moments = 0.0, []
    for pause in pauses:
        now += pause
        moments.append(now)
        now += max(0.0, throttle.take(now))
    for first, start in enumerate(moments):
        for last in range(first, len(moments)):
            assert last - first + 1 <= 10 + 20 * (moments[last] - start) + 1.001


class Door:
    """Waiting connections by name, and who was dropped."""

    def __init__(self, most: int, per_address: int, grace: float = 0) -> None:
        self.waiting = WaitingConnections(most, per_address, grace)
        self.dropped: list[str] = []
        self.now = 100.0

    def add(self, names: str, address: str) -> int:
        """Each letter is a connection; how many were dropped for them."""
        return sum(
            self.waiting.add(name, address, self.now, partial(self.dropped.append, name))
            for name in names
        )


def test_past_the_bound_of_an_address_its_oldest_goes_and_nobody_elses() -> None:
    door = Door(100, 2)
    assert door.add("x", "192.0.2.9") == 0
    assert door.add("abcd", "192.0.2.1") == 2
    assert door.dropped == ["a", "b"]
    assert len(door.waiting) == 3


def test_who_has_just_come_is_given_a_moment() -> None:
    door = Door(100, 2, grace=2)
    assert door.add("abcdef", "192.0.2.1") == 0
    door.waiting.discard("c")
    door.now += 1.9
    assert door.add("g", "192.0.2.1") == 0
    door.now += 0.2
    # All at once that are too many and have had their time.
    assert door.add("h", "192.0.2.1") == 5
    assert door.dropped == ["a", "b", "d", "e", "f"]


def test_past_the_bound_of_all_the_oldest_goes_of_who_has_most() -> None:
    door = Door(4, 2, grace=60)
    assert door.add("x", "192.0.2.9") == 0
    assert door.add("abc", "192.0.2.1") == 0
    # The flooder pays for itself, whatever the age.
    assert door.add("d", "192.0.2.1") == 1
    assert door.dropped == ["a"]
    # Somebody else: whoever has waited longest.
    assert door.add("y", "192.0.2.8") == 1
    assert door.dropped == ["a", "x"]
    door.waiting.discard("c")
    door.waiting.discard("never there")
    assert [door.waiting.drop_oldest() for _ in range(4)] == [True, True, True, False]
    assert door.dropped == ["a", "x", "b", "d", "y"]
    assert door.waiting._by_address == {}


def test_who_is_behind_a_proxy_has_no_bound_of_an_address() -> None:
    door = Door(3, 1)
    assert door.add("abc", "") == 0
    assert door.add("d", "") == 1
    assert door.dropped == ["a"]


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2::", "2001:db8:1:2::"),
        ("fe80::1%eth0", "fe80::"),
        ("", ""),
        ("no:address", "no:address"),
    ],
)
def test_a_network_of_ipv6_counts_as_one_address(host: str, expected: str) -> None:
    assert address_of(host) == expected


def _fitted(open_files: int, **variables: str) -> tuple[Settings, str | None]:
    return within_open_files(config.load(variables), open_files)


def test_connections_that_fit_into_the_open_files_stay_as_set() -> None:
    settings = config.load({})
    needed = settings.max_connections + settings.max_handshakes + settings.max_http_connections
    assert _fitted(needed + RESERVED_FILES) == (settings, None)


@pytest.mark.parametrize("open_files", [1, 64, 256, 1024, 4096, 20_000])
def test_connections_that_do_not_fit_are_fewer(open_files: int) -> None:
    settings, warning = _fitted(open_files)
    assert warning is not None
    assert f"only {open_files} files" in warning
    bounds = (settings.max_connections, settings.max_handshakes, settings.max_http_connections)
    assert min(bounds) >= 1
    assert sum(bounds) <= max(8, open_files - RESERVED_FILES)
    assert str(settings.max_connections) in warning


def test_what_was_set_low_is_not_raised() -> None:
    settings, _ = _fitted(1024, OCPP_MAX_HTTP_CONNECTIONS="5", OCPP_MAX_HANDSHAKES="7")
    assert (settings.max_http_connections, settings.max_handshakes) == (5, 7)
    assert settings.max_connections == 1024 - RESERVED_FILES - 12


def test_all_counts_begin_at_zero_and_only_rises_are_told() -> None:
    counts = Counts()
    assert {getattr(counts, each.name) for each in fields(counts)} == {0}
    before = counts.copy()
    counts.handshakes_dropped += 3
    assert counts.since(before) == {"handshakes_dropped": 3}
    assert counts.since(counts.copy()) == {}


async def test_limits_that_were_reached_are_told_once() -> None:
    counts = Counts()
    report = LimitReport(counts)
    with capture_logs() as told:
        await report.tick()
        counts.bodies_too_slow += 2
        await report.tick()
        await report.tick()
        counts.bodies_too_slow += 1
        await report.tick()
    assert [event["bodies_too_slow"] for event in told] == [2, 1]
