"""The process dies at each step of the write path in turn: before and after every statement of a
batch, its commit, and the last look at the file. What was acknowledged is in the files it leaves.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import trio

from ocpp_trio.store import migrate, write_checks
from ocpp_trio.store.batch import DriverWriter
from ocpp_trio.store.database import Database, Row, Tx
from ocpp_trio.store.opening import inline_runner
from ocpp_trio.store.sqlite import SqliteDriver, SqliteTx
from tests.support.clock import MINUTE, START, FakeNow
from tests.support.sessions import Station, meter_value
from tests.support.statements import fetch, value


class Cut(BaseException):
    """The power goes."""


class Scissors:
    """Counts the steps of the write path and cuts at one of them, `after` it or before."""

    def __init__(self, database: Path, left: Path, at: int, *, after: bool) -> None:
        self._database = database
        self._left = left
        self._at = at
        self._after = after
        self.steps = 0
        self.is_cut = False

    def step(self, do: Callable[..., Any], *arguments: Any) -> Any:
        if self.is_cut:
            raise Cut
        self.steps += 1
        if self.steps == self._at and not self._after:
            self._cut()
        result = do(*arguments)
        if self.steps == self._at:
            self._cut()
        return result

    def _cut(self) -> None:
        """Keep the files as they lie now: a dead process rolls nothing back."""
        self.is_cut = True
        self._left.mkdir()
        for file in self._database.parent.glob(f"{self._database.name}*"):
            if not file.name.endswith("-shm"):
                shutil.copy(file, self._left)
        raise Cut


class CutConnection:
    """A connection of which each statement is a step."""

    def __init__(self, connection: Any, scissors: Scissors) -> None:
        self._connection = connection
        self._scissors = scissors

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._connection, name)
        if name not in {"execute", "executemany"}:
            return found
        return lambda *arguments: self._scissors.step(found, *arguments)


class CutDriver(SqliteDriver):
    """The SQLite driver, under scissors once they are given."""

    scissors: Scissors | None = None

    def give(self, scissors: Scissors) -> None:
        self.scissors = scissors
        self._writer = CutConnection(self._writer, scissors)  # type: ignore[assignment]
        self._tx = SqliteTx(self._writer)

    def check(self) -> None:
        if self.scissors is None:
            super().check()
        else:
            self.scissors.step(super().check)


def bad(tx: Tx) -> None:
    raise ValueError("of a unit")


class Books:
    """What a station sends in one go: a start twice, a reading, a stop, and somebody's bad unit."""

    def __init__(self, database: Database) -> None:
        self.station = Station(database, FakeNow())
        self.acknowledged: dict[str, Any] = {}

    async def open(self) -> None:
        """The transaction that is running already."""
        self.running = (await self.station.start(connectorId=2)).transaction_id

    async def send(self, *, and_bad: bool) -> None:
        """Send it all at once; what is answered is noted."""
        reading = meter_value(START + MINUTE, 1500)
        sends: dict[str, Callable[[], Any]] = {
            "start": lambda: self.station.start(),
            "start again": lambda: self.station.start(),
            "meter": lambda: self.station.meter(self.running, reading),
            "stop": lambda: self.station.stop(self.running),
        }

        async def note(name: str, send: Callable[[], Any]) -> None:
            with suppress(Exception):
                self.acknowledged[name] = await send()

        async with trio.open_nursery() as nursery:
            for name, send in sends.items():
                nursery.start_soon(note, name, send)
            if and_bad:
                nursery.start_soon(note, "bad", lambda: self.station.database.write(bad))


async def open_cut(path: Path, nursery: trio.Nursery) -> tuple[Database, CutDriver]:
    migrate.migrate_sqlite(path)
    driver = CutDriver(path, busy_timeout=0)
    database = Database(
        driver,
        DriverWriter(driver, inline_runner),
        batch=200,
        run_reader=inline_runner,
        check=write_checks.check,
    )
    await nursery.start(database.run)
    return database, driver


async def send_until_cut(
    path: Path, left: Path, at: int, *, after: bool, and_bad: bool
) -> tuple[Books, bool]:
    """Send everything and cut at a step; what was acknowledged, and whether there was a cut."""
    books: Books | None = None
    scissors = Scissors(path, left, at, after=after)
    try:
        async with trio.open_nursery() as nursery:
            database, driver = await open_cut(path, nursery)
            books = Books(database)
            await books.open()
            driver.give(scissors)
            await books.send(and_bad=and_bad)
            nursery.cancel_scope.cancel()
    except* Cut:
        pass
    assert books is not None
    return books, scissors.is_cut


async def rows(database: Database, text: str) -> Sequence[Row]:
    return await database.read(fetch, text)


async def assert_kept(database: Database, books: Books) -> None:
    """All that was acknowledged is there."""
    assert await database.read(value, "PRAGMA integrity_check") == "ok"
    starts = {row["id"]: row for row in await rows(database, "SELECT * FROM transactions")}
    for name in ("start", "start again"):
        if name in books.acknowledged:
            assert books.acknowledged[name].transaction_id in starts
    if "meter" in books.acknowledged:
        assert len(await rows(database, "SELECT * FROM meter_values")) == 1
    if "stop" in books.acknowledged:
        assert starts[books.running]["is_complete"] == 1


async def assert_once(database: Database, books: Books) -> None:
    """Nothing is doubled, and an acknowledged start keeps its id."""
    starts = await rows(database, "SELECT * FROM transactions ORDER BY id")
    assert [(row["connector_id"], row["is_complete"]) for row in starts] == [(2, 1), (1, 0)]
    assert books.acknowledged["start"].transaction_id == starts[1]["id"]
    assert len(await rows(database, "SELECT * FROM meter_values")) == 1
    assert await rows(database, "SELECT * FROM review_items") == []


@pytest.mark.parametrize("and_bad", [False, True], ids=["one pass", "with a bad unit"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_what_was_acknowledged_survives_a_cut_at_any_step(
    tmp_path: Path, *, after: bool, and_bad: bool
) -> None:
    for at in range(1, 200):
        folder = tmp_path / str(at)
        folder.mkdir()
        left = folder / "left"
        books, is_cut = await send_until_cut(
            folder / "ocpp.db", left, at, after=after, and_bad=and_bad
        )
        if not is_cut:
            break
        async with trio.open_nursery() as nursery:
            database, _ = await open_cut(left / "ocpp.db", nursery)
            await assert_kept(database, books)
            told = dict(books.acknowledged)
            books.station.database = database
            await books.send(and_bad=and_bad)
            await assert_once(database, books)
            for name in told:
                if name.startswith("start"):
                    assert told[name] == books.acknowledged[name]
            nursery.cancel_scope.cancel()
    assert len(books.acknowledged) == 4, "without a cut all is acknowledged"
    assert at > 12, "there are as many steps"
