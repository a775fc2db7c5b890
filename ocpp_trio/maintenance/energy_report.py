"""The energy report, read from the database file beside the server or without it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from ocpp_trio.domain.reports import Report
from ocpp_trio.errors import SchemaError, StoreError, StoreUnavailable
from ocpp_trio.store import energy_reports, migrate
from ocpp_trio.store.database import Row
from ocpp_trio.store.sqlite import SqliteTx, connect

Line = tuple[Row, int]
"""A transaction of a report, and how much of its energy (Wh) counts."""


def lines(path: Path, report: Report, *, busy_timeout: float) -> Iterator[Line]:
    """The transactions of a report, oldest first, counted in it one by one.

    Nothing is written. Each page is a snapshot of its own, so that a server beside it is not held
    up. Raises SchemaError or StoreError with what is to be done about it.
    """
    _check(path)
    try:
        with closing(connect(path, busy_timeout=busy_timeout, read_only=True)) as connection:
            tx, behind = SqliteTx(connection), None
            while True:
                connection.execute("BEGIN")
                try:
                    entries = energy_reports.page(tx, report, behind, energy_reports.PAGE)
                finally:
                    connection.execute("ROLLBACK")
                for row, points in entries:
                    yield row, report.add(row, points)
                if len(entries) < energy_reports.PAGE:
                    return
                behind = entries[-1].row
    except sqlite3.Error as error:
        raise StoreUnavailable(f"{path} cannot be read now: {error}") from error


def _check(path: Path) -> None:
    if not path.exists():
        raise StoreError(
            f"there is no database {path}; set DB_SQLITE_PATH, or run this where the server runs"
        )
    pending = migrate.sqlite_state(path).pending
    if pending:
        raise SchemaError(
            f"{path} needs the schema steps {', '.join(pending)}; start the server of this version"
            " or run `ocpp-trio migrate`"
        )
