"""Group commit: many units, one commit, each told its own outcome."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from ocpp_trio.errors import StoreLost, StoreUnavailable
from ocpp_trio.logs import Entry
from ocpp_trio.store import logs
from ocpp_trio.store.batch import Job
from ocpp_trio.store.database import Database, Tx, bulk_form
from ocpp_trio.store.opening import GATHER_TIME, open_database
from tests.conftest import MakeSettings
from tests.support.statements import fetch, sql, value
from tests.support.writers import Gate, WatchedDriver, watched_database

COUNT = "SELECT count(*) FROM logs"


class UnitError(Exception):
    """What a unit of these tests raises."""


def entry(message: str) -> Entry:
    return Entry(None, 0, "INFO", "test", message)


def add(tx: Tx, message: str) -> str:
    logs.insert(tx, [entry(message)])
    return f"added {message}"


def add_and_fail(tx: Tx, message: str) -> None:
    add(tx, message)
    raise UnitError(message)


def add_twice(tx: Tx, message: str) -> None:
    """Breaks a rule of the schema: the database refuses, not Python."""
    add(tx, message)
    tx.run(sql("INSERT INTO logs (message) VALUES ('no level, no source')"))


async def stored(database: Database) -> list[str]:
    rows = await database.read(fetch, "SELECT message FROM logs ORDER BY id")
    return [row["message"] for row in rows]


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
async def watched(
    make_settings: MakeSettings, gate: Gate
) -> AsyncIterator[tuple[Database, WatchedDriver]]:
    async with watched_database(make_settings(), gate=gate) as opened:
        yield opened


async def write_together(database: Database, *units: tuple[Callable[..., Any], Any]) -> list[Any]:
    """Write all units at once; the result or exception of each."""
    outcomes: list[Any] = [None] * len(units)

    async def one(place: int) -> None:
        unit, argument = units[place]
        try:
            outcomes[place] = await database.write(unit, argument)
        except Exception as error:
            outcomes[place] = error

    async with trio.open_nursery() as nursery:
        for place in range(len(units)):
            nursery.start_soon(one, place)
    return outcomes


async def test_a_write_returns_its_result_and_a_read_sees_it(database: Database) -> None:
    assert await database.write(add, "one") == "added one"
    assert await stored(database) == ["one"]


async def test_what_waits_together_is_committed_together(
    watched: tuple[Database, WatchedDriver],
) -> None:
    database, driver = watched
    outcomes = await write_together(database, *((add, str(number)) for number in range(50)))
    assert outcomes == [f"added {number}" for number in range(50)]
    assert driver.batches == [50]


async def test_a_batch_has_a_largest_size(make_settings: MakeSettings) -> None:
    async with watched_database(make_settings(OCPP_DB_BATCH="3")) as (database, driver):
        await write_together(database, *((add, str(number)) for number in range(8)))
        assert sum(driver.batches) == 8
        assert max(driver.batches) == 3
        assert len(await stored(database)) == 8


@pytest.mark.parametrize("bad", [add_and_fail, add_twice])
async def test_one_failure_never_sinks_its_neighbours(
    watched: tuple[Database, WatchedDriver], bad: Callable[..., Any]
) -> None:
    database, driver = watched
    outcomes = await write_together(database, (add, "before"), (bad, "bad"), (add, "after"))
    assert driver.batches == [3]
    assert sorted([str(outcomes[0]), str(outcomes[2])]) == ["added after", "added before"]
    assert isinstance(outcomes[1], Exception)
    assert not isinstance(outcomes[1], StoreUnavailable)
    assert sorted(await stored(database)) == ["after", "before"]
    assert database.failing_for() == 0


async def test_every_unit_of_a_batch_may_fail(watched: tuple[Database, WatchedDriver]) -> None:
    database, _ = watched
    outcomes = await write_together(database, *((add_and_fail, str(n)) for n in range(3)))
    assert [str(outcome) for outcome in outcomes] == ["0", "1", "2"]
    assert await stored(database) == []


async def test_a_number_beyond_64_bits_fails_its_unit_only(database: Database) -> None:
    def huge(tx: Tx, number: int) -> None:
        tx.run(sql("UPDATE logs SET timestamp = :n"), n=number)

    outcomes = await write_together(database, (add, "fine"), (huge, 2**63))
    assert outcomes[0] == "added fine"
    assert isinstance(outcomes[1], OverflowError)


async def test_an_exception_of_a_unit_reaches_its_caller(database: Database) -> None:
    with pytest.raises(UnitError, match="mine"):
        await database.write(add_and_fail, "mine")


async def test_a_read_raises_what_its_unit_raises(database: Database) -> None:
    def fail(tx: Tx) -> None:
        raise UnitError("read")

    with pytest.raises(UnitError, match="read"):
        await database.read(fail)
    assert await stored(database) == []


async def test_a_read_cannot_write(database: Database) -> None:
    with pytest.raises(StoreUnavailable, match=r"read-?only"):
        await database.read(add, "nothing")
    assert await stored(database) == []


# Bulk forms

BULKS: list[int] = []


def add_bulk(tx: Tx, many: Sequence[tuple[str]]) -> list[str]:
    BULKS.append(len(many))
    if ("refused",) in many:
        raise UnitError("the bulk cannot do this")
    logs.insert(tx, [entry(message) for (message,) in many])
    return [f"bulk {message}" for (message,) in many]


@bulk_form(add_bulk)
def add_hot(tx: Tx, message: str) -> str:
    add(tx, message)
    return f"single {message}"


async def test_the_bulk_form_does_all_of_its_kind_at_once(
    watched: tuple[Database, WatchedDriver],
) -> None:
    BULKS.clear()
    outcomes = await write_together(
        watched[0], (add_hot, "a"), (add, "other"), (add_hot, "b"), (add_hot, "c")
    )
    assert outcomes == ["bulk a", "added other", "bulk b", "bulk c"]
    assert BULKS == [3]


async def test_where_the_bulk_form_fails_each_unit_goes_alone(
    watched: tuple[Database, WatchedDriver],
) -> None:
    BULKS.clear()
    outcomes = await write_together(
        watched[0], (add_hot, "a"), (add, "other"), (add_hot, "refused")
    )
    assert outcomes == ["single a", "added other", "single refused"]
    assert sorted(await stored(watched[0])) == ["a", "other", "refused"]


# Gathering


@pytest.fixture
async def gathering(
    make_settings: MakeSettings,
) -> AsyncIterator[tuple[Database, WatchedDriver]]:
    async with watched_database(make_settings(), gather_time=GATHER_TIME) as opened:
        yield opened


async def test_a_commit_waits_a_moment_for_those_that_came_together_before(
    autojump_clock: MockClock, gathering: tuple[Database, WatchedDriver]
) -> None:
    database, driver = gathering

    async def write_twice(name: str, pause: float) -> None:
        await database.write(add, f"{name} once")
        await trio.sleep(pause)
        await database.write(add, f"{name} again")

    async with trio.open_nursery() as nursery:
        for number in range(3):
            nursery.start_soon(write_twice, str(number), number * GATHER_TIME / 4)
    assert driver.batches == [3, 3]


async def test_who_stays_away_is_waited_for_only_a_moment(
    autojump_clock: MockClock, gathering: tuple[Database, WatchedDriver]
) -> None:
    database, driver = gathering
    await write_together(database, *[(add, str(number)) for number in range(3)])
    before = trio.current_time()
    await database.write(add, "alone")
    assert trio.current_time() - before == pytest.approx(GATHER_TIME)
    # From then on it is expected to stay alone.
    await database.write(add, "alone again")
    assert trio.current_time() - before == pytest.approx(GATHER_TIME)
    assert driver.batches == [3, 1, 1]


# Cancellation


async def test_a_write_withdrawn_in_time_is_not_run(database: Database) -> None:
    with trio.CancelScope() as scope:
        scope.cancel()
        await database.write(add, "withdrawn")
    assert scope.cancelled_caught
    await database.write(add, "kept")
    assert await stored(database) == ["kept"]


async def test_a_write_withdrawn_while_another_batch_runs_is_not_run(
    watched: tuple[Database, WatchedDriver], gate: Gate
) -> None:
    database, driver = watched
    gate.shut()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(database.write, add, "first")
        await wait_all_tasks_blocked()
        with trio.CancelScope() as scope:
            nursery.start_soon(database.write, add, "third")
            await wait_all_tasks_blocked()
            scope.cancel()
            await database.write(add, "second")
        assert scope.cancelled_caught
        gate.opened.set()
    assert await stored(database) == ["first", "third"]
    assert driver.batches == [1, 1]


async def test_a_caller_cancelled_after_its_batch_was_taken_gets_the_outcome(
    watched: tuple[Database, WatchedDriver], gate: Gate
) -> None:
    database, _ = watched
    results: list[str] = []

    async def write(task_status: trio.TaskStatus[trio.CancelScope]) -> None:
        with trio.CancelScope() as scope:
            task_status.started(scope)
            results.append(await database.write(add, "taken"))

    gate.shut()
    async with trio.open_nursery() as nursery:
        scope = await nursery.start(write)
        await wait_all_tasks_blocked()
        scope.cancel()
        await wait_all_tasks_blocked()
        assert results == []
        gate.opened.set()
    assert results == ["added taken"]
    assert await stored(database) == ["taken"]


@pytest.mark.real
async def test_of_a_write_cancelled_at_any_moment_caller_and_database_say_the_same(
    make_settings: MakeSettings,
) -> None:
    """In threads: callers withdraw while a batch is taken."""
    told: set[str] = set()

    async def write(database: Database, message: str, after: float) -> None:
        with trio.move_on_after(after):
            await database.write(add, message)
            told.add(message)

    chance = random.Random(7)
    async with open_database(make_settings()) as database:
        async with trio.open_nursery() as nursery:
            for number in range(1500):
                after = chance.uniform(0, 0.003)
                nursery.start_soon(write, database, str(number), after)
                if number % 5 == 0:
                    await trio.lowlevel.checkpoint()
        rows = await stored(database)
    assert len(rows) == len(set(rows))
    assert set(rows) == told
    assert 0 < len(told) < 1500


async def test_a_writer_that_is_stopped_finishes_its_batch_and_refuses_the_rest(
    make_settings: MakeSettings,
) -> None:
    gate = Gate()
    outcomes: dict[str, Any] = {}

    async def write(database: Database, message: str) -> None:
        try:
            outcomes[message] = await database.write(add, message)
        except StoreUnavailable as error:
            outcomes[message] = str(error)

    stopping = watched_database(make_settings(), gate=gate)
    async with trio.open_nursery() as callers, stopping as (database, _):
        gate.shut()
        callers.start_soon(write, database, "in hand")
        await wait_all_tasks_blocked()
        callers.start_soon(write, database, "waiting")
        await wait_all_tasks_blocked()
        callers.start_soon(open_later, gate)
    assert outcomes == {"in hand": "added in hand", "waiting": "the server is stopping"}
    async with watched_database(make_settings()) as (database, _):
        assert await stored(database) == ["in hand"]


async def test_after_the_end_a_write_is_refused_and_not_kept_waiting(
    make_settings: MakeSettings,
) -> None:
    async with watched_database(make_settings()) as (database, _):
        pass
    with pytest.raises(StoreUnavailable, match="the server is stopping"):
        await database.write(add, "too late")


async def open_later(gate: Gate) -> None:
    await wait_all_tasks_blocked()
    gate.opened.set()


async def test_a_fault_of_the_writer_tells_nobody_a_success(make_settings: MakeSettings) -> None:
    outcomes: list[Any] = []

    def exit_now(tx: Tx, message: str) -> None:
        add(tx, message)
        raise SystemExit

    with pytest.raises(BaseExceptionGroup) as caught:
        async with watched_database(make_settings()) as (database, _):
            outcomes = await write_together(database, (add, "neighbour"), (exit_now, "fatal"))
    assert caught.group_contains(SystemExit)
    assert all(isinstance(outcome, StoreLost) for outcome in outcomes)
    async with watched_database(make_settings()) as (database, _):
        assert await stored(database) == []


async def test_when_the_writer_dies_who_waits_is_told_neither_success_nor_refusal(
    make_settings: MakeSettings,
) -> None:
    """A station that is refused drops what it sent; unanswered, it sends it again."""
    gate = Gate()
    outcomes: dict[str, Any] = {}

    def exit_now(tx: Tx, message: str) -> None:
        raise SystemExit

    def submit(database: Database, unit: Callable[..., Any], message: str) -> None:
        database.submit(lambda job: outcomes.update({message: job.error}), unit, message)

    async def write(database: Database) -> None:
        try:
            await database.write(add, "waits")
        except StoreLost as error:
            outcomes["waits"] = error

    dying = watched_database(make_settings(), gate=gate)
    with pytest.raises(BaseExceptionGroup) as caught:  # noqa: PT012 - it ends the whole block
        async with trio.open_nursery() as callers, dying as (database, _):
            gate.shut()
            submit(database, exit_now, "in hand")
            await wait_all_tasks_blocked()
            submit(database, add, "waits too")
            callers.start_soon(write, database)
            await wait_all_tasks_blocked()
            gate.opened.set()
            await trio.sleep_forever()
    assert caught.group_contains(SystemExit)
    assert set(outcomes) >= {"in hand", "waits too"}
    assert all(isinstance(outcome, StoreLost) for outcome in outcomes.values())


async def test_a_unit_that_was_submitted_is_told_its_outcome_once(
    watched: tuple[Database, WatchedDriver], gate: Gate
) -> None:
    database, driver = watched
    told: list[Any] = []

    def done(job: Job) -> None:
        told.append(job.result if job.error is None else job.error)

    gate.shut()
    for unit in (add, add_and_fail, add):
        database.submit(done, unit, f"{len(told)}")
    await wait_all_tasks_blocked()
    assert told == []
    gate.opened.set()
    assert await database.write(add, "waited for") == "added waited for"
    failed = told.pop(1)
    assert isinstance(failed, UnitError)
    assert told == ["added 0", "added 0"]
    driver.refuse_writes(True)
    database.submit(done, add, "refused")
    await wait_all_tasks_blocked()
    assert isinstance(told.pop(), StoreUnavailable)
    assert await stored(database) == ["0", "0", "waited for"]


async def test_what_is_submitted_when_the_writer_stops_is_refused(
    make_settings: MakeSettings,
) -> None:
    gate = Gate()
    told: list[Job] = []
    stopping = watched_database(make_settings(), gate=gate)
    async with trio.open_nursery() as callers, stopping as (database, _):
        gate.shut()
        database.submit(told.append, add, "in hand")
        await wait_all_tasks_blocked()
        database.submit(told.append, add, "waiting")
        callers.start_soon(open_later, gate)
    assert [type(job.error) for job in told] == [type(None), StoreUnavailable]
    with pytest.raises(StoreUnavailable, match="the server is stopping"):
        database.submit(told.append, add, "too late")
    assert len(told) == 2


# Trouble with the database


async def test_how_long_the_database_has_been_failing(
    mock_clock: MockClock, watched: tuple[Database, WatchedDriver]
) -> None:
    database, driver = watched
    assert database.failing_for() == 0
    driver.refuse_writes(True)
    with pytest.raises(StoreUnavailable):
        await database.write(add, "lost")
    assert database.failing_for() == 0
    mock_clock.jump(4)
    with pytest.raises(StoreUnavailable):
        await database.write(add, "lost again")
    mock_clock.jump(3)
    assert database.failing_for() == 7
    driver.refuse_writes(False)
    await database.write(add, "back")
    assert database.failing_for() == 0
    assert await stored(database) == ["back"]


async def test_all_of_a_batch_are_told_that_it_failed(
    watched: tuple[Database, WatchedDriver],
) -> None:
    database, driver = watched
    driver.refuse_writes(True)
    outcomes = await write_together(database, (add, "a"), (add_and_fail, "b"), (add_hot, "c"))
    assert all(isinstance(outcome, StoreUnavailable) for outcome in outcomes)


async def test_a_read_is_a_snapshot(database: Database) -> None:
    await database.write(add, "one")

    def count_twice(tx: Tx) -> tuple[int, int]:
        first = value(tx, COUNT)
        return first, value(tx, COUNT)

    assert await database.read(count_twice) == (1, 1)
