"""A transaction on PostgreSQL: statements of units of work, one round trip each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import psycopg
from psycopg import errors
from psycopg.rows import DictRow

from ocpp_trio.store.database import Row
from ocpp_trio.store.postgres_connection import Connection, channel, is_fault_of_unit
from ocpp_trio.store.queries import Statement

NULL = "NULL"
NOTIFY = b"SELECT pg_notify(%s, %s)"
_TEXT, _TEXT_OR_NULL, _NUMBERS = {str}, {str, type(None)}, {int, float}


def array(values: Sequence[Any]) -> str:
    """The text of an array of one dimension: numbers, texts and NULL.

    Columns of the hottest table are of one type and repeat themselves, so most are made at once.
    """
    kinds = set(map(type, values))
    if kinds == _TEXT:
        text = '","'.join(values)
        # No quote but ours: nothing is to be escaped.
        if "\\" not in text and "\0" not in text and text.count('"') == 2 * len(values) - 2:
            return '{"' + text + '"}'
    if kinds <= _NUMBERS:
        elements = map(repr, values)
    elif kinds <= _TEXT_OR_NULL:
        known = {value: _element(value) for value in set(values)}
        elements = map(known.__getitem__, values)
    else:
        elements = map(_element, values)
    return "{" + ",".join(elements) + "}"


def _element(value: Any) -> str:
    if value is None:
        return NULL
    if isinstance(value, str):
        escaped = _without_nul(value).replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    return str(int(value)) if isinstance(value, int) else repr(value)


def _without_nul(value: Any) -> Any:
    """PostgreSQL's texts hold no NUL: it is spelled as in messages of charge points."""
    return value.replace("\0", "\\u0000") if isinstance(value, str) else value


class PostgresTx:
    """A transaction on one connection (see store.database.Tx)."""

    __slots__ = ("_connection", "_cursor", "_many")

    def __init__(self, connection: Connection, many: dict[str, str]) -> None:
        """`many` is a cache of statements for many rows."""
        self._connection = connection
        self._cursor = connection.cursor()
        self._many = many

    def one(self, statement: Statement, /, **parameters: Any) -> Row | None:
        return self._execute(statement.psycopg, parameters).fetchone()

    def all(self, statement: Statement, /, **parameters: Any) -> Sequence[Row]:
        return self._execute(statement.psycopg, parameters).fetchall()

    def run(self, statement: Statement, /, **parameters: Any) -> int:
        return self._execute(statement.psycopg, parameters).rowcount

    def many(self, statement: Statement, rows: Sequence[Sequence[Any]], /) -> int:
        if not rows:
            return 0
        if statement.takes_rows:
            text = self._many.get(statement.name)
            if text is None:
                text = self._many[statement.name] = self.for_columns(statement)
            return self._execute(
                text, [array(column) for column in zip(*rows, strict=True)]
            ).rowcount
        try:
            # One round trip as well: psycopg sends all rows before it reads an answer.
            self._cursor.executemany(statement.psycopg_rows.encode(), rows)
        except errors.NumericValueOutOfRange as error:
            raise OverflowError(str(error)) from error
        return self._cursor.rowcount

    def notify(self, node_id: str, hint: str, /) -> None:
        self._cursor.execute(NOTIFY, [channel(node_id), hint])

    def attempt(self, unit: Callable[..., Any], /, *arguments: Any) -> Exception | None:
        self._cursor.execute(b"SAVEPOINT attempt", prepare=False)
        try:
            unit(self, *arguments)
            self._cursor.execute(b"RELEASE attempt", prepare=False)
        except Exception as error:
            if not is_fault_of_unit(error):
                raise
            self._cursor.execute(b"ROLLBACK TO attempt; RELEASE attempt", prepare=False)
            return error
        return None

    def _execute(self, text: str, parameters: Any) -> psycopg.Cursor[DictRow]:
        try:
            return self._cursor.execute(text.encode(), parameters)
        except errors.NumericValueOutOfRange as error:
            # What SQLite calls it.
            raise OverflowError(str(error)) from error
        except psycopg.DataError:
            # psycopg refuses a NUL before anything is sent.
            if not isinstance(parameters, dict):
                raise
            shown = {name: _without_nul(value) for name, value in parameters.items()}
            if shown == parameters:
                raise
            return self._cursor.execute(text.encode(), shown)

    def for_columns(self, statement: Statement) -> str:
        """The text of a statement for many rows; asks the server for the types of its columns."""
        found = self._connection.execute(
            f"PREPARE many AS {statement.to_prepare()};"  # noqa: S608 - ours
            " SELECT parameter_types::text[] AS types FROM pg_prepared_statements"
            " WHERE name = 'many'; DEALLOCATE many".encode(),
            prepare=False,
        )
        found.nextset()
        row = found.fetchone()
        assert row is not None
        return statement.for_columns(row["types"])
