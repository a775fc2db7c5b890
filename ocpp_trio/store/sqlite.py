"""SQLite: one writing connection in WAL mode with synchronous=FULL, a few read-only ones.

The writer alone writes and checkpoints; readers never do (the WAL-reset race of SQLite before
3.51.3 needs two connections that checkpoint). Every commit is an fsync: acknowledged means durable.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

from ocpp_trio.errors import DatabaseInUse, StoreLost, StoreUnavailable
from ocpp_trio.store.batch import Job, run_units
from ocpp_trio.store.database import Row
from ocpp_trio.store.queries import Statement

T = TypeVar("T")

CACHED_STATEMENTS = 256
CHECKPOINT_PAGES = 4000
"""16 MB of WAL. By then the busiest pages, those of indexes, were written many times, and go to the
database once."""
FLUSH_FAILED = frozenset({sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_IOERR_DIR_FSYNC})
"""After a flush that failed, the system may take what it could not write for written."""
ROWS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512)
"""Rows in one statement; the most times the columns must stay below 32,766."""


class SqliteTx:
    """A transaction on one connection (see store.database.Tx)."""

    __slots__ = ("_connection",)

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def one(self, statement: Statement, /, **parameters: Any) -> Row | None:
        row: Row | None = self._connection.execute(statement.sqlite, parameters).fetchone()
        return row

    def all(self, statement: Statement, /, **parameters: Any) -> Sequence[Row]:
        rows: list[Row] = self._connection.execute(statement.sqlite, parameters).fetchall()
        return rows

    def run(self, statement: Statement, /, **parameters: Any) -> int:
        return self._connection.execute(statement.sqlite, parameters).rowcount

    def many(self, statement: Statement, rows: Sequence[Sequence[Any]], /) -> int:
        if not statement.takes_rows:
            return self._connection.executemany(statement.numbered, rows).rowcount
        # One step for many rows: Python's lock is given up and taken back once, not per row, and
        # SQLite works beside the main thread. Few numbers of rows: few texts, all of them cached.
        changed, start, left = 0, 0, len(rows)
        while left:
            count = ROWS[bisect_right(ROWS, left) - 1]
            values = list(chain.from_iterable(rows[start : start + count]))
            changed += self._connection.execute(statement.for_rows(count), values).rowcount
            start += count
            left -= count
        return changed

    def attempt(self, unit: Callable[..., Any], /, *arguments: Any) -> Exception | None:
        failure: Exception | None = None
        self._connection.execute("SAVEPOINT attempt")
        try:
            unit(self, *arguments)
        except Exception as error:
            if not _fault_of_unit(error):
                raise
            self._connection.execute("ROLLBACK TO attempt")
            failure = error
        self._connection.execute("RELEASE attempt")
        return failure

    def notify(self, node_id: str, hint: str, /) -> None:
        """Nobody else has the file open."""


def _fault_of_unit(error: Exception) -> bool:
    """Whether a unit is to blame, rather than the database (disk full, locked, damaged)."""
    return (
        not isinstance(error, sqlite3.Error)
        or isinstance(
            error,
            sqlite3.IntegrityError
            | sqlite3.DataError
            | sqlite3.ProgrammingError
            | sqlite3.InterfaceError,
        )
        # A statement that cannot be computed, such as a sum beyond 64 bits.
        or getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR
    )


def _identity(path: Path) -> tuple[int, int]:
    """What tells a file from another one that took its name."""
    found = os.stat(path)
    return found.st_dev, found.st_ino


class SqliteLock:
    """Holds `<file>.lock`, so that two servers never share one SQLite file."""

    def __init__(self, path: Path) -> None:
        self._file = open(f"{path}.lock", "a")  # noqa: SIM115 - held until close
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._file.close()
            raise DatabaseInUse(
                f"another server is using {path} (it holds {path}.lock); stop it, or set"
                " DB_SQLITE_PATH to another file"
            ) from None

    def fileno(self) -> int:
        """The descriptor: whoever inherits it holds the lock as well."""
        return self._file.fileno()

    def release(self) -> None:
        """Let go; the file stays, only the lock on it counts."""
        self._file.close()


def connect(path: Path, *, busy_timeout: float, read_only: bool = False) -> sqlite3.Connection:
    """A connection with explicit transactions. `busy_timeout` in seconds."""
    mode = "ro" if read_only else "rwc"
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        timeout=busy_timeout,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=CACHED_STATEMENTS,
    )
    connection.row_factory = sqlite3.Row
    if not read_only:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA journal_size_limit=67108864")
        connection.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}")
    connection.execute("PRAGMA temp_store=MEMORY")
    return connection


class SqliteReader:
    """Reading connections, as many as are used at once. `run_read` is called by many threads."""

    kind = "sqlite"

    def __init__(self, path: Path, *, busy_timeout: float) -> None:
        self.path = path
        self._busy_timeout = busy_timeout
        self._readers: deque[sqlite3.Connection] = deque()

    def run_read(self, unit: Callable[..., T], arguments: tuple[Any, ...]) -> T:
        """Run one unit on a snapshot. See store.database.Driver."""
        try:
            connection = self._readers.popleft()
        except IndexError:
            connection = self._connect_reader()
        try:
            connection.execute("BEGIN")
            try:
                return unit(SqliteTx(connection), *arguments)
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
        except sqlite3.Error as error:
            if _fault_of_unit(error):
                raise
            raise StoreUnavailable(str(error)) from error
        finally:
            self._readers.append(connection)

    def _connect_reader(self) -> sqlite3.Connection:
        try:
            return connect(self.path, busy_timeout=self._busy_timeout, read_only=True)
        except sqlite3.OperationalError as error:
            raise StoreUnavailable(str(error)) from error

    def close(self) -> None:
        """Close every connection."""
        for connection in self._readers:
            connection.close()


class SqliteDriver(SqliteReader):
    """The SQLite driver. `run_batch` is called by one thread at a time."""

    def __init__(self, path: Path, *, busy_timeout: float) -> None:
        super().__init__(path, busy_timeout=busy_timeout)
        self._writer = connect(path, busy_timeout=busy_timeout)
        self._tx = SqliteTx(self._writer)
        self._files = {path: _identity(path)}

    def run_batch(self, jobs: Sequence[Job]) -> None:
        """One BEGIN IMMEDIATE, all units, one COMMIT. See store.database.Driver.

        Optimistic: if a unit fails, the batch is rolled back and run again with each unit in a
        savepoint of its own, so that one failure never sinks its neighbours.
        """
        try:
            try:
                self._begin()
                run_units(self._tx, jobs)
                self._writer.execute("COMMIT")
            except Exception as error:
                if not _fault_of_unit(error):
                    raise
                self._again(jobs)
            # After the commit: SQLite goes on writing into a file that was deleted or replaced.
            self.check()
        except (sqlite3.Error, OSError) as error:
            self._rollback()
            if getattr(error, "sqlite_errorcode", 0) in FLUSH_FAILED:
                raise StoreLost(f"{self.path} could not be flushed to disk: {error}") from error
            self.check()
            raise StoreUnavailable(str(error)) from error
        except BaseException:
            self._rollback()
            raise

    def _again(self, jobs: Sequence[Job]) -> None:
        self._rollback()
        self._begin()
        for job in jobs:
            self._writer.execute("SAVEPOINT unit")
            try:
                job.result = job.unit(self._tx, *job.arguments)
            except Exception as error:
                if not _fault_of_unit(error):
                    raise
                self._writer.execute("ROLLBACK TO unit")
                job.error = error
            self._writer.execute("RELEASE unit")
        self._writer.execute("COMMIT")

    def _begin(self) -> None:
        # IMMEDIATE: a deferred transaction that turns into a write fails at once, without waiting.
        self._writer.execute("BEGIN IMMEDIATE")

    def _rollback(self) -> None:
        if self._writer.in_transaction:
            try:
                self._writer.execute("ROLLBACK")
            except sqlite3.Error:
                # The disk is gone with the journal; the next BEGIN reports it.
                return

    def check(self) -> None:
        """Raise StoreLost if the database or its WAL was deleted or replaced. See Driver."""
        if len(self._files) == 1:
            wal = Path(f"{self.path}-wal")
            if wal.exists():
                # Made when the file is opened or first written, it stays as long as this process.
                self._files[wal] = _identity(wal)
        for path, opened in self._files.items():
            try:
                found = _identity(path)
            except FileNotFoundError:
                raise StoreLost(f"{path} was deleted while the server was using it") from None
            except OSError as error:
                raise StoreLost(f"{path} cannot be found any more: {error}") from error
            if found != opened:
                raise StoreLost(f"{path} was replaced while the server was using it")

    def close(self) -> None:
        """Checkpoint and close every connection."""
        super().close()
        # On failure, what is in the WAL stays there and is read at the next start.
        with contextlib.suppress(sqlite3.Error):
            self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._writer.close()
