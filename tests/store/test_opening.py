"""Opening: what is wrong is said, with what to do about it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ocpp_trio import logs
from ocpp_trio.errors import SchemaError, StoreError
from ocpp_trio.store import charge_points, migrate
from ocpp_trio.store.migrate import Step
from ocpp_trio.store.opening import open_database
from tests.conftest import SQLITE, MakeSettings


@pytest.fixture
def database_kind() -> str:
    """SQLite alone."""
    return SQLITE


async def test_the_writer_runs_in_threads_too(make_settings: MakeSettings) -> None:
    async with open_database(make_settings()) as database:
        assert await database.write(charge_points.register, "CP1", "Accepted", {}, 1)
        assert await database.read(charge_points.counts) == (1, 0)


async def test_a_directory_that_does_not_exist(make_settings: MakeSettings) -> None:
    with pytest.raises(StoreError, match="DB_SQLITE_PATH: the directory /nowhere does not exist"):
        async with open_database(make_settings(DB_SQLITE_PATH="/nowhere/x.db")):
            raise AssertionError("opened")


async def test_a_directory_instead_of_a_file(make_settings: MakeSettings, tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match="is not a file"):
        async with open_database(make_settings(DB_SQLITE_PATH=str(tmp_path)), inline=True):
            raise AssertionError("opened")


async def test_a_failed_opening_lets_go_of_the_lock(
    make_settings: MakeSettings, tmp_path: Path
) -> None:
    path = tmp_path / "letter.db"
    path.write_text("a letter to a friend " * 100)
    settings = make_settings(DB_SQLITE_PATH=str(path))
    with pytest.raises(SchemaError):
        async with open_database(settings, inline=True):
            raise AssertionError("opened")
    path.unlink()
    async with open_database(settings, inline=True):
        pass


def pending_step(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = [*migrate.steps("sqlite"), Step("9001_further", "CREATE TABLE further (x TEXT);\n")]
    monkeypatch.setattr(migrate, "steps", lambda dialect: steps)


async def test_check_only_refuses_an_old_schema(
    make_settings: MakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = make_settings(OCPP_MIGRATE="check")
    # A new file holds nothing to be careful about.
    async with open_database(settings, inline=True):
        pass
    pending_step(monkeypatch)
    with pytest.raises(SchemaError, match="needs the schema steps 9001_further; run `ocpp-trio"):
        async with open_database(settings, inline=True):
            raise AssertionError("opened")


async def test_auto_brings_the_schema_up_to_date_and_says_so(
    make_settings: MakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_database(make_settings(), inline=True):
        pass
    pending_step(monkeypatch)
    logs.ENTRIES.take()
    async with open_database(make_settings(), inline=True):
        (entry,) = logs.ENTRIES.take()
    assert entry.message == "schema brought up to date (steps: 9001_further)"


async def test_a_step_that_fails_is_an_error_of_the_store(
    make_settings: MakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = [*migrate.steps("sqlite"), Step("9001_bad", "INSERT INTO nowhere VALUES (1);\n")]
    monkeypatch.setattr(migrate, "steps", lambda dialect: steps)
    with pytest.raises(StoreError, match="cannot be brought up to date: no such table: nowhere"):
        async with open_database(make_settings(), inline=True):
            raise AssertionError("opened")
