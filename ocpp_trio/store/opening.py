"""Open the database that the settings name: lock, migrate, connect, run the writer."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import trio

from ocpp_trio.config import Settings
from ocpp_trio.errors import StoreError
from ocpp_trio.store import migrate, write_checks
from ocpp_trio.store.batch import Driver
from ocpp_trio.store.database import Database, Runner
from ocpp_trio.store.sqlite import SqliteDriver, SqliteLock

GATHER_TIME = 0.001
"""Seconds: about as long as a commit with its flush takes on a good disk."""

Crash = Callable[[BaseException], None]


def thread_runner(threads: int) -> Runner:
    """Runs functions in worker threads, at most so many at once; never the default limiter, which
    DNS look-ups share.
    """
    return partial(trio.to_thread.run_sync, limiter=trio.CapacityLimiter(threads))


async def inline_runner(function: Any, *arguments: Any) -> Any:
    """Runs functions in the calling task: for tests under a virtual clock, which skips threads."""
    await trio.lowlevel.checkpoint()
    return function(*arguments)


@asynccontextmanager
async def open_database(
    settings: Settings, *, inline: bool = False, crash: Crash | None = None
) -> AsyncIterator[Database]:
    """The database, ready for units of work, until the block is left.

    `crash` is called when the writer dies, before anybody learns of it; without it, or if it
    returns, the block is cancelled and the error raised out of it.

    Raises DatabaseInUse, SchemaError or StoreError with what is to be done about it.
    """
    writer = inline_runner if inline else thread_runner(1)
    reader = inline_runner if inline else thread_runner(settings.db_readers)
    async with open_driver(settings, writer) as driver:
        database = Database(
            driver,
            batch=settings.db_batch,
            writer=writer,
            reader=reader,
            check=write_checks.check,
            # Under a virtual clock it would only be waited for.
            gather_time=0.0 if inline else GATHER_TIME,
        )
        async with trio.open_nursery() as nursery:
            await nursery.start(_run_writer, database, crash)
            yield database
            nursery.cancel_scope.cancel()


def open_driver(settings: Settings, run: Runner) -> AbstractAsyncContextManager[Driver]:
    """The driver of the database, migrated and ready, until the block is left."""
    if settings.db_type == "postgres":
        # Imported here: SQLite need not load psycopg.
        from ocpp_trio.store.opening_postgres import opened

        return opened(settings, run)
    return _sqlite(settings, run)


@asynccontextmanager
async def _sqlite(settings: Settings, run: Runner) -> AsyncIterator[Driver]:
    path = Path(settings.db_sqlite_path)
    if not path.parent.is_dir():
        raise StoreError(f"DB_SQLITE_PATH: the directory {path.parent} does not exist")
    lock = _lock(path)
    try:
        await run(_prepare, path, settings.migrate)
        try:
            driver = SqliteDriver(path, busy_timeout=settings.db_busy_timeout)
        except Exception as error:
            raise StoreError(f"cannot open {path}: {error}") from error
        try:
            yield driver
        finally:
            driver.close()
    finally:
        lock.release()


async def _run_writer(
    database: Database, crash: Crash | None, *, task_status: trio.TaskStatus[None]
) -> None:
    try:
        await database.run(task_status=task_status)
    except (trio.Cancelled, KeyboardInterrupt):
        raise
    except BaseException as error:
        if crash is not None:
            crash(error)
        raise


def _lock(path: Path) -> SqliteLock:
    try:
        return SqliteLock(path)
    except OSError as error:
        raise StoreError(f"cannot write beside {path}: {error}") from error


def _prepare(path: Path, mode: str) -> None:
    state = migrate.sqlite_state(path)
    if not state.pending:
        return
    migrate.refuse_old(state, str(path), mode)
    try:
        migrate.migrate_sqlite(path)
    except sqlite3.Error as error:
        raise StoreError(f"{path} cannot be brought up to date: {error}") from error
    migrate.report(state)
