"""The receiving side of a copy from SQLite: rows go into PostgreSQL, and how far it came is kept
beside them, so that a copy that was interrupted goes on.
"""

# ruff: noqa: S608 - the names in statements are those of our own tables

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import psycopg
from psycopg import sql
from psycopg.rows import tuple_row

from ocpp_trio.config import Settings
from ocpp_trio.errors import CopyFailed
from ocpp_trio.store import migrate_postgres
from ocpp_trio.store.opening_postgres import connected
from ocpp_trio.store.postgres_connection import Connection, words

PROGRESS = "copy_progress"
"""The table that exists while a copy is not complete."""
FETCHED = 5_000
"""Rows in one round trip when they are read back."""


class Begun(NamedTuple):
    """A table of a copy that has begun: its rows in the source, and the last one that is here."""

    rows: int
    last: int


class Target:
    """A PostgreSQL database on which no server runs."""

    def __init__(self, connection: Connection) -> None:
        # A long copy may take its time.
        connection.patience = None
        self._connection = connection

    def prepare(self, rows: Mapping[str, int]) -> dict[str, Begun]:
        """Begin a copy of tables with so many rows, or find the one that has begun.

        Raises CopyFailed if the database holds something else.
        """
        migrate_postgres.apply(self._connection)
        if self._exists(PROGRESS):
            begun = self._begun()
            if {table: each.rows for table, each in begun.items()} != dict(rows):
                raise CopyFailed(
                    "a copy has begun there, but the source has changed since, or is another one;"
                    " begin with an empty database"
                )
            return begun
        full = [table for table in rows if self._has_rows(table)]
        if full:
            raise CopyFailed(
                f"the target is not empty: there are rows in {', '.join(full)}; take an empty"
                " database"
            )
        with self._connection.transaction():
            self._connection.execute(
                f"CREATE TABLE {PROGRESS} (table_name TEXT PRIMARY KEY,"
                " source_rows BIGINT NOT NULL, last_row BIGINT NOT NULL)"
            )
            for table, count in rows.items():
                self._connection.execute(
                    f"INSERT INTO {PROGRESS} VALUES (%s, %s, 0)",
                    [table, count],
                )
        return self._begun()

    def put(
        self, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]], last: int
    ) -> None:
        """Store rows, and that `last` is the newest of the table that is here, in one commit."""
        names = sql.SQL(", ").join([sql.Identifier(each) for each in columns])
        statement = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table), names)
        try:
            with self._connection.transaction(), self._connection.cursor() as cursor:
                with cursor.copy(statement) as copy:
                    for row in rows:
                        copy.write_row(row)
                cursor.execute(
                    f"UPDATE {PROGRESS} SET last_row = %s WHERE table_name = %s",
                    [last, table],
                )
        except (psycopg.DataError, psycopg.IntegrityError) as error:
            raise CopyFailed(f"{table}, rows up to {last}: {words(error)}") from None

    def rows(self, table: str, columns: Sequence[str]) -> Iterator[tuple[Any, ...]]:
        """All rows of a table, in any order."""
        names = sql.SQL(", ").join([sql.Identifier(each) for each in columns])
        statement = sql.SQL("SELECT {} FROM {}").format(names, sql.Identifier(table))
        with (
            self._connection.transaction(),
            self._connection.cursor(name="copy", row_factory=tuple_row) as cursor,
        ):
            cursor.itersize = FETCHED
            yield from cursor.execute(statement)

    def finish(self, ids: Mapping[str, int]) -> None:
        """New rows get ids above these: no id is given out twice. The copy is complete then."""
        with self._connection.transaction():
            for table, last in ids.items():
                if last:
                    self._connection.execute(
                        "SELECT setval(pg_get_serial_sequence(%s, 'id'), %s)", [table, last]
                    )
            self._connection.execute(f"DROP TABLE {PROGRESS}")
        self._connection.execute("ANALYZE")

    def numbered(self) -> set[str]:
        """The tables whose ids are given out by the database."""
        found = self._connection.execute(
            "SELECT table_name FROM information_schema.columns"
            " WHERE table_schema = current_schema() AND is_identity = 'YES'"
        )
        return {row["table_name"] for row in found}

    def _exists(self, table: str) -> bool:
        row = self._connection.execute(
            "SELECT to_regclass(%s) IS NOT NULL AS is_there", [table]
        ).fetchone()
        return row is not None and bool(row["is_there"])

    def _has_rows(self, table: str) -> bool:
        statement = sql.SQL("SELECT 1 FROM {} LIMIT 1").format(sql.Identifier(table))
        return self._connection.execute(statement).fetchone() is not None

    def _begun(self) -> dict[str, Begun]:
        found = self._connection.execute(f"SELECT * FROM {PROGRESS}")
        return {row["table_name"]: Begun(row["source_rows"], row["last_row"]) for row in found}


@contextmanager
def open_target(settings: Settings) -> Iterator[Target]:
    """The database that the settings name. Raises StoreError or CopyFailed with what is wrong."""
    try:
        with connected(settings) as connection:
            yield Target(connection)
    except psycopg.Error as error:
        raise CopyFailed(f"{settings.database_place}: {words(error)}") from None
