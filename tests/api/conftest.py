"""The API over a real database and the real central system, without a socket."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import trio

from ocpp_trio.api.auth import ADMIN
from ocpp_trio.api.keyring import Key, Keys
from ocpp_trio.central.commands import Commands
from ocpp_trio.central.context import Central
from ocpp_trio.store import migrate
from ocpp_trio.store.api_keys import digest
from ocpp_trio.store.database import Database
from ocpp_trio.supervise import Health
from tests.api.support import Api, client_of, context_of
from tests.conftest import SQLITE, MakeSettings, OpenDatabase
from tests.support.clock import FakeNow

OpenApi = Callable[..., AbstractAsyncContextManager[Api]]


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file with its schema; made once, for most tests here open one of their own."""
    path = tmp_path_factory.mktemp("empty") / "ocpp.db"
    migrate.migrate_sqlite(path)
    return path


@pytest.fixture
async def database(
    make_settings: MakeSettings,
    open_test_database: OpenDatabase,
    empty_database: Path,
    database_kind: str,
) -> AsyncIterator[Database]:
    """The test's database, open."""
    if database_kind == SQLITE:
        shutil.copyfile(empty_database, make_settings().db_sqlite_path)
    async with open_test_database() as opened:
        yield opened


def keys_of(**roles: str) -> Keys:
    """Keys by role: `keys_of(secret=ADMIN)` makes one whose text and name are `secret`."""
    return Keys([Key(name, role, digest(name.encode())) for name, role in roles.items()])


@pytest.fixture
def open_api(make_settings: MakeSettings, database: Database, now: FakeNow) -> OpenApi:
    """Opens the API with keys and variables of the test's own."""

    @asynccontextmanager
    async def open_(keys: Keys | None = None, **variables: str) -> AsyncIterator[Api]:
        settings = make_settings(**variables)
        central = Central(settings, database, now=now)
        commands = Commands(central)
        used = Keys() if keys is None else keys
        used.now = now
        context = context_of(settings, central, commands, Health(), used, trio.current_time())
        async with trio.open_nursery() as nursery, client_of(context) as client:
            await nursery.start(commands.run)
            yield Api(context, central, client, now)
            nursery.cancel_scope.cancel()

    return open_


@pytest.fixture
async def api(open_api: OpenApi) -> AsyncIterator[Api]:
    """The API of a server on loopback without keys: open to local requests."""
    async with open_api() as opened:
        yield opened


@pytest.fixture
async def guarded(open_api: OpenApi) -> AsyncIterator[Api]:
    """The API of a server that others can reach, with a key for each role."""
    keys = keys_of(reader="read", operator="operate", admin=ADMIN)
    async with open_api(keys, OCPP_HOST="0.0.0.0") as opened:
        yield opened


@pytest.fixture
def restarted() -> Callable[[Api, float], Api]:
    """The same API as if it had started so many seconds ago."""

    def restart(api: Api, seconds: float) -> Api:
        context = replace(api.context, started=api.context.started - seconds)
        return Api(context, api.central, client_of(context), api.now)

    return restart
