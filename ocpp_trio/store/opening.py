"""Open the database that the settings name: lock, migrate, connect, run the writer."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import trio

from ocpp_trio.config import Settings
from ocpp_trio.errors import DatabaseInUse, StoreError
from ocpp_trio.store import migrate, write_checks
from ocpp_trio.store.batch import Driver, DriverWriter, Reader, Runner, Writer
from ocpp_trio.store.database import Database
from ocpp_trio.store.sqlite import SqliteDriver, SqliteLock, SqliteReader
from ocpp_trio.store.writer_client import writer_process

LOCK_INTERVAL = 0.02
"""Seconds between two looks at a lock that somebody holds."""
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


class Opened(NamedTuple):
    """A database that is ready: who reads it, and who writes."""

    reader: Reader
    writer: Writer


@asynccontextmanager
async def open_database(
    settings: Settings,
    *,
    inline: bool = False,
    as_server: bool = False,
    crash: Crash | None = None,
) -> AsyncIterator[Database]:
    """The database, ready for units of work, until the block is left.

    `as_server`: for long and for much, with a process that writes if the settings say so; a server
    before this one may be about to end. `crash` is called when the writer dies, before anybody
    learns of it; without it, or if it returns, the block is cancelled and the error raised out of
    it.

    Raises DatabaseInUse, SchemaError or StoreError with what is to be done about it.
    """
    run_writer = inline_runner if inline else thread_runner(1)
    async with _opened(settings, run_writer, as_server=as_server) as opened:
        database = Database(
            *opened,
            batch=settings.db_batch,
            run_reader=inline_runner if inline else thread_runner(settings.db_readers),
            check=write_checks.check,
            # Under a virtual clock it would only be waited for; beside us, the next batch fills
            # while one is written.
            gather_time=0.0 if inline or opened.writer.overlaps else GATHER_TIME,
        )
        async with trio.open_nursery() as nursery:
            await nursery.start(_run_writer, database, crash)
            nursery.start_soon(database.run_look_ups)
            yield database
            nursery.cancel_scope.cancel()


@asynccontextmanager
async def _opened(settings: Settings, run: Runner, *, as_server: bool) -> AsyncIterator[Opened]:
    if as_server and settings.db_type == "sqlite":
        async with _sqlite_of_server(settings, run) as opened:
            yield opened
    else:
        async with open_driver(settings, run) as driver:
            yield Opened(driver, DriverWriter(driver, run))


def open_driver(settings: Settings, run: Runner) -> AbstractAsyncContextManager[Driver]:
    """The driver of the database, migrated and ready, until the block is left."""
    if settings.db_type == "postgres":
        # Imported here: SQLite need not load psycopg.
        from ocpp_trio.store.opening_postgres import opened

        return opened(settings, run)
    return _sqlite(settings, run)


@asynccontextmanager
async def _sqlite(settings: Settings, run: Runner) -> AsyncIterator[Driver]:
    path = _path(settings)
    lock = _lock(path)
    try:
        await run(_prepare, path, settings.migrate)
        with _driver(path, settings) as driver:
            yield driver
    finally:
        lock.release()


@asynccontextmanager
async def _sqlite_of_server(settings: Settings, run: Runner) -> AsyncIterator[Opened]:
    path = _path(settings)
    lock = await _wait_for_lock(path, settings.db_busy_timeout)
    try:
        await run(_prepare, path, settings.migrate)
        if settings.db_writer == "thread":
            with _driver(path, settings) as driver:
                yield Opened(driver, DriverWriter(driver, run))
        else:
            async with writer_process(
                path, settings.db_busy_timeout, lock.fileno(), settings.shutdown_timeout
            ) as writer:
                reader = SqliteReader(path, busy_timeout=settings.db_busy_timeout)
                try:
                    yield Opened(reader, writer)
                finally:
                    reader.close()
    finally:
        lock.release()


@contextmanager
def _driver(path: Path, settings: Settings) -> Iterator[Driver]:
    try:
        driver = SqliteDriver(path, busy_timeout=settings.db_busy_timeout)
    except Exception as error:
        raise StoreError(f"cannot open {path}: {error}") from error
    try:
        yield driver
    finally:
        driver.close()


def _path(settings: Settings) -> Path:
    path = Path(settings.db_sqlite_path)
    if not path.parent.is_dir():
        raise StoreError(f"DB_SQLITE_PATH: the directory {path.parent} does not exist")
    return path


async def _wait_for_lock(path: Path, seconds: float) -> SqliteLock:
    """Of a server that was killed, the writer process finishes what it has in hand."""
    deadline = trio.current_time() + seconds
    while True:
        try:
            return _lock(path)
        except DatabaseInUse:
            if trio.current_time() >= deadline:
                raise
        await trio.sleep(LOCK_INTERVAL)


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
