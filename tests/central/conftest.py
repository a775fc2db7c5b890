"""A central system without ports: stations connect over memory streams, time is virtual."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

import pytest
import trio

from ocpp_trio.central import keepalive
from ocpp_trio.central.commands import Commands
from ocpp_trio.central.context import Central
from ocpp_trio.central.listener import Listener
from ocpp_trio.store import id_tags
from ocpp_trio.store.batch import Runner
from ocpp_trio.store.opening import open_database
from tests.conftest import MakeSettings
from tests.support.clock import FakeNow


@dataclass
class System:
    """The parts of a running central system."""

    central: Central
    listener: Listener
    commands: Commands


OpenSystem = Callable[..., AbstractAsyncContextManager[System]]


@pytest.fixture
def open_system(make_settings: MakeSettings, now: FakeNow) -> OpenSystem:
    """Opens a system with settings given by variable; the tag TAG is known.

    A test that uses it takes `autojump_clock` itself: the plugin looks no further for a clock.
    """

    @asynccontextmanager
    async def open_one(run_hash: Runner | None = None, **variables: str) -> AsyncIterator[System]:
        settings = make_settings(**variables)
        async with open_database(settings, inline=True) as database:
            await database.write(id_tags.put, "TAG", {}, now())
            central = Central(settings, database, now, run_hash=run_hash)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(keepalive.watch, central)
                commands = Commands(central)
                await nursery.start(commands.run)
                yield System(central, Listener(central), commands)
                nursery.cancel_scope.cancel()

    return open_one


@pytest.fixture
async def system(open_system: OpenSystem) -> AsyncIterator[System]:
    """A system with the default settings."""
    async with open_system() as opened:
        yield opened
