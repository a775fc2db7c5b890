"""A database whose batches can be watched and held back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import trio

from ocpp_trio.store import migrate, write_checks
from ocpp_trio.store.database import Database, Job
from ocpp_trio.store.opening import inline_runner
from ocpp_trio.store.sqlite import SqliteDriver


class WatchedDriver(SqliteDriver):
    """The SQLite driver; notes the size of each batch it was given."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, busy_timeout=0)
        self.batches: list[int] = []

    def run_batch(self, jobs: Sequence[Job]) -> None:
        self.batches.append(len(jobs))
        super().run_batch(jobs)

    def refuse_writes(self, refuse: bool) -> None:
        """Make every batch fail from now on, or let it through again."""
        self._writer.execute(f"PRAGMA query_only = {int(refuse)}")


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
    path: Path, *, batch: int = 200, gate: Gate | None = None
) -> AsyncIterator[tuple[Database, WatchedDriver]]:
    """A database of its own at `path` with its writer running."""
    migrate.migrate_sqlite(path)
    driver = WatchedDriver(path)
    database = Database(
        driver,
        batch=batch,
        writer=gate or inline_runner,
        reader=inline_runner,
        check=write_checks.check,
    )
    try:
        async with trio.open_nursery() as nursery:
            await nursery.start(database.run)
            yield database, driver
            nursery.cancel_scope.cancel()
    finally:
        driver.close()
