"""Schema steps on SQLite: forward, each whole or not at all, never from the future."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from ocpp_trio.errors import SchemaError
from ocpp_trio.store import migrate
from ocpp_trio.store.migrate import Step

KNOWN = tuple(step.name for step in migrate.steps("sqlite"))
FURTHER = Step(
    "9001_further",
    """
    CREATE TABLE further (id INTEGER PRIMARY KEY);
    -- a remark; with a semicolon
    INSERT INTO further (id)
    VALUES (1);
    """,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ocpp.db"


@contextmanager
def connected(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path)) as connection:
        yield connection
        connection.commit()


def tables(path: Path) -> set[str]:
    with connected(path) as connection:
        return {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}


def add_step(monkeypatch: pytest.MonkeyPatch, step: Step) -> None:
    """As if this version came with one step more."""
    further = [*migrate.steps("sqlite"), step]
    monkeypatch.setattr(migrate, "steps", lambda dialect: further)


def test_steps_are_numbered_without_gap() -> None:
    assert [int(name[:4]) for name in KNOWN] == list(range(1, len(KNOWN) + 1))


def test_from_nothing(path: Path) -> None:
    assert migrate.sqlite_state(path) == ((), KNOWN)
    assert not path.exists()
    assert migrate.migrate_sqlite(path) == ((), KNOWN)
    assert migrate.sqlite_state(path) == (KNOWN, ())
    assert {"charge_points", "transactions", "review_items"} <= tables(path)
    assert [file.name for file in path.parent.glob("*.before-*")] == []


def test_from_an_empty_file(path: Path) -> None:
    path.touch()
    migrate.migrate_sqlite(path)
    assert migrate.sqlite_state(path) == (KNOWN, ())


def test_a_second_time_changes_nothing(path: Path) -> None:
    migrate.migrate_sqlite(path)
    with connected(path) as connection:
        before = "\n".join(connection.iterdump())
    assert migrate.migrate_sqlite(path) == (KNOWN, ())
    with connected(path) as connection:
        assert "\n".join(connection.iterdump()) == before


def test_the_file_is_in_wal_mode(path: Path) -> None:
    migrate.migrate_sqlite(path)
    with connected(path) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_further_step_keeps_the_data_and_a_copy_from_before(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrate.migrate_sqlite(path)
    insert = "INSERT INTO logs (timestamp, level, source, message) VALUES (1, 'INFO', 's', 'kept')"
    with connected(path) as connection:
        connection.execute(insert)
    add_step(monkeypatch, FURTHER)
    assert migrate.sqlite_state(path) == (KNOWN, (FURTHER.name,))
    assert migrate.migrate_sqlite(path) == (KNOWN, (FURTHER.name,))
    assert migrate.sqlite_state(path) == ((*KNOWN, FURTHER.name), ())
    with connected(path) as connection:
        assert connection.execute("SELECT id FROM further").fetchall() == [(1,)]
        assert connection.execute("SELECT message FROM logs").fetchall() == [("kept",)]
    copy = Path(f"{path}.before-9001")
    assert "further" not in tables(copy)
    with connected(copy) as connection:
        assert connection.execute("SELECT message FROM logs").fetchall() == [("kept",)]
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert not Path(f"{copy}.partial").exists()


def test_the_first_copy_is_never_overwritten(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    migrate.migrate_sqlite(path)
    copy = Path(f"{path}.before-9001")
    copy.write_text("of an earlier attempt")
    Path(f"{copy}.partial").write_text("of an attempt that was cut off")
    add_step(monkeypatch, FURTHER)
    migrate.migrate_sqlite(path)
    assert copy.read_text() == "of an earlier attempt"


def test_the_rest_of_an_unfinished_copy_does_no_harm(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrate.migrate_sqlite(path)
    Path(f"{path}.before-9001.partial").write_text("of an attempt that was cut off")
    add_step(monkeypatch, FURTHER)
    migrate.migrate_sqlite(path)
    assert "charge_points" in tables(Path(f"{path}.before-9001"))


@pytest.mark.parametrize(
    "broken",
    [
        FURTHER.sql + "CREATE TABLE further (again TEXT);",
        FURTHER.sql + "INSERT INTO nowhere VALUES (1);",
        FURTHER.sql + "SELECT 1",
    ],
    ids=["clash", "no such table", "no semicolon"],
)
def test_a_failing_step_leaves_nothing(
    path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    migrate.migrate_sqlite(path)
    before = tables(path)
    with monkeypatch.context() as patch:
        add_step(patch, Step(FURTHER.name, broken))
        with pytest.raises((sqlite3.OperationalError, ValueError)):
            migrate.migrate_sqlite(path)
    assert tables(path) == before
    assert migrate.sqlite_state(path) == (KNOWN, ())
    # Mended, it applies.
    add_step(monkeypatch, FURTHER)
    migrate.migrate_sqlite(path)
    assert "further" in tables(path)


def test_a_database_of_a_newer_version_is_refused(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        add_step(patch, FURTHER)
        migrate.migrate_sqlite(path)
    with pytest.raises(SchemaError, match=r"newer version \(it has 9001_further\)"):
        migrate.sqlite_state(path)
    with pytest.raises(SchemaError):
        migrate.migrate_sqlite(path)


def test_what_is_no_database_is_refused(path: Path) -> None:
    path.write_bytes(b"a letter to a friend\n" * 100)
    with pytest.raises(SchemaError, match="cannot be read as a SQLite database"):
        migrate.migrate_sqlite(path)
    assert path.read_bytes().startswith(b"a letter")


def test_a_directory_is_refused(path: Path) -> None:
    path.mkdir()
    with pytest.raises(SchemaError, match="is not a file"):
        migrate.sqlite_state(path)


def test_a_path_may_hold_anything(tmp_path: Path) -> None:
    path = tmp_path / "a b?c#d%20é.db"
    migrate.migrate_sqlite(path)
    assert migrate.sqlite_state(path) == (KNOWN, ())


@pytest.mark.parametrize(
    ("script", "parts"),
    [
        ("", []),
        ("-- only a remark\n\n", []),
        ("SELECT 1;\nSELECT 2;\n", ["SELECT 1;", "SELECT 2;"]),
        ("SELECT ';\n';\nSELECT 2;", ["SELECT ';\n';", "SELECT 2;"]),
        ("-- a; b\nSELECT 1; -- c;\n-- end", ["-- a; b\nSELECT 1; -- c;"]),
        (
            "CREATE TRIGGER t AFTER INSERT ON a BEGIN\n  SELECT 1;\n  SELECT 2;\nEND;\nSELECT 3;",
            [
                "CREATE TRIGGER t AFTER INSERT ON a BEGIN\n  SELECT 1;\n  SELECT 2;\nEND;",
                "SELECT 3;",
            ],
        ),
    ],
)
def test_a_script_is_split_at_its_statements(script: str, parts: list[str]) -> None:
    assert list(migrate.statements(script)) == parts


def test_an_unfinished_script_is_refused() -> None:
    with pytest.raises(ValueError, match="no semicolon"):
        list(migrate.statements("SELECT 1;\nSELECT 2"))


def test_steps_of_the_other_dialect_are_left_out() -> None:
    assert all(step.sql for step in migrate.steps("sqlite"))
    assert {step.name for step in migrate.steps("postgres")} <= set(KNOWN)


def test_what_servers_without_nodes_left_open_belongs_to_one_that_is_gone(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = migrate.steps("sqlite")
    before = [step for step in steps if step.name < "0012"]
    with monkeypatch.context() as patched:
        patched.setattr(migrate, "steps", lambda dialect: before)
        migrate.migrate_sqlite(path)
    with connected(path) as connection:
        connection.execute(
            "INSERT INTO charge_points (id, registration, is_connected, created_at, updated_at)"
            " VALUES ('CP1', 'Accepted', 1, 0, 0), ('CP2', 'Accepted', 0, 0, 0)"
        )
        connection.executemany(
            "INSERT INTO commands (charge_point_id, action, payload, actor, created_at, state,"
            " expires_at) VALUES ('CP1', 'Reset', '{}', 'me', 0, ?, ?)",
            [("sent", None), ("queued", None), ("queued", 9), ("accepted", None)],
        )
    migrate.migrate_sqlite(path)
    with connected(path) as connection:
        points = connection.execute("SELECT node_id FROM charge_points ORDER BY id").fetchall()
        commands = connection.execute("SELECT node_id FROM commands ORDER BY id").fetchall()
        nodes = connection.execute("SELECT id FROM nodes").fetchall()
    assert points == [("before",), (None,)]
    assert commands == [("before",), ("before",), (None,), (None,)]
    assert nodes == [("before",)]
