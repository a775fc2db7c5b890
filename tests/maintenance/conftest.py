"""A database file with a few transactions, as a server leaves it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import trio

from ocpp_trio import config
from ocpp_trio.store.opening import open_database
from tests.support.clock import MINUTE, FakeNow
from tests.support.sessions import Station, meter_value


@pytest.fixture(scope="session")
def small_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Transaction 1 is complete, 2 is running with a meter value; made once."""
    path = tmp_path_factory.mktemp("small") / "ocpp.db"
    settings = config.load({"DB_SQLITE_PATH": str(path)})

    async def fill() -> None:
        now = FakeNow()
        async with open_database(settings, inline=True) as database:
            station = Station(database, now)
            first = await station.start()
            now.ms += MINUTE
            await station.stop(first.transaction_id)
            second = await station.start(idTag="OTHER")
            await station.meter(second.transaction_id, meter_value(now(), 1200))

    trio.run(fill)
    return path


@pytest.fixture
def path(small_database: Path, tmp_path: Path) -> Path:
    """The file of the test's database, with those transactions; `database` opens it."""
    shutil.copyfile(small_database, tmp_path / "ocpp.db")
    return tmp_path / "ocpp.db"
