"""Verifying: a sound file passes, and each kind of fault is named."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from ocpp_trio.maintenance.verify import check_structure, verify
from ocpp_trio.store import migrate
from ocpp_trio.store.migrate import Step
from tests.conftest import OpenDatabase
from tests.support.statements import FILL_LOGS, execute


@pytest.fixture
def copy(path: Path, tmp_path: Path) -> Path:
    """A copy of the database, to be damaged; it is WAL no more."""
    copy = tmp_path / "copy.db"
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
        target.execute("PRAGMA journal_mode=DELETE")
    return copy


def change(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


def rebuild_transactions(path: Path, *statements: str) -> None:
    """Change transactions without the rules that the schema keeps."""
    change(
        path,
        "CREATE TABLE loose AS SELECT * FROM transactions",
        "DROP TABLE transactions",
        "ALTER TABLE loose RENAME TO transactions",
        "INSERT OR REPLACE INTO sqlite_sequence (name, seq) VALUES ('transactions', 2)",
        *statements,
    )


async def test_a_live_database(path: Path, open_test_database: OpenDatabase) -> None:
    async with open_test_database() as database:
        await database.write(execute, FILL_LOGS)
        report = verify(path)
        assert report.rows["logs"] == 200
        await database.write(execute, FILL_LOGS)
    assert report.problems == []
    assert report.applied == tuple(step.name for step in migrate.steps("sqlite"))
    assert report.pending == ()
    assert (report.rows["transactions"], report.rows["meter_values"]) == (2, 1)
    assert report.newest == "2 of CP1, began 2026-11-23T08:01:00Z, running"


def test_a_copy_is_not_touched(copy: Path) -> None:
    before = copy.read_bytes(), copy.stat().st_mtime_ns
    report = verify(copy)
    assert (report.problems, report.size) == ([], len(before[0]))
    assert (copy.read_bytes(), copy.stat().st_mtime_ns) == before
    assert list(copy.parent.glob("copy.db?*")) == []


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "the file is empty"),
        (b"a letter to a friend", "the file is not a SQLite database"),
        (b"SQLite format 3", "the file is not a SQLite database"),
        (b"SQLite format 3\0" + b"\x07" * 200, "the file cannot be read to its end"),
    ],
)
def test_what_is_no_database(tmp_path: Path, content: bytes, problem: str) -> None:
    file = tmp_path / "x.db"
    file.write_bytes(content)
    (found,) = verify(file).problems
    assert found.startswith(problem)


def test_a_database_of_somebody_else(tmp_path: Path) -> None:
    file = tmp_path / "x.db"
    change(file, "CREATE TABLE recipes (name TEXT)")
    assert verify(file).problems == ["the file is a SQLite database, but not one of this server"]


def test_a_file_cut_short(copy: Path) -> None:
    change(copy, FILL_LOGS)
    whole = copy.read_bytes()
    copy.write_bytes(whole[: len(whole) // 2])
    assert verify(copy).problems


def test_a_page_of_nonsense(copy: Path) -> None:
    change(copy, FILL_LOGS)
    with closing(sqlite3.connect(copy)) as connection:
        (root,) = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'logs'"
        ).fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    with copy.open("r+b") as file:
        file.seek((root - 1) * size)
        file.write(b"\xff" * size)
    assert verify(copy).problems


def test_an_index_that_disagrees_with_its_table(copy: Path) -> None:
    change(
        copy,
        "PRAGMA writable_schema = 1",
        "UPDATE sqlite_master SET sql = replace(sql, '(level, id)', '(level, id) WHERE id > 5')"
        " WHERE name = 'logs_level'",
    )
    change(copy, "INSERT INTO logs (timestamp, level, source, message) VALUES (1, 'I', 's', 'm')")
    change(
        copy,
        "PRAGMA writable_schema = 1",
        "UPDATE sqlite_master SET sql = replace(sql, ' WHERE id > 5', '')"
        " WHERE name = 'logs_level'",
    )
    assert [problem for problem in verify(copy).problems if problem.startswith("damaged: ")]


def test_an_older_and_a_newer_schema_are_named(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = migrate.steps("sqlite")
    further = [*steps, Step("9001_further", "CREATE TABLE further (x TEXT);\n")]
    with monkeypatch.context() as patch:
        patch.setattr(migrate, "steps", lambda dialect: further)
        older = verify(copy)
    assert (older.pending, older.problems) == (("9001_further",), [])
    monkeypatch.setattr(migrate, "steps", lambda dialect: steps[:1])
    (problem,) = verify(copy).problems
    assert f"written by a newer version (it has {steps[1].name}" in problem


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("UPDATE transactions SET id = 2147483648 WHERE id = 2", "transaction 2147483648: no such"),
        ("UPDATE transactions SET id = 0 WHERE id = 2", "transaction 0: no such id can be"),
        (
            "INSERT INTO transactions SELECT * FROM transactions WHERE id = 2",
            "charge point CP1: one start (1|other|1795420860000|1000) is stored 2 times",
        ),
        ("UPDATE transactions SET meter_stop = NULL", "transaction 1: complete, but without a"),
        ("UPDATE transactions SET is_complete = 1", "transaction 2: complete, but without a stop"),
        ("UPDATE sqlite_sequence SET seq = 1", "the next transaction would get an id that is"),
        ("DELETE FROM sqlite_sequence", "the next transaction would get an id that is taken (2)"),
    ],
)
def test_books_that_cannot_be(copy: Path, statement: str, problem: str) -> None:
    rebuild_transactions(copy, statement)
    assert problem in "\n".join(verify(copy).problems)


def test_row_counts_alone_do_not_look_at_the_books(copy: Path) -> None:
    rebuild_transactions(copy, "UPDATE transactions SET is_complete = 1")
    assert check_structure(copy).problems == []


def test_a_check_can_be_stopped(copy: Path) -> None:
    class Stop(BaseException):
        pass

    def stop() -> None:
        raise Stop

    change(copy, *[FILL_LOGS] * 20)
    with pytest.raises(Stop):
        check_structure(copy, stop)
    assert check_structure(copy, lambda: None).problems == []
