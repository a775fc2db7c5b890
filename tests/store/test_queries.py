"""Named statements: read from their files, rendered for each driver, all of them in use."""

from __future__ import annotations

import ast
import sqlite3
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import psycopg
import pytest

import ocpp_trio
from ocpp_trio.store import migrate, queries
from ocpp_trio.store.postgres_tx import PostgresTx
from ocpp_trio.store.queries import Queries, Statement

NOUNS = sorted(
    file.name.removesuffix(".sql")
    for file in resources.files("ocpp_trio.store.sql").iterdir()
    if file.name.endswith(".sql")
)
STATEMENTS = [statement for noun in NOUNS for statement in queries.load(noun).statements.values()]

FILE = """
Words before the first name do not count.

-- name: find
-- One thing,
-- by its number.
SELECT * FROM things
-- a remark inside
WHERE id = :id;

-- name: delete
-- Away with it.
DELETE FROM things WHERE id = :id
"""


def test_a_file_is_read_by_names() -> None:
    found = Queries("things", FILE)
    assert list(found.statements) == ["find", "delete"]
    assert found.find.name == "things.find"
    assert found.find.about.startswith("One thing, by its number.")
    assert found.find.sqlite == "SELECT * FROM things\nWHERE id = :id"
    assert found.delete.sqlite == "DELETE FROM things WHERE id = :id"
    assert repr(found.find) == "<Statement things.find>"


def test_a_statement_that_does_not_exist_is_named() -> None:
    with pytest.raises(AttributeError, match=r"no statement lose in things\.sql"):
        _ = Queries("things", FILE).lose


@pytest.mark.parametrize(
    "text",
    [
        "-- name: a\n-- About.\nSELECT 1;\n-- name: a\n-- About.\nSELECT 2;",
        "-- name: a\nSELECT 1;",
        "-- name: a\n-- About.\n",
    ],
    ids=["doubled", "undescribed", "empty"],
)
def test_a_careless_file_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="statement a is doubled, undescribed or empty"):
        Queries("things", text)


def test_parameters_in_the_order_of_appearance() -> None:
    statement = Statement("x", "x", "INSERT INTO t VALUES (:b, :a, :b)")
    assert statement.parameters == ("b", "a", "b")
    assert statement.sqlite == "INSERT INTO t VALUES (:b, :a, :b)"
    assert statement.numbered == "INSERT INTO t VALUES (?, ?, ?)"
    assert statement.psycopg == "INSERT INTO t VALUES (%(b)s, %(a)s, %(b)s)"
    assert statement.psycopg_rows == "INSERT INTO t VALUES (%s, %s, %s)"


@pytest.mark.parametrize(
    ("text", "parameters", "psycopg"),
    [
        ("SELECT ':no', :yes", ("yes",), "SELECT ':no', %(yes)s"),
        ("SELECT 'it''s :no', :yes", ("yes",), "SELECT 'it''s :no', %(yes)s"),
        (
            "SELECT :yes -- not :no\n, :also",
            ("yes", "also"),
            "SELECT %(yes)s -- not :no\n, %(also)s",
        ),
        ("SELECT '--', :yes", ("yes",), "SELECT '--', %(yes)s"),
        ("SELECT :a::text, b::bigint", ("a",), "SELECT %(a)s::text, b::bigint"),
        ("SELECT 5 % 2, 'x%', :a", ("a",), "SELECT 5 %% 2, 'x%%', %(a)s"),
        ("SELECT a LIKE :a || '%'", ("a",), "SELECT a LIKE %(a)s || '%%'"),
        ("SELECT '', '', :a", ("a",), "SELECT '', '', %(a)s"),
        ("SELECT 1", (), "SELECT 1"),
    ],
)
def test_strings_comments_casts_and_percent_signs(
    text: str, parameters: tuple[str, ...], psycopg: str
) -> None:
    statement = Statement("x", "x", text)
    assert statement.parameters == parameters
    assert statement.psycopg == psycopg
    assert statement.sqlite == text
    # What psycopg makes of it.
    values = {name: f"<{name}>" for name in parameters}
    assert statement.psycopg % values == statement.psycopg_rows % tuple(
        f"<{name}>" for name in parameters
    )


ROWS = "INSERT INTO t (a, b)\nVALUES\n    (:a, :b)\nON CONFLICT (a) DO NOTHING"


def test_a_group_of_values_is_repeated_for_many_rows() -> None:
    statement = Statement("x", "x", ROWS)
    assert statement.takes_rows
    head, tail = "INSERT INTO t (a, b)\nVALUES", "\nON CONFLICT (a) DO NOTHING"
    for rows in (1, 3):
        group = statement.for_rows(rows).removeprefix(head).removesuffix(tail)
        assert "".join(group.split()) == ",".join(["(?,?)"] * rows)
    assert statement.for_rows(3) == statement.for_rows(3)


def test_a_group_of_values_is_a_set_of_columns_for_postgresql() -> None:
    statement = Statement("x", "x", ROWS)
    assert " ".join(statement.for_columns(["bigint", "text"]).split()) == (
        "INSERT INTO t (a, b) SELECT column1, column2"
        " FROM unnest(%s::bigint[], %s::text[]) AS given (column1, column2)"
        " ON CONFLICT (a) DO NOTHING"
    )
    assert "($1, $2)" in statement.to_prepare()


