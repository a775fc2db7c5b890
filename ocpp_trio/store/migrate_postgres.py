"""Schema steps on PostgreSQL: under an advisory lock, so that many servers may start at once."""

from __future__ import annotations

import re
import time

import psycopg
import structlog

from ocpp_trio.errors import SchemaError, StoreError
from ocpp_trio.store import migrate
from ocpp_trio.store.migrate import State
from ocpp_trio.store.postgres_connection import Connection, words

log = structlog.get_logger()

LOCK = 0x6F637070_7472696F
"""The key of the advisory lock: "ocpptrio"."""
TABLE = """
CREATE TABLE IF NOT EXISTS schema_steps (
    name TEXT COLLATE "C" PRIMARY KEY,
    applied_at BIGINT NOT NULL
)
"""
# Texts compare and sort by their bytes, as on SQLite and whatever the database's locale: a page
# goes on where the last one ended, and an update of the system's locales breaks no index.
_TEXT = re.compile(r"(?<!AS )\bTEXT\b(?! COLLATE)")


def state(connection: Connection) -> State:
    """Compare a database with this version's steps. Raises SchemaError if it is newer."""
    known = tuple(step.name for step in migrate.steps("postgres"))
    applied: tuple[str, ...] = ()
    row = connection.execute(
        "SELECT to_regclass('schema_steps') IS NOT NULL AS is_there"
    ).fetchone()
    if row is not None and row["is_there"]:
        rows = connection.execute("SELECT name FROM schema_steps ORDER BY name")
        applied = tuple(row["name"] for row in rows)
    newer = sorted(set(applied) - set(known))
    if newer:
        raise SchemaError(
            f"the database was written by a newer version (it has {', '.join(newer)}); install"
            " that version, or use a copy from before the upgrade"
        )
    return State(applied, tuple(name for name in known if name not in applied))


def apply(connection: Connection) -> State:
    """Bring a database up to date; the state that was found before. Waits while another server
    does so. Raises StoreError with the step that failed; those before it stay.
    """
    if not state(connection).pending:
        return state(connection)
    patience, connection.patience = connection.patience, None
    try:
        connection.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        try:
            return _apply(connection)
        finally:
            connection.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
    except psycopg.Error as error:
        raise StoreError(f"the database cannot be brought up to date: {words(error)}") from error
    finally:
        connection.patience = patience


def _apply(connection: Connection) -> State:
    found = state(connection)
    for step in migrate.steps("postgres"):
        if step.name not in found.pending:
            continue
        try:
            with connection.transaction():
                connection.execute(TABLE)
                connection.execute(_TEXT.sub('TEXT COLLATE "C"', step.sql).encode(), prepare=False)
                connection.execute(
                    "INSERT INTO schema_steps (name, applied_at) VALUES (%s, %s)",
                    [step.name, time.time_ns() // 1_000_000],
                )
        except psycopg.Error as error:
            raise StoreError(f"the schema step {step.name} failed: {words(error)}") from error
    return found
