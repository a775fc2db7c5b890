"""Copies from SQLite to PostgreSQL: whole and compared, gone on with, or refused."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from ocpp_trio import config
from ocpp_trio.cli import main
from ocpp_trio.config import Settings
from ocpp_trio.errors import CopyFailed, DatabaseInUse
from ocpp_trio.maintenance.copying import copy
from ocpp_trio.store import transactions
from ocpp_trio.store.opening import open_database
from ocpp_trio.store.sqlite import SqliteLock
from tests.support.clock import START
from tests.support.postgres import Postgres

NAME = "copied"


class Stop(BaseException):
    """Whoever asked for the copy wants it no more."""


@pytest.fixture
def target(postgres: Postgres) -> Iterator[Settings]:
    """An empty PostgreSQL database, without our tables."""
    yield config.load(postgres.create(NAME))
    postgres.drop(NAME)


@pytest.fixture
def source(path: Path) -> Settings:
    """A database with two transactions, and more than one portion of log entries."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executemany(
            "INSERT INTO logs (level, source, message, timestamp) VALUES ('INFO', 'test', ?, ?)",
            [(f"entry {number} — ü, \\, \t, \"'", START + number) for number in range(25)],
        )
        # A row that is gone: its id must not be given out again.
        connection.execute(
            "INSERT INTO logs (id, level, source, message, timestamp)"
            " VALUES (77, 'INFO', '', '', 1)"
        )
        connection.execute("DELETE FROM logs WHERE id = 77")
    return config.load({"DB_SQLITE_PATH": str(path)})


def quiet(about: str, done: int, total: int) -> None:
    assert 0 <= done <= total


def here(settings: Settings, table: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(settings.db_sqlite_path)) as connection:
        return sorted(connection.execute(f"SELECT * FROM {table}").fetchall(), key=repr)


def there(postgres: Postgres, table: str) -> list[tuple[Any, ...]]:
    rows = postgres.execute(f"SELECT * FROM {table}", name=NAME)
    return sorted((tuple(row.values()) for row in rows), key=repr)


def test_everything_comes_over(source: Settings, target: Settings, postgres: Postgres) -> None:
    told: list[tuple[str, int, int]] = []
    copied = copy(source, target, lambda *each: told.append(each))
    assert (copied.before, copied.rows["transactions"], copied.rows["logs"]) == (0, 2, 25)
    for table, count in copied.rows.items():
        rows = there(postgres, table)
        assert len(rows) == count
        if table != "meter_values":
            assert rows == here(source, table)
    total = sum(copied.rows.values())
    assert told[-1][1:] == (total, total)
    assert {about.split()[0] for about, _, _ in told} == {"copying", "checking"}


def test_every_table_has_the_same_columns_in_both(
    source: Settings, target: Settings, postgres: Postgres
) -> None:
    copied = copy(source, target, quiet)
    found = postgres.execute(
        "SELECT table_name, column_name FROM information_schema.columns"
        " WHERE table_schema = 'public' AND table_name <> 'schema_steps'",
        name=NAME,
    )
    with closing(sqlite3.connect(source.db_sqlite_path)) as connection:
        expected = {
            (table, row[1])
            for table in copied.rows
            for row in connection.execute(f"PRAGMA table_info({table})")
        }
    assert {(row["table_name"], row["column_name"]) for row in found} == expected


async def test_no_id_is_given_out_twice(
    source: Settings, target: Settings, postgres: Postgres
) -> None:
    copy(source, target, quiet)
    for table, last in (("transactions", 2), ("logs", 77)):
        rows = postgres.execute(
            f"SELECT last_value FROM pg_sequences WHERE sequencename = '{table}_id_seq'",
            name=NAME,
        )
        assert rows[0]["last_value"] == last
    async with open_database(target) as database:
        assert await database.read(transactions.find, 2) is not None


