"""A database whose batches can be watched and held back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import trio

from ocpp_trio.config import Settings
from ocpp_trio.errors import StoreUnavailable
from ocpp_trio.store import write_checks
from ocpp_trio.store.batch import Driver, DriverWriter, Job
from ocpp_trio.store.database import Database
from ocpp_trio.store.opening import inline_runner, open_driver

T = TypeVar("T")


class WatchedDriver:
    """Stands in front of a driver; notes the size of each batch it was given."""

    def __init__(self, driver: Driver) -> None:
        self.kind = driver.kind
        self.batches: list[int] = []
        self._driver = driver
        self._refuses = False

    def run_batch(self, jobs: Sequence[Job]) -> None:
        self.batches.append(len(jobs))
        if self._refuses:
            raise StoreUnavailable("refused by the test")
        self._driver.run_batch(jobs)

    def run_read(self, unit: Callable[..., T], arguments: tuple[Any, ...]) -> T:
        return self._driver.run_read(unit, arguments)

    def check(self) -> None:
        self._driver.check()

    def close(self) -> None:
        self._driver.close()

    def refuse_writes(self, refuse: bool) -> None:
        """Make every batch fail from now on, or let it through again."""
        self._refuses = refuse


class Gate:
    """A runner that holds every batch back while it is shut, after the batch was taken."""

    def __init__(self) -> None:
        self.opened = trio.Event()
        self.opened.set()

    def shut(self) -> None:
        self.opened = trio.Event()

    async def __call__(self, function: Any, *arguments: Any) -> Any:
        await self.opened.wait()
        return function(*arguments)


@asynccontextmanager
async def watched_database(
    settings: Settings, *, gate: Gate | None = None, gather_time: float = 0.0
) -> AsyncIterator[tuple[Database, WatchedDriver]]:
    """The database of the settings with its writer running."""
    async with open_driver(settings, inline_runner) as inner:
        driver = WatchedDriver(inner)
        database = Database(
            driver,
            DriverWriter(driver, gate or inline_runner),
            batch=settings.db_batch,
            run_reader=inline_runner,
            check=write_checks.check,
            gather_time=gather_time,
        )
        async with trio.open_nursery() as nursery:
            await nursery.start(database.run)
            yield database, driver
            nursery.cancel_scope.cancel()
