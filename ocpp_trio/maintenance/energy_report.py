"""The energy report, read from the database beside the server or without it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from ocpp_trio.config import Settings
from ocpp_trio.domain.reports import Report
from ocpp_trio.errors import SchemaError, StoreError, StoreUnavailable
from ocpp_trio.store import energy_reports, migrate
from ocpp_trio.store.database import Row
from ocpp_trio.store.energy_reports import PAGE, Entry
from ocpp_trio.store.migrate import State
from ocpp_trio.store.sqlite import SqliteTx, connect

Line = tuple[Row, int]
"""A transaction of a report, and how much of its energy (Wh) counts."""
ReadPage = Callable[[Row | None], list[Entry]]
"""`read(behind)`: the entries that follow one, at most PAGE."""


def lines(settings: Settings, report: Report) -> Iterator[Line]:
    """The transactions of a report, oldest first, counted in it one by one.

    Nothing is written. Each page is a snapshot of its own, so that a server beside it is not held
    up. Raises SchemaError or StoreError with what is to be done about it.
    """
    reading = _postgres if settings.db_type == "postgres" else _sqlite
    with reading(settings, report) as read:
        behind = None
        while True:
            entries = read(behind)
            for row, points in entries:
                yield row, report.add(row, points)
            if len(entries) < PAGE:
                return
            behind = entries[-1].row


@contextmanager
def _sqlite(settings: Settings, report: Report) -> Iterator[ReadPage]:
    path = Path(settings.db_sqlite_path)
    if not path.exists():
        raise StoreError(
            f"there is no database {path}; set DB_SQLITE_PATH, or run this where the server runs"
        )
    _check(migrate.sqlite_state(path), settings)
    try:
        with closing(
            connect(path, busy_timeout=settings.db_busy_timeout, read_only=True)
        ) as connection:

            def read(behind: Row | None) -> list[Entry]:
                connection.execute("BEGIN")
                try:
                    return energy_reports.page(SqliteTx(connection), report, behind, PAGE)
                finally:
                    connection.execute("ROLLBACK")

            yield read
    except sqlite3.Error as error:
        raise StoreUnavailable(f"{path} cannot be read now: {error}") from error


@contextmanager
def _postgres(settings: Settings, report: Report) -> Iterator[ReadPage]:
    # Imported here: SQLite need not load psycopg.
    from ocpp_trio.store import opening_postgres
    from ocpp_trio.store.postgres import PostgresDriver

    _check(opening_postgres.state(settings), settings)
    with closing(PostgresDriver(settings)) as driver:
        yield lambda behind: driver.run_read(energy_reports.page, (report, behind, PAGE))


def _check(state: State, settings: Settings) -> None:
    if state.pending:
        raise SchemaError(
            f"{settings.database_place} needs the schema steps {', '.join(state.pending)}; start"
            " the server of this version or run `ocpp-trio migrate`"
        )
