"""Schema steps: forward only, one transaction each; a database from the future is refused.

Steps are files in the package ocpp_trio.migrations: NNNN_name.sql for both dialects,
NNNN_name.sqlite.sql or NNNN_name.postgres.sql where they differ. SQLite keeps its list with
sqlite_utils.Migrations; for PostgreSQL see store.migrate_postgres.
"""

from __future__ import annotations

import re
import shutil
import sqlite3
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import NamedTuple

import sqlite_utils
import structlog
from sqlite_utils.migrations import Migrations

from ocpp_trio.errors import SchemaError, StoreError

log = structlog.get_logger()

_FILE = re.compile(r"(\d{4}_\w+?)(?:\.(sqlite|postgres))?\.sql")
SET_NAME = "ocpp_trio"


class Step(NamedTuple):
    """One schema step: its name (NNNN_name) and its SQL."""

    name: str
    sql: str


def steps(dialect: str) -> list[Step]:
    """All steps of a dialect, in order."""
    found = {}
    for file in resources.files("ocpp_trio.migrations").iterdir():
        match = _FILE.fullmatch(file.name)
        if match and match[2] in {None, dialect}:
            found[match[1]] = Step(match[1], file.read_text("utf-8"))
    return [found[name] for name in sorted(found)]


def statements(sql: str) -> Iterator[str]:
    """Split a script. `executescript` would commit in the middle of a step."""
    pending = ""
    for line in sql.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            yield pending.strip()
            pending = ""
    if any(line.strip() and not line.lstrip().startswith("--") for line in pending.splitlines()):
        raise ValueError("the last statement has no semicolon")


def _migrations(all_steps: list[Step]) -> Migrations:
    migrations = Migrations(SET_NAME)
    for step in all_steps:

        def apply(db: sqlite_utils.Database, sql: str = step.sql) -> None:
            for statement in statements(sql):
                db.execute(statement)

        migrations(name=step.name)(apply)
    return migrations


class State(NamedTuple):
    """What is applied and what is pending, as step names in order."""

    applied: tuple[str, ...]
    pending: tuple[str, ...]


def refuse_old(state: State, what: str, mode: str) -> None:
    """Raise SchemaError if steps are pending on a database with data, and OCPP_MIGRATE=check."""
    if mode == "check" and state.applied:
        raise SchemaError(
            f"{what} needs the schema steps {', '.join(state.pending)}; run `ocpp-trio migrate`"
            " or set OCPP_MIGRATE=auto"
        )


def report(state: State) -> None:
    """Log which steps were applied to a database with data."""
    if state.applied and state.pending:
        log.info("schema brought up to date", source="store", steps=", ".join(state.pending))


def sqlite_state(path: Path) -> State:
    """Compare a database file with this version's steps. Raises SchemaError if it is newer."""
    if not path.exists():
        return State((), tuple(step.name for step in steps("sqlite")))
    if not path.is_file():
        raise SchemaError(f"{path} is not a file")
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    try:
        return state_of(connection, path)
    except sqlite3.OperationalError as error:
        raise StoreError(f"{path} cannot be read now: {error}") from error
    except sqlite3.DatabaseError as error:
        raise SchemaError(f"{path} cannot be read as a SQLite database: {error}") from error
    finally:
        connection.close()


def state_of(connection: sqlite3.Connection, path: Path) -> State:
    """The same of an open connection; `path` is for the error. Raises what sqlite3 raises, too."""
    known = steps("sqlite")
    db = sqlite_utils.Database(connection)
    migrations = _migrations(known)
    applied = tuple(step.name for step in migrations.applied(db))
    pending = tuple(step.name for step in migrations.pending(db))
    newer = sorted(set(applied) - {step.name for step in known})
    if newer:
        raise SchemaError(
            f"{path} was written by a newer version (it has {', '.join(newer)}); install that"
            " version, or use a copy from before the upgrade"
        )
    return State(applied, pending)


def migrate_sqlite(path: Path) -> State:
    """Bring a database file up to date; the state that was found before.

    A file that holds data is first copied to `<file>.before-NNNN`. The caller holds SqliteLock.
    """
    state = sqlite_state(path)
    if not state.pending:
        return state
    if state.applied:
        _copy_before(path, state.pending[0][:4])
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        _migrations(steps("sqlite")).apply(sqlite_utils.Database(connection))
    finally:
        connection.close()
    return state


def _copy_before(path: Path, number: str) -> None:
    target = Path(f"{path}.before-{number}")
    if target.exists():
        return
    partial = Path(f"{target}.partial")
    partial.unlink(missing_ok=True)
    source = sqlite3.connect(path)
    copy = sqlite3.connect(partial)
    try:
        source.backup(copy)
    finally:
        copy.close()
        source.close()
    shutil.move(partial, target)
