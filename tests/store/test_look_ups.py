"""Look-ups: those that wait share one read, and none is hurt by another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from ocpp_trio.errors import StoreUnavailable
from ocpp_trio.store import charge_points
from ocpp_trio.store.database import Database, Tx
from ocpp_trio.store.look_ups import AT_ONCE, LookUps
from tests.support.writers import Gate


class Shelf:
    """A reader whose units are given no database."""

    kind = "test"

    def __init__(self) -> None:
        self.reads: list[int] = []
        self.failure: Exception | None = None

    def run_read(self, unit: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        (first, *_) = arguments
        self.reads.append(len(first) if isinstance(first, list) else 1)
        if self.failure is not None:
            raise self.failure
        return unit(None, *arguments)


def double(tx: Tx, number: int) -> int:
    if number == 13:
        raise ValueError("unlucky")
    return 2 * number


def end(tx: Tx, number: int) -> None:
    raise SystemExit


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
def look_ups(shelf: Shelf, gate: Gate, nursery: trio.Nursery) -> LookUps:
    made = LookUps(shelf, gate)
    nursery.start_soon(made.run)
    return made


async def ask_all(look_ups: LookUps, gate: Gate, numbers: range) -> dict[int, Any]:
    """Ask for all while the first is under way."""
    found: dict[int, Any] = {}

    async def ask(number: int) -> None:
        try:
            found[number] = await look_ups.ask(double, (number,))
        except Exception as error:
            found[number] = error

    gate.shut()
    async with trio.open_nursery() as nursery:
        for number in numbers:
            nursery.start_soon(ask, number)
            await wait_all_tasks_blocked()
        gate.opened.set()
    return found


async def test_those_that_wait_are_read_together(
    shelf: Shelf, gate: Gate, look_ups: LookUps
) -> None:
    asked = range(20, 22 + AT_ONCE)
    assert await ask_all(look_ups, gate, asked) == {number: 2 * number for number in asked}
    assert shelf.reads == [1, AT_ONCE, 1]


async def test_an_error_is_that_of_one(shelf: Shelf, gate: Gate, look_ups: LookUps) -> None:
    found = await ask_all(look_ups, gate, range(11, 15))
    assert isinstance(found.pop(13), ValueError)
    assert found == {11: 22, 12: 24, 14: 28}


async def test_without_a_database_all_are_told(shelf: Shelf, gate: Gate, look_ups: LookUps) -> None:
    shelf.failure = StoreUnavailable("gone")
    found = await ask_all(look_ups, gate, range(3))
    assert all(isinstance(each, StoreUnavailable) for each in found.values())
    assert shelf.reads == [1, 2], "nobody asks again, one by one"
    shelf.failure = None
    assert await look_ups.ask(double, (4,)) == 8


async def test_who_goes_away_is_not_asked_for(shelf: Shelf, gate: Gate, look_ups: LookUps) -> None:
    gate.shut()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(look_ups.ask, double, (1,))
        await wait_all_tasks_blocked()
        with trio.move_on_after(0) as gone:
            await look_ups.ask(double, (2,))
        assert gone.cancelled_caught
        nursery.start_soon(look_ups.ask, double, (3,))
        await wait_all_tasks_blocked()
        gate.opened.set()
    assert shelf.reads == [1, 1]


async def test_who_waits_at_the_end_is_refused(shelf: Shelf, gate: Gate) -> None:
    look_ups = LookUps(shelf, gate)
    outcomes: list[object] = []

    async def ask(number: int) -> None:
        try:
            outcomes.append(await look_ups.ask(double, (number,)))
        except StoreUnavailable as error:
            outcomes.append(str(error))

    gate.shut()
    async with trio.open_nursery() as asking, trio.open_nursery() as running:
        running.start_soon(look_ups.run)
        asking.start_soon(ask, 1)
        await wait_all_tasks_blocked()
        asking.start_soon(ask, 2)
        await wait_all_tasks_blocked()
        running.cancel_scope.cancel()
        gate.opened.set()
    assert sorted(map(str, outcomes)) == ["2", "the server is stopping"]
    with trio.fail_after(1), pytest.raises(StoreUnavailable):
        await look_ups.ask(double, (3,))


async def test_what_ends_the_look_ups_is_not_taken_for_an_answer(shelf: Shelf, gate: Gate) -> None:
    look_ups = LookUps(shelf, gate)
    outcomes: list[object] = []

    async def ask() -> None:
        try:
            outcomes.append(await look_ups.ask(end, (1,)))
        except StoreUnavailable as error:
            outcomes.append(str(error))

    async with trio.open_nursery() as asking:
        asking.start_soon(ask)
        with pytest.raises(SystemExit):
            await look_ups.run()
    assert outcomes == ["the look-ups failed: SystemExit"]


async def test_both_databases(database: Database) -> None:
    await database.write(charge_points.register, "CP1", "Accepted", {}, 1)
    row = await database.look_up(charge_points.find, "CP1")
    assert row is not None
    assert row["id"] == "CP1"
    assert await database.look_up(charge_points.find, "CP2") is None