def test_one_that_was_interrupted_goes_on(
    source: Settings, target: Settings, postgres: Postgres
) -> None:
    def stop(about: str, done: int, total: int) -> None:
        if about == "copying logs" and done >= 15:
            raise Stop

    with pytest.raises(Stop):
        copy(source, target, stop, portion=10)
    left = len(there(postgres, "logs"))
    assert 10 <= left < 25
    copied = copy(source, target, quiet, portion=10)
    assert copied.before >= left
    assert there(postgres, "logs") == here(source, "logs")
    assert postgres.execute("SELECT to_regclass('copy_progress') AS name", name=NAME) == [
        {"name": None}
    ]


def test_one_whose_source_has_changed_meanwhile(source: Settings, target: Settings) -> None:
    def stop(about: str, done: int, total: int) -> None:
        raise Stop

    with pytest.raises(Stop):
        copy(source, target, stop)
    with closing(sqlite3.connect(source.db_sqlite_path)) as connection, connection:
        connection.execute("DELETE FROM logs WHERE id = 1")
    with pytest.raises(CopyFailed, match="the source has changed since"):
        copy(source, target, quiet)


def test_a_target_that_holds_something(source: Settings, target: Settings) -> None:
    copy(source, target, quiet)
    with pytest.raises(CopyFailed, match=r"the target is not empty: .*transactions"):
        copy(source, target, quiet)


def test_what_arrives_otherwise_is_noticed(
    source: Settings, target: Settings, postgres: Postgres
) -> None:
    def spoil(about: str, done: int, total: int) -> None:
        if about == "copying transactions":
            postgres.execute("UPDATE transactions SET meter_start = meter_start + 1", name=NAME)
            postgres.execute("DELETE FROM logs WHERE id = 1", name=NAME)

    with pytest.raises(CopyFailed, match=r"logs \(24 rows of 25\), transactions \(other content\)"):
        copy(source, target, spoil)


def test_a_source_that_cannot_be_copied(source: Settings, target: Settings, tmp_path: Path) -> None:
    path = Path(source.db_sqlite_path)
    lock = SqliteLock(path)
    with pytest.raises(DatabaseInUse, match="another server is using"):
        copy(source, target, quiet)
    lock.release()
    with pytest.raises(CopyFailed, match="there is no database at"):
        copy(config.load({"DB_SQLITE_PATH": str(tmp_path / "absent.db")}), target, quiet)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM _sqlite_migrations WHERE name >= '0011'")
    with pytest.raises(CopyFailed, match="ocpp-trio migrate"):
        copy(source, target, quiet)


def run(source: str, target: str) -> Result:
    return CliRunner().invoke(main, ["copy", "--from", source, "--to", target])


def test_the_verb(source: Settings, target: Settings) -> None:
    url = f"postgresql://postgres:hidden7@127.0.0.1:{target.db_port}/{NAME}"
    done = run(f"sqlite://{source.db_sqlite_path}", url)
    assert done.exit_code == 0, done.output
    assert "2 transactions among them; counts and checksums agree" in done.stdout
    assert "copying logs" in done.stderr
    again = run(f"sqlite://{source.db_sqlite_path}", url)
    assert again.exit_code == 1
    assert "the target is not empty" in again.stderr
    assert "hidden7" not in done.output + again.output


@pytest.mark.parametrize(
    ("source", "target", "words"),
    [
        ("postgresql://h/n", "postgresql://h/n", "--from must begin with sqlite:"),
        ("sqlite:a.db", "sqlite:b.db", "--to must begin with postgresql://"),
        ("a.db", "postgresql://h/n", "--from must begin with"),
        ("sqlite:absent.db", "postgresql://127.0.0.1:1/n", "there is no database at"),
    ],
)
def test_urls_that_cannot_be_used(source: str, target: str, words: str) -> None:
    done = run(source, target)
    assert done.exit_code in {1, 2}
    assert words in done.stderr
    assert "Traceback" not in done.output


def test_a_target_that_cannot_be_reached(source: Settings) -> None:
    done = run(f"sqlite://{source.db_sqlite_path}", "postgresql://127.0.0.1:1/n")
    assert done.exit_code == 2
    assert "cannot open the PostgreSQL database" in done.stderr
