"""Whether a database file, live or a copy, is sound: its bytes, its schema, its books.

The file is not changed. The server may be running.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ocpp_trio.domain.times import format_timestamp
from ocpp_trio.errors import SchemaError
from ocpp_trio.store import books, migrate
from ocpp_trio.store.sqlite import SqliteTx, connect

MAGIC = b"SQLite format 3\0"
MAX_PROBLEMS = 10
BUSY_TIMEOUT = 5.0
PULSE_EVERY = 10_000
"""Steps of SQLite's machine between two calls of `pulse`: less than a millisecond."""

Pulse = Callable[[], None]


@dataclass(slots=True)
class Report:
    """What was found. `problems` is empty if the file is sound; `pending` are schema steps that the
    server will make up for by itself.
    """

    path: Path
    size: int = 0
    applied: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()
    rows: dict[str, int] = field(default_factory=dict)
    newest: str = ""
    problems: list[str] = field(default_factory=list)


def verify(path: Path) -> Report:
    """Check everything. Raises OSError if the file cannot be read."""
    report = check_structure(path)
    if report.applied and not report.problems:
        with _reading(path) as connection:
            _check_books(connection, report)
    return report


def check_structure(path: Path, pulse: Pulse | None = None) -> Report:
    """Check all but the books: SQLite's own checks, the schema, and how many rows there are.

    `pulse` is called often and may raise to stop. Raises OSError if the file cannot be read.
    """
    report = Report(path, path.stat().st_size)
    # Never done to a database that this process has open: closing would drop SQLite's locks on it.
    with path.open("rb") as file:
        head = file.read(len(MAGIC))
    if head != MAGIC:
        what = "is empty" if not head else "is not a SQLite database"
        report.problems.append(f"the file {what}")
        return report
    try:
        with _reading(path) as connection, _pulsing(connection, pulse):
            _check_integrity(connection, report)
            _check_schema(connection, report)
            report.rows = count_rows(connection)
    except sqlite3.Error as error:
        report.problems.append(f"the file cannot be read to its end: {error}")
    return report


def count_rows(connection: sqlite3.Connection) -> dict[str, int]:
    """Rows of each table of ours, by name."""
    tables = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE"
        " '\\' AND name NOT LIKE '\\_%' ESCAPE '\\' ORDER BY name"
    ).fetchall()
    return {
        name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]  # noqa: S608
        for (name,) in tables
    }


@contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that reads one snapshot."""
    connection = connect(path, busy_timeout=BUSY_TIMEOUT, read_only=True)
    try:
        try:
            connection.execute("BEGIN")
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except sqlite3.OperationalError:
            if Path(f"{path}-wal").exists():
                raise
            # On a medium that cannot be written, SQLite makes no files beside it only if it is told
            # that the file never changes.
            connection.close()
            connection = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True, isolation_level=None
            )
            connection.row_factory = sqlite3.Row
            connection.execute("BEGIN")
        yield connection
    finally:
        connection.close()


@contextmanager
def _pulsing(connection: sqlite3.Connection, pulse: Pulse | None) -> Iterator[None]:
    """Call `pulse` while the connection works; what it raises comes out of the block."""
    raised: list[BaseException] = []

    def handler() -> int:
        try:
            if pulse is not None:
                pulse()
        except BaseException as error:
            # SQLite knows only that it is to stop.
            raised.append(error)
            return 1
        return 0

    connection.set_progress_handler(handler, PULSE_EVERY)
    try:
        yield
    except sqlite3.OperationalError:
        if raised:
            raise raised[0] from None
        raise
    finally:
        connection.set_progress_handler(None, 0)


def _check_integrity(connection: sqlite3.Connection, report: Report) -> None:
    for (text,) in connection.execute(f"PRAGMA integrity_check({MAX_PROBLEMS})"):
        if text != "ok":
            report.problems.append(f"damaged: {text}")
    strays = connection.execute("PRAGMA foreign_key_check").fetchmany(MAX_PROBLEMS)
    for table, row, parent, _ in strays:
        report.problems.append(f"row {row} of {table} refers to a missing row of {parent}")


def _check_schema(connection: sqlite3.Connection, report: Report) -> None:
    try:
        report.applied, report.pending = migrate.state_of(connection, report.path)
    except SchemaError as error:
        report.problems.append(str(error))
        return
    if not report.applied:
        report.problems.append("the file is a SQLite database, but not one of this server")


def _check_books(connection: sqlite3.Connection, report: Report) -> None:
    tx = SqliteTx(connection)
    report.problems += books.faults(tx)
    (used,) = connection.execute("SELECT coalesce(max(id), 0) FROM transactions").fetchone()
    given = connection.execute(
        "SELECT seq FROM sqlite_sequence WHERE name = 'transactions'"
    ).fetchone()
    if used > (given[0] if given else 0):
        report.problems.append(f"the next transaction would get an id that is taken ({used})")
    row = books.newest(tx)
    if row is not None:
        state = "complete" if row["is_complete"] else "running"
        began = format_timestamp(row["started_at"])
        report.newest = f"{row['id']} of {row['charge_point_id']}, began {began}, {state}"
