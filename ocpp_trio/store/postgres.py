"""PostgreSQL: one writing connection, a few read-only ones, all used in threads.

A lost connection is replaced, and what it was at is done once more on the new one. If it was lost
while the commit was on its way, the server is asked whether that happened: a batch is never stored
twice, and never taken for stored when it is not.
"""

from __future__ import annotations

import contextlib
import random
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import psycopg
from psycopg import errors
from psycopg.pq import TransactionStatus

from ocpp_trio.config import Settings
from ocpp_trio.errors import StoreUnavailable
from ocpp_trio.store.batch import Job, run_units
from ocpp_trio.store.database import Tx
from ocpp_trio.store.postgres_connection import Connection, Connector, is_fault_of_unit, words
from ocpp_trio.store.postgres_tx import PostgresTx

T = TypeVar("T")

RUNS = 5
"""Times that work is done if its connection is lost, or another node's gets in its way."""
HOPELESS = (errors.QueryCanceled, errors.ReadOnlySqlTransaction)
"""A read that took too long, or is none, is not tried again."""
SETTLING = 0.05
"""Seconds between two looks whether a lost connection's transaction is over."""
BEGIN = b"BEGIN; SELECT pg_current_xact_id()::text AS xid"


class PostgresDriver:
    """The PostgreSQL driver. `run_batch` is called by one thread at a time, `run_read` by many."""

    kind = "postgres"

    def __init__(self, settings: Settings) -> None:
        self._patience = settings.db_statement_timeout
        self._connector = Connector(settings)
        self._many: dict[str, str] = {}
        self._writer: Connection | None = None
        # The transaction that is open, or was when the connection was lost.
        self._xid: str | None = None
        self._readers: deque[Connection] = deque()

    def run_batch(self, jobs: Sequence[Job]) -> None:
        """One transaction, all units, one COMMIT. See store.database.Driver.

        Optimistic as on SQLite. On a fault of the connection or the server: again on a new one.
        """
        began, runs = time.monotonic(), 0
        while True:
            runs += 1
            try:
                self._settle()
                self._attempt(jobs)
                return
            except psycopg.Error as error:
                if isinstance(error, errors.DeadlockDetected | errors.SerializationFailure):
                    self._give_way(runs)
                else:
                    self._drop_writer()
                    if self._settle():
                        return
                is_late = time.monotonic() - began > self._patience
                if runs == RUNS or (is_late and runs > 1):
                    raise StoreUnavailable(words(error)) from error
            except StoreUnavailable:
                raise
            except BaseException:
                # Nothing of the batch may be committed.
                self._drop_writer()
                raise

    def _attempt(self, jobs: Sequence[Job]) -> None:
        for job in jobs:
            job.error = None
        try:
            tx = self._begin()
            run_units(tx, jobs)
            self._commit()
        except Exception as error:
            if not is_fault_of_unit(error):
                raise
            self._roll_back()
            self._one_by_one(jobs)

    def _one_by_one(self, jobs: Sequence[Job]) -> None:
        tx = self._begin()
        for job in jobs:
            job.error = tx.attempt(_run, job)
        self._commit()

    def _connection(self) -> Connection:
        if self._writer is None:
            self._writer = self._connector.connect(read_only=False)
        return self._writer

    def _begin(self) -> PostgresTx:
        connection = self._connection()
        found = connection.execute(BEGIN, prepare=False)
        found.nextset()
        row = found.fetchone()
        assert row is not None
        self._xid = row["xid"]
        return PostgresTx(connection, self._many)

    def _commit(self) -> None:
        if self._connection().execute(b"COMMIT", prepare=False).statusmessage != "COMMIT":
            # The server rolls back what failed before, and calls that no error.
            self._xid = None
            raise errors.InFailedSqlTransaction("a unit went on after a statement of it had failed")
        self._xid = None

    def _roll_back(self) -> None:
        self._connection().execute(b"ROLLBACK", prepare=False)
        self._xid = None

    def _give_way(self, runs: int) -> None:
        """Another node's batch goes first."""
        try:
            self._roll_back()
        except psycopg.Error:
            self._drop_writer()
        time.sleep(random.uniform(0, 0.01) * runs)  # noqa: S311 - jitter

    def _settle(self) -> bool:
        """End what a lost connection left open; whether it had been committed."""
        if self._xid is None or self._writer is not None:
            return False
        connection = self._connection()
        deadline = time.monotonic() + self._patience
        try:
            while (status := _status(connection, self._xid)) == "in progress":
                if time.monotonic() > deadline:
                    raise StoreUnavailable("an earlier transaction does not end")
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE backend_xid = %s::xid8::xid",
                    [self._xid],
                )
                time.sleep(SETTLING)
        except psycopg.Error as error:
            self._drop_writer()
            raise StoreUnavailable(words(error)) from error
        self._xid = None
        return status == "committed"

    def _drop_writer(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def check(self) -> None:
        """Nothing to look for: a server that was replaced is noticed at the next statement."""

    def run_read(self, unit: Callable[..., T], arguments: tuple[Any, ...]) -> T:
        """Run one unit on a snapshot. See store.database.Driver."""
        began, runs = time.monotonic(), 0
        while True:
            runs += 1
            connection = self._reader()
            try:
                return self._read(connection, unit, arguments)
            except psycopg.Error as error:
                if is_fault_of_unit(error):
                    raise
                # Those that wait in the pool were lost with it.
                self._close_readers()
                is_over = time.monotonic() - began > self._patience
                if runs == RUNS or is_over or isinstance(error, HOPELESS):
                    raise StoreUnavailable(words(error)) from error

    def _read(
        self, connection: Connection, unit: Callable[..., T], arguments: tuple[Any, ...]
    ) -> T:
        try:
            connection.execute(b"BEGIN", prepare=False)
            try:
                result = unit(PostgresTx(connection, self._many), *arguments)
            except Exception:
                # A connection that is lost says so again.
                with contextlib.suppress(psycopg.Error):
                    connection.execute(b"ROLLBACK", prepare=False)
                raise
            connection.execute(b"ROLLBACK", prepare=False)
            return result
        finally:
            if connection.info.transaction_status == TransactionStatus.IDLE:
                self._readers.append(connection)
            else:
                connection.close()

    def _reader(self) -> Connection:
        try:
            return self._readers.popleft()
        except IndexError:
            return self._connector.connect(read_only=True)

    def _close_readers(self) -> None:
        while self._readers:
            self._readers.popleft().close()

    def close(self) -> None:
        """Close every connection."""
        self._connector.close()
        self._close_readers()
        self._drop_writer()


def _run(tx: Tx, job: Job) -> None:
    job.result = job.unit(tx, *job.arguments)


def _status(connection: Connection, xid: str) -> str | None:
    """What became of a transaction; None if the server does not know it, as after a failover."""
    try:
        row = connection.execute("SELECT pg_xact_status(%s::xid8) AS status", [xid]).fetchone()
    except errors.InvalidParameterValue:
        return None
    assert row is not None
    status: str | None = row["status"]
    return status
