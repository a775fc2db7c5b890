"""Named SQL: every statement has a name and a description and stands in a .sql file.

    -- name: find
    -- The one tag with this key.
    SELECT * FROM id_tags WHERE tag_key = :tag_key;

Parameters are `:name`. Each statement is rendered once, at import: as it is for SQLite, with
`%(name)s` for psycopg, and with `?` and `%s` for rows given as tuples in the order of appearance.

A statement with one group `VALUES (:a, :b)` can take many rows at once: see `Statement.for_rows`
and `Statement.for_columns`. Where PostgreSQL cannot see of which type a value is, the group says
so: `VALUES (CAST(:a AS BIGINT))`.

Where one text does not suit both databases, the statement has two, each behind its own line:

    -- name: lock
    -- One row, kept from others.
    -- sqlite:
    SELECT * FROM commands WHERE id = :id;
    -- postgres:
    SELECT * FROM commands WHERE id = :id FOR UPDATE;
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from importlib import resources
from itertools import count

_NAME = re.compile(r"^-- name: (\w+)\s*$", re.MULTILINE)
# A string, a comment and a cast are skipped; what is left with one colon is a parameter.
_TOKEN = re.compile(r"'(?:[^']|'')*'|--[^\n]*|::\w+|:(\w+)")
_ROW = re.compile(r"VALUES(\s*\((?:\s*(?::\w+|CAST\(:\w+ AS \w+\))\s*,?)+\s*\))")
_DIALECT = re.compile(r"^-- (sqlite|postgres):\s*$", re.MULTILINE)


class Statement:
    """One statement: `name`, `about`, and its text in each form a driver needs.

    `postgres` is the text for PostgreSQL where it differs; it takes the same parameters.
    """

    __slots__ = (
        "_for_rows",
        "_postgres",
        "about",
        "name",
        "numbered",
        "parameters",
        "psycopg",
        "psycopg_rows",
        "sqlite",
        "takes_rows",
    )

    def __init__(self, name: str, about: str, text: str, postgres: str | None = None) -> None:
        self.name = name
        self.about = about
        self.parameters = _parameters(text)
        self.sqlite = text
        self.numbered = _render(text, lambda _: "?")
        self._postgres = (postgres or text).replace("%", "%%")
        if set(_parameters(self._postgres)) != set(self.parameters):
            raise ValueError(f"{name}: the texts for the two databases take different parameters")
        self.psycopg = _render(self._postgres, lambda name: f"%({name})s")
        self.psycopg_rows = _render(self._postgres, lambda _: "%s")
        row = _ROW.search(text)
        # Only where all parameters are in the row can the row be repeated.
        self.takes_rows = row is not None and row[0].count(":") == len(self.parameters)
        self._for_rows: dict[int, str] = {}

    def for_rows(self, number: int) -> str:
        """The statement for so many rows at once, with `?`; only if `takes_rows`."""
        text = self._for_rows.get(number)
        if text is None:
            row = _ROW.search(self.sqlite)
            assert row is not None
            group = _render(row[1], lambda _: "?")
            text = (
                self.sqlite[: row.start(1)] + ",".join([group] * number) + self.sqlite[row.end() :]
            )
            self._for_rows[number] = text
        return text

    def to_prepare(self) -> str:
        """The statement with `$1`, `$2`, ... in the order of appearance, for PREPARE."""
        places = count(1)
        return _render(self._postgres.replace("%%", "%"), lambda _: f"${next(places)}")

    def for_columns(self, types: Sequence[str]) -> str:
        """The statement for any number of rows at once; only if `takes_rows`. It has one `%s` per
        column, for an array of the type that is given by name.
        """
        row = _ROW.search(self._postgres)
        assert row is not None
        arrays = ", ".join(f"%s::{each}[]" for each in types)
        names = ", ".join(f"column{place}" for place in range(1, len(types) + 1))
        rows = f"SELECT {names} FROM unnest({arrays}) AS given ({names})"  # noqa: S608 - ours
        return self._postgres[: row.start()] + rows + self._postgres[row.end() :]

    def __repr__(self) -> str:
        return f"<Statement {self.name}>"


def _parameters(text: str) -> tuple[str, ...]:
    return tuple(match[1] for match in _TOKEN.finditer(text) if match[1] is not None)


def _render(text: str, form: Callable[[str], str]) -> str:
    return _TOKEN.sub(lambda match: form(match[1]) if match[1] else match[0], text)


class Queries:
    """The statements of one file, as attributes."""

    def __init__(self, source: str, text: str) -> None:
        self.source = source
        self.statements: dict[str, Statement] = {}
        pieces = _NAME.split(text)[1:]
        for name, body in zip(pieces[::2], pieces[1::2], strict=True):
            head, *variants = _DIALECT.split(body.strip())
            lines = head.splitlines()
            about = [line[2:].strip() for line in lines if line.startswith("--")]
            common = _sql(head)
            texts = {
                each: _sql(text) for each, text in zip(variants[::2], variants[1::2], strict=True)
            }
            sqlite, postgres = texts.get("sqlite", common), texts.get("postgres")
            if name in self.statements or not about or not sqlite:
                raise ValueError(f"{source}: statement {name} is doubled, undescribed or empty")
            self.statements[name] = Statement(f"{source}.{name}", " ".join(about), sqlite, postgres)

    def __getattr__(self, name: str) -> Statement:
        try:
            return self.statements[name]
        except KeyError:
            raise AttributeError(f"no statement {name} in {self.source}.sql") from None


def _sql(text: str) -> str:
    lines = [line for line in text.splitlines() if not line.startswith("--")]
    return "\n".join(lines).strip().rstrip(";")


def load(noun: str) -> Queries:
    """The statements of sql/<noun>.sql."""
    text = resources.files("ocpp_trio.store.sql").joinpath(f"{noun}.sql").read_text("utf-8")
    return Queries(noun, text)
