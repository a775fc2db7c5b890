"""Faults at a chosen step of the write path."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

from ocpp_trio.store.batch import Driver, DriverWriter
from ocpp_trio.store.database import Database
from ocpp_trio.store.sqlite import SqliteDriver, SqliteTx


def driver_of(database: Database) -> Driver:
    """The driver that writes, in this process."""
    writer = database._writer
    assert isinstance(writer, DriverWriter)
    return writer._driver


class Killed(BaseException):
    """The process ends here: nothing that handles errors may hold it."""


class Steps:
    """Stands for the writing connection and counts its statements.

    `deed` is done before statement number `at`, or after COMMIT if that many were executed.
    """

    def __init__(
        self, database: Database, at: int | None = None, deed: Callable[[], None] = lambda: None
    ) -> None:
        driver = driver_of(database)
        assert isinstance(driver, SqliteDriver)
        self.count = 0
        self._at = at
        self._deed = deed
        self._is_dead = False
        self._connection: sqlite3.Connection = driver._writer
        driver._writer = self  # type: ignore[assignment]
        driver._tx = SqliteTx(self)  # type: ignore[arg-type]

    def _reach(self) -> None:
        if self._at != self.count:
            return
        self._at = None
        try:
            self._deed()
        except Killed:
            # As the kernel does it: files are closed, locks are gone, nothing is rolled back.
            self._is_dead = True
            self._connection.close()
            raise

    def execute(self, statement: str, parameters: Any = ()) -> sqlite3.Cursor:
        self._reach()
        cursor = self._connection.execute(statement, parameters)
        self.count += 1
        if statement == "COMMIT":
            self._reach()
        return cursor

    @property
    def in_transaction(self) -> bool:
        return not self._is_dead and self._connection.in_transaction

    def close(self) -> None:
        self._connection.close()
