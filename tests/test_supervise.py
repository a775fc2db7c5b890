"""Repeating a tick: for ever, whatever it raises."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import trio
from structlog.typing import EventDict
from trio.testing import MockClock

from ocpp_trio.supervise import MAX_BACKOFF, Health, contained, every, jittered


class Ticks:
    """A tick that notes when it ran and fails as often as it is told."""

    def __init__(self, failures: int = 0, error: Callable[[], BaseException] = OSError) -> None:
        self.moments: list[float] = []
        self.failures = failures
        self.error = error

    async def __call__(self) -> None:
        await trio.lowlevel.checkpoint()
        self.moments.append(trio.current_time())
        if len(self.moments) <= self.failures:
            raise self.error()

    def pauses(self) -> list[float]:
        return [
            round(later - earlier, 6)
            for earlier, later in zip(self.moments, self.moments[1:], strict=False)
        ]


async def run_for(seconds: float, tick: Ticks, health: Health, pause: float = 10) -> None:
    with trio.move_on_after(seconds):
        await every(pause, "service", tick, health)


async def test_a_tick_runs_at_once_and_then_every_so_often(autojump_clock: MockClock) -> None:
    ticks, health = Ticks(), Health()
    await run_for(35, ticks, health)
    assert ticks.pauses() == [10, 10, 10]
    assert health.failing == {}


async def test_the_time_a_tick_takes_is_not_taken_off(autojump_clock: MockClock) -> None:
    moments = []

    async def slow() -> None:
        moments.append(trio.current_time())
        await trio.sleep(5)

    with trio.move_on_after(40):
        await every(10, "slow", slow, Health())
    assert [later - moments[0] for later in moments] == [0, 15, 30]


async def test_a_failing_tick_is_tried_again_later_and_later(
    autojump_clock: MockClock, expected_errors: list[EventDict]
) -> None:
    ticks = Ticks(failures=9)
    await run_for(320, ticks, Health())
    assert ticks.pauses() == [1, 2, 4, 8, 16, 32, 60, 60, 60, 10, 10, 10, 10, 10, 10, 10]
    assert len(expected_errors) == 9


async def test_after_a_success_it_begins_anew(
    autojump_clock: MockClock, expected_errors: list[EventDict]
) -> None:
    moments = []

    async def moody() -> None:
        moments.append(trio.current_time())
        if len(moments) in {1, 2, 4}:
            raise OSError

    with trio.move_on_after(15):
        await every(10, "moody", moody, Health())
    assert [later - moments[0] for later in moments] == [0, 1, 3, 13, 14]


async def test_health_says_what_fails_and_for_how_long(
    autojump_clock: MockClock, expected_errors: list[EventDict]
) -> None:
    health = Health()
    ticks = Ticks(failures=2, error=lambda: OSError("disk gone"))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(every, 10, "writer", ticks, health)
        nursery.start_soon(every, 10, "other", Ticks(), health)
        await trio.sleep(2)
        assert health.failing == {"writer": "OSError: disk gone"}
        await trio.sleep(2)
        assert health.failing == {}
        nursery.cancel_scope.cancel()


async def test_the_first_failure_is_logged_with_its_traceback_the_next_are_counted(
    autojump_clock: MockClock, expected_errors: list[EventDict]
) -> None:
    await run_for(2, Ticks(failures=9, error=lambda: OSError("gone")), Health())
    first, second = expected_errors
    assert (first["event"], first["source"], first["exc_info"]) == (
        "service failed",
        "service",
        True,
    )
    assert (second["event"], second["failures"], second["error"]) == (
        "service failed again",
        2,
        "gone",
    )


@pytest.mark.parametrize(
    "error",
    [
        ValueError,
        RecursionError,
        MemoryError,
        lambda: ExceptionGroup("group", [OSError(), ValueError()]),
    ],
)
async def test_no_exception_ends_it(
    autojump_clock: MockClock,
    expected_errors: list[EventDict],
    error: Callable[[], BaseException],
) -> None:
    ticks = Ticks(failures=1, error=error)
    await run_for(5, ticks, Health())
    assert len(ticks.moments) == 2


async def test_days_of_failures_do_not_end_it(
    autojump_clock: MockClock, expected_errors: list[EventDict]
) -> None:
    failures = 1100
    ticks = Ticks(failures)
    await run_for((failures + 2) * MAX_BACKOFF, ticks, Health())
    assert len(ticks.moments) > failures
    assert set(ticks.pauses()[6 : failures - 1]) == {MAX_BACKOFF}


async def test_a_cancel_ends_it(autojump_clock: MockClock) -> None:
    with trio.CancelScope() as scope:
        scope.cancel()
        await every(10, "service", Ticks(), Health())
    assert scope.cancelled_caught


def test_what_is_no_exception_gets_through(expected_errors: list[EventDict]) -> None:
    async def main() -> None:
        await every(10, "service", Ticks(failures=1, error=SystemExit), Health())

    with pytest.raises(SystemExit):
        trio.run(main)
    assert expected_errors == []


async def test_what_a_contained_task_raises_ends_with_it(
    autojump_clock: MockClock, expected_errors: list[EventDict]
) -> None:
    neighbour = Ticks()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(contained, "one", Ticks(failures=1))
        nursery.start_soon(contained, "another", neighbour)
    assert len(neighbour.moments) == 1
    assert [event["source"] for event in expected_errors] == ["one"]


def test_jitter_stays_within_its_share_and_differs() -> None:
    durations = {jittered(30) for _ in range(200)}
    assert all(24 <= duration <= 36 for duration in durations)
    assert len(durations) > 100
    assert all(9 <= jittered(10, 0.1) <= 11 for _ in range(200))
    assert jittered(0) == 0
