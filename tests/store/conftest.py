"""A charge point that talks to the store directly."""

from __future__ import annotations

import pytest

from ocpp_trio.store.database import Database
from tests.support.clock import FakeNow
from tests.support.sessions import Station


@pytest.fixture
def station(database: Database, now: FakeNow) -> Station:
    return Station(database, now)
