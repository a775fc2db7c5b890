"""Both databases, and a charge point that talks to the store directly."""

from __future__ import annotations

import pytest

from ocpp_trio.store.database import Database
from tests.conftest import POSTGRES, SQLITE
from tests.support.clock import FakeNow
from tests.support.sessions import Station


@pytest.fixture(params=[SQLITE, POSTGRES])
def database_kind(request: pytest.FixtureRequest) -> str:
    """What uses a database here runs on both."""
    kind: str = request.param
    return kind


@pytest.fixture
def station(database: Database, now: FakeNow) -> Station:
    return Station(database, now)
