"""A central system without ports whose wall clock goes with trio's: hours in milliseconds."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
import trio

from ocpp_trio.central.commands import Commands
from ocpp_trio.central.context import Central
from ocpp_trio.central.listener import Listener
from ocpp_trio.store import id_tags
from ocpp_trio.store.opening import open_database
from ocpp_trio.supervise import Health
from tests.central.conftest import System
from tests.conftest import MakeSettings
from tests.services.support import Watched
from tests.support.clock import FakeNow

OpenWatched = Callable[..., AbstractAsyncContextManager[Watched]]


class FollowingNow(FakeNow):
    """A wall clock that goes with trio's; `ms` sets it on or back."""

    began: float | None = None

    def __call__(self) -> int:
        if self.began is None:
            self.began = trio.current_time()
        return self.ms + round((trio.current_time() - self.began) * 1000)


@pytest.fixture
def now() -> FakeNow:
    """The wall clock."""
    return FollowingNow()


@pytest.fixture
def open_watched(
    make_settings: MakeSettings, now: FakeNow, monkeypatch: pytest.MonkeyPatch
) -> OpenWatched:
    """Opens a system for services, with settings given by variable; the tag TAG is known.

    Nobody looks for dead links in it, nor after its file: an hour then costs nothing.
    """
    monkeypatch.setattr("ocpp_trio.store.database.CHECK_INTERVAL", 3600)

    @asynccontextmanager
    async def open_one(**variables: str) -> AsyncIterator[Watched]:
        settings = make_settings(**variables)
        async with open_database(settings, inline=True) as database:
            await database.write(id_tags.put, "TAG", {}, now())
            central = Central(settings, database, now)
            system = System(central, Listener(central), Commands(central))
            async with trio.open_nursery() as nursery:
                yield Watched(system, nursery, Health())
                nursery.cancel_scope.cancel()

    return open_one


@pytest.fixture
async def watched(open_watched: OpenWatched) -> AsyncIterator[Watched]:
    """A system for services with the default settings."""
    async with open_watched() as opened:
        yield opened
