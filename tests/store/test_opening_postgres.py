"""Opening PostgreSQL: what is wrong is said, with what to do about it, and never a password."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

import psycopg
import pytest
from structlog.testing import capture_logs
from trio.testing import MockClock

from ocpp_trio import config
from ocpp_trio.errors import SchemaError, StoreError
from ocpp_trio.store import charge_points, migrate, opening_postgres, postgres_connection
from ocpp_trio.store.migrate import Step
from ocpp_trio.store.opening import open_database
from tests.support.postgres import Postgres
from tests.support.server import free_ports

PASSWORD = "S3cret/#@:Pa55"
NUMBERS = count()


@pytest.fixture
def variables(postgres: Postgres) -> Iterator[dict[str, str]]:
    """Those of a database with nothing in it."""
    name = f"opening_{next(NUMBERS)}"
    yield postgres.create(name) | {"DB_PASSWORD": PASSWORD, "OCPP_DB_START_TIMEOUT": "0"}
    postgres.drop(name)


async def refused(variables: dict[str, str]) -> str:
    """Why a database cannot be opened."""
    with pytest.raises(StoreError) as caught:
        async with open_database(config.load(variables), inline=True):
            raise AssertionError("opened")
    assert PASSWORD not in str(caught.value)
    return str(caught.value)


async def test_an_empty_database_is_set_up_and_used_in_threads(variables: dict[str, str]) -> None:
    async with open_database(config.load(variables)) as database:
        assert database.kind == "postgres"
        assert await database.write(charge_points.register, "CP1", "Accepted", {}, 1)
        assert await database.read(charge_points.counts) == (1, 0)
    async with open_database(config.load(variables)) as database:
        assert await database.read(charge_points.counts) == (1, 0)


async def test_by_the_socket_in_a_directory(postgres: Postgres, variables: dict[str, str]) -> None:
    by_socket = variables | {"DB_HOST": postgres.socket_directory}
    async with open_database(config.load(by_socket), inline=True) as database:
        assert await database.read(charge_points.counts) == (0, 0)


async def test_nobody_answers_there(variables: dict[str, str]) -> None:
    (port,) = free_ports(1)
    why = await refused(variables | {"DB_PORT": str(port)})
    begin = f"cannot open the PostgreSQL database {variables['DB_NAME']} at 127.0.0.1:{port}: "
    assert why.startswith(begin)
    assert "refused" in why
    assert "\n" not in why


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"DB_NAME": "absent"}, 'database "absent" does not exist'),
        ({"DB_USER": "absent"}, 'role "absent" does not exist'),
        ({"DB_SSL_MODE": "require"}, "server does not support SSL"),
    ],
)
async def test_what_will_not_mend_itself_is_said_at_once(
    variables: dict[str, str], other: dict[str, str], words: str
) -> None:
    assert words in await refused(variables | {"OCPP_DB_START_TIMEOUT": "3600"} | other)


async def test_a_server_that_is_not_there_yet_is_waited_for(
    variables: dict[str, str], monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    real, tries = postgres_connection.connect, count(1)

    def connect(settings: config.Settings) -> postgres_connection.Connection:
        if next(tries) < 6:
            raise psycopg.OperationalError("connection failed: the database is starting up\n")
        return real(settings)

    monkeypatch.setattr(opening_postgres, "connect", connect)
    settings = config.load(variables | {"OCPP_DB_START_TIMEOUT": "60"})
    with capture_logs() as logged:
        async with open_database(settings, inline=True):
            pass
    waited = [entry for entry in logged if entry["event"] == "waiting for the database"]
    assert len(waited) == 5
    assert waited[0]["database"] == settings.database_place
    assert waited[0]["error"] == "connection failed: the database is starting up"


async def test_it_is_not_waited_for_longer_than_the_setting_says(
    variables: dict[str, str], autojump_clock: MockClock
) -> None:
    (port,) = free_ports(1)
    late = variables | {"DB_PORT": str(port), "OCPP_DB_START_TIMEOUT": "60"}
    with capture_logs() as logged:
        await refused(late)
    assert 10 < len(logged) < 40


async def test_an_old_server_is_refused(
    variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_connection, "OLDEST_VERSION", 990000)
    assert "is too old: this version needs 99 or newer" in await refused(variables)


async def test_another_encoding_is_refused(postgres: Postgres, variables: dict[str, str]) -> None:
    postgres.execute("CREATE DATABASE letters ENCODING 'LATIN1' TEMPLATE template0")
    try:
        why = await refused(variables | {"DB_NAME": "letters"})
    finally:
        postgres.drop("letters")
    assert why.startswith("the database's encoding is LATIN1: create it anew with ENCODING 'UTF8'")


async def test_what_endangers_the_books_is_said(variables: dict[str, str]) -> None:
    with capture_logs() as logged:
        async with open_database(config.load(variables), inline=True):
            pass
    (entry,) = [entry for entry in logged if "fsync" in entry["event"]]
    assert entry["log_level"] == "warning"


def further_step(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = [*migrate.steps("postgres"), Step("9001_further", "CREATE TABLE further (x TEXT);\n")]
    monkeypatch.setattr(migrate, "steps", lambda dialect: steps)


async def test_check_only_refuses_an_old_schema(
    variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = config.load(variables | {"OCPP_MIGRATE": "check"})
    # An empty one holds nothing to be careful about.
    async with open_database(settings, inline=True):
        pass
    further_step(monkeypatch)
    with pytest.raises(SchemaError, match="needs the schema steps 9001_further; run `ocpp-trio"):
        async with open_database(settings, inline=True):
            raise AssertionError("opened")


async def test_auto_brings_the_schema_up_to_date_and_says_so(
    variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_database(config.load(variables), inline=True):
        pass
    further_step(monkeypatch)
    with capture_logs() as logged:
        async with open_database(config.load(variables), inline=True):
            pass
    told: list[Any] = [entry for entry in logged if entry["event"].startswith("schema")]
    assert [entry["steps"] for entry in told] == ["9001_further"]