def test_a_value_may_say_of_which_type_it_is() -> None:
    text = (
        "UPDATE t SET b = n.column2 FROM (VALUES (CAST(:a AS BIGINT), :b)) AS n WHERE '%' <> ':c'"
    )
    statement = Statement("x", "x", text)
    assert statement.takes_rows
    group = "(CAST(? AS BIGINT), ?)"
    assert f"(VALUES {group}, {group}) AS n" in statement.for_rows(2)
    assert statement.for_columns(["bigint", "text"]).endswith(
        "given (column1, column2)) AS n WHERE '%%' <> ':c'"
    )
    assert "(VALUES (CAST($1 AS BIGINT), $2)) AS n WHERE '%' <>" in statement.to_prepare()


@pytest.mark.parametrize(
    "text",
    [
        "UPDATE t SET a = :a WHERE b = :b",
        # A parameter outside the group, or a value that is none, cannot be repeated.
        "INSERT INTO t (a) VALUES (:a) ON CONFLICT (a) DO UPDATE SET b = :b",
        "INSERT INTO t (a, b) VALUES (:a, 'queued')",
    ],
)
def test_other_statements_take_one_row_at_a_time(text: str) -> None:
    assert not Statement("x", "x", text).takes_rows


VARIANTS = """
-- name: lock
-- One row.
-- sqlite:
SELECT * FROM t WHERE id = :id;
-- postgres:
SELECT * FROM t WHERE id = :id
FOR UPDATE;
-- name: lock_more
-- Some rows.
SELECT * FROM t WHERE id > :id;
-- postgres:
SELECT * FROM t WHERE id > :id FOR UPDATE;
"""


def test_a_statement_may_have_a_text_for_each_database() -> None:
    found = Queries("t", VARIANTS)
    assert found.lock.sqlite == "SELECT * FROM t WHERE id = :id"
    assert found.lock.psycopg == "SELECT * FROM t WHERE id = %(id)s\nFOR UPDATE"
    assert found.lock.about == "One row."
    assert found.lock_more.sqlite == "SELECT * FROM t WHERE id > :id"
    assert found.lock_more.psycopg.endswith("FOR UPDATE")


def test_both_texts_take_the_same_parameters() -> None:
    with pytest.raises(ValueError, match="take different parameters"):
        Queries("t", VARIANTS.replace("id = :id\nFOR", "id = :other\nFOR"))


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    """A migrated SQLite database without rows."""
    path = tmp_path_factory.mktemp("schema") / "empty.db"
    migrate.migrate_sqlite(path)
    connection = sqlite3.connect(path)
    yield connection
    connection.close()


@pytest.mark.parametrize("statement", STATEMENTS, ids=lambda statement: statement.name)
def test_every_statement_fits_the_schema(statement: Statement, schema: sqlite3.Connection) -> None:
    schema.execute(f"EXPLAIN {statement.sqlite}", dict.fromkeys(statement.parameters))
    schema.execute(f"EXPLAIN {statement.numbered}", [None] * len(statement.parameters))


@pytest.mark.parametrize("statement", STATEMENTS, ids=lambda statement: statement.name)
def test_every_statement_fits_the_schema_on_postgresql(
    statement: Statement, shared_database: psycopg.Connection[dict[str, Any]]
) -> None:
    explain = shared_database.execute
    explain(f"EXPLAIN {statement.psycopg}".encode(), dict.fromkeys(statement.parameters))
    explain(f"EXPLAIN {statement.psycopg_rows}".encode(), [None] * len(statement.parameters))
    if statement.takes_rows:
        tx = PostgresTx(shared_database, {})  # type: ignore[arg-type]
        text = tx.for_columns(statement)
        explain(f"EXPLAIN {text}".encode(), ["{NULL,NULL}"] * len(statement.parameters))


@pytest.mark.parametrize("statement", STATEMENTS, ids=lambda statement: statement.name)
def test_every_statement_is_described_by_a_sentence(statement: Statement) -> None:
    assert statement.about.endswith("."), statement.about


def used_statements() -> set[tuple[str, str]]:
    """(noun, statement) wherever the source names one: `Q.find`, `charge_points.Q.find`."""
    trees = {
        path: ast.parse(path.read_text("utf-8"))
        for path in Path(ocpp_trio.__path__[0]).rglob("*.py")
    }
    loaded: dict[Path, dict[str, str]] = {}
    for path, tree in trees.items():
        loaded[path] = {
            target.id: node.value.args[0].value
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign)
            and isinstance(node.value, ast.Call)
            and isinstance(node.value.func, ast.Attribute)
            and node.value.func.attr == "load"
            and isinstance(node.value.args[0], ast.Constant)
            and isinstance(node.value.args[0].value, str)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
    by_module = {path.stem: names["Q"] for path, names in loaded.items() if "Q" in names}
    used = set()
    for path, tree in trees.items():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Attribute):
                continue
            owner = node.value
            if isinstance(owner, ast.Name) and owner.id in loaded[path]:
                used.add((loaded[path][owner.id], node.attr))
            elif (
                isinstance(owner, ast.Attribute)
                and owner.attr == "Q"
                and isinstance(owner.value, ast.Name)
                and owner.value.id in by_module
            ):
                used.add((by_module[owner.value.id], node.attr))
    return used


def test_every_statement_that_is_used_exists_and_every_one_that_exists_is_used() -> None:
    existing = {(noun, name) for noun in NOUNS for name in queries.load(noun).statements}
    used = {(noun, name) for noun, name in used_statements() if name != "statements"}
    assert used - existing == set()
    assert existing - used == set()
