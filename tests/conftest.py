"""What every test gets: a clean environment, a guarded log, its own clock and database.

An event logged at ERROR fails the test, unless it asks for the fixture `expected_errors`.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from typing import Any

import hypothesis
import psycopg
import pytest
import structlog
from structlog.typing import EventDict

from ocpp_trio import config, logs
from ocpp_trio.store.batch import DriverWriter
from ocpp_trio.store.database import Database
from ocpp_trio.store.opening import open_database
from tests.support import as_sent
from tests.support.clock import FakeNow
from tests.support.postgres import Postgres, empty

# The same examples on every run, and none kept between runs.
hypothesis.settings.register_profile(
    "tests", derandomize=True, database=None, deadline=None, max_examples=60
)
hypothesis.settings.load_profile("tests")

SQLITE, POSTGRES = "sqlite", "postgres"
SHARED = "tests"
ON_BOTH = (
    "tests.api.",
    "tests.central.test_authentication.",
    "tests.central.test_batches.",
    "tests.central.test_books_model.",
    "tests.central.test_commands.",
    "tests.central.test_list_sync.",
    "tests.central.test_queue.",
    "tests.central.test_review.",
    "tests.central.test_session.",
    "tests.central.test_signing.",
)
"""Modules and packages; tests/store and tests/conformance see to it themselves."""

OpenDatabase = Callable[[], AbstractAsyncContextManager[Database]]
MakeSettings = Callable[..., config.Settings]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """In the full run, what stands in ON_BOTH runs on both databases."""
    module = metafunc.module.__name__
    chosen = {
        name
        for mark in metafunc.definition.iter_markers("parametrize")
        for name in str(mark.args[0]).split(",")
    }
    if (
        "database_kind" in metafunc.fixturenames
        and "database_kind" not in chosen
        and f"{module}.".startswith(ON_BOTH)
    ):
        kinds = [SQLITE, pytest.param(POSTGRES, marks=pytest.mark.slow)]
        metafunc.parametrize("database_kind", kinds)


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable of the application reaches a test from outside."""
    for name in config.variables():
        monkeypatch.delenv(name, raising=False)
    assert not set(config.variables()) & set(os.environ)


@pytest.fixture(scope="session", autouse=True)
def units_as_sent() -> Iterator[None]:
    """Whatever is written goes as it would to a writer process, and comes back so."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(DriverWriter, "run_batch", as_sent.run_batch)
        yield


@pytest.fixture(scope="session", autouse=True)
def logging_to_stderr() -> None:
    """The application's own logging, once: everything, as lines of JSON that pytest shows."""
    logs.configure("debug", "json")


@pytest.fixture(autouse=True)
def errors_logged(request: pytest.FixtureRequest) -> Iterator[list[EventDict]]:
    """Fail the test if ERROR is logged and `expected_errors` was not asked for."""
    errors: list[EventDict] = []

    def watch(_: object, level: str, event: EventDict) -> EventDict:
        if logs.LEVELS.get(level, logs.LEVELS["error"]) >= logs.LEVELS["error"]:
            errors.append(dict(event))
        return event

    logs.ENTRIES.take()
    logs.ENTRIES.lost = 0
    before = structlog.get_config()
    structlog.configure(processors=[watch, *before["processors"]])
    yield errors
    structlog.configure(**before)
    logs.ENTRIES.take()
    if errors and "expected_errors" not in request.fixturenames:
        pytest.fail(f"logged at ERROR: {errors}", pytrace=False)


@pytest.fixture
def expected_errors(errors_logged: list[EventDict]) -> list[EventDict]:
    """The events logged at ERROR so far; asking for this allows them."""
    return errors_logged


@pytest.fixture
def now() -> FakeNow:
    """The wall clock."""
    return FakeNow()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server, started for the first test that asks for it."""
    server = Postgres()
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture(scope="session")
def shared_database(postgres: Postgres) -> Iterator[psycopg.Connection[dict[str, Any]]]:
    """A connection to the database on it that tests use one after the other."""
    postgres.migrated(SHARED)
    with postgres.connected(SHARED) as connection:
        yield connection


@pytest.fixture
def database_kind() -> str:
    """On which database the test runs; packages and modules override it, or stand in ON_BOTH."""
    return SQLITE


@pytest.fixture
def database_variables(
    request: pytest.FixtureRequest, database_kind: str, tmp_path: Path
) -> dict[str, str]:
    """The variables that lead to the test's own, empty database."""
    # Other files of the server lie beside it, whatever the database.
    variables = {"DB_SQLITE_PATH": str(tmp_path / "ocpp.db")}
    if database_kind == POSTGRES:
        empty(request.getfixturevalue("shared_database"))
        variables |= request.getfixturevalue("postgres").variables(SHARED)
    return variables


@pytest.fixture
def make_settings(database_variables: dict[str, str]) -> MakeSettings:
    """Settings from variables by name: `make_settings(OCPP_UNKNOWN_TAGS="accept")`.

    Any free port of 127.0.0.1, and a database of the test's own.
    """

    def make(**variables: str) -> config.Settings:
        own = {
            "OCPP_HOST": "127.0.0.1",
            "OCPP_WEBSOCKET_PORT": "0",
            "OCPP_API_PORT": "0",
            **database_variables,
        }
        return config.load(own | variables)

    return make


@pytest.fixture
def open_test_database(make_settings: MakeSettings) -> OpenDatabase:
    """Opens the test's database, again and again the same one; units run in the calling task."""
    return partial(open_database, make_settings(), inline=True)


@pytest.fixture
async def database(open_test_database: OpenDatabase) -> AsyncIterator[Database]:
    """The test's database, open."""
    async with open_test_database() as opened:
        yield opened
