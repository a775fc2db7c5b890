"""Open a PostgreSQL database: wait for it, look at it, migrate, connect."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

# Before psycopg, which keeps what it finds of asyncio; for store.listening.
import trio_asyncio  # noqa: F401

# isort: split
import psycopg
import structlog
import trio

from ocpp_trio.config import Settings
from ocpp_trio.errors import StoreError
from ocpp_trio.store import migrate, migrate_postgres
from ocpp_trio.store.batch import Driver, Runner
from ocpp_trio.store.migrate import State
from ocpp_trio.store.postgres import PostgresDriver
from ocpp_trio.store.postgres_connection import (
    FIRST_DELAY,
    LONGEST_DELAY,
    Connection,
    check_server,
    connect,
    words,
)

log = structlog.get_logger()

HOPELESS = (
    "authentication failed",
    "does not exist",
    "no pg_hba.conf entry",
    "does not support SSL",
    "certificate verify failed",
    "root certificate file",
)
"""Words of a server, or about it, that will be the same after a while."""


@asynccontextmanager
async def opened(settings: Settings, run: Runner) -> AsyncIterator[Driver]:
    """The driver, with the schema up to date. Raises StoreError with what is wrong."""
    connection = await _first_connection(settings, run)
    await run(_prepare, connection, settings)
    driver = PostgresDriver(settings)
    try:
        yield driver
    finally:
        driver.close()


@contextmanager
def connected(settings: Settings) -> Iterator[Connection]:
    """One connection, for a command that does not wait. Raises StoreError with what is wrong."""
    try:
        connection = connect(settings)
    except psycopg.Error as error:
        raise _cannot_open(settings, error) from None
    with connection:
        check_server(connection)
        yield connection


def state(settings: Settings) -> State:
    """Compare the database with this version's steps. Raises SchemaError if it is newer."""
    with connected(settings) as connection:
        return migrate_postgres.state(connection)


def bring_up_to_date(settings: Settings) -> State:
    """Apply the pending schema steps; the state that was found before. Raises StoreError."""
    with connected(settings) as connection:
        return migrate_postgres.apply(connection)


async def _first_connection(settings: Settings, run: Runner) -> Connection:
    """Wait for a server that is not there yet, up to OCPP_DB_START_TIMEOUT."""
    began, delay = trio.current_time(), FIRST_DELAY
    while True:
        try:
            connection: Connection = await run(connect, settings)
            return connection
        except psycopg.Error as error:
            is_late = trio.current_time() - began >= settings.db_start_timeout
            if is_late or any(each in str(error) for each in HOPELESS):
                raise _cannot_open(settings, error) from None
            log.warning(
                "waiting for the database",
                source="store",
                database=settings.database_place,
                error=words(error),
            )
        await trio.sleep(delay * random.uniform(0.5, 1))  # noqa: S311 - jitter
        delay = min(delay * 2, LONGEST_DELAY)


def _cannot_open(settings: Settings, error: psycopg.Error) -> StoreError:
    return StoreError(
        f"cannot open the PostgreSQL database {settings.database_place}: {words(error)}"
    )


def _prepare(connection: Connection, settings: Settings) -> None:
    with connection:
        check_server(connection)
        found = migrate_postgres.state(connection)
        if found.pending:
            migrate.refuse_old(found, f"the database {settings.database_place}", settings.migrate)
            migrate.report(migrate_postgres.apply(connection))
