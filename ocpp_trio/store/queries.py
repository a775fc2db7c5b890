"""Named SQL: every statement has a name and a description and stands in a .sql file.

    -- name: find
    -- The one tag with this key.
    SELECT * FROM id_tags WHERE tag_key = :tag_key;

Parameters are `:name`. Each statement is rendered once, at import: as it is for SQLite, with
`%(name)s` for psycopg, and with `?` and `%s` for rows given as tuples in the order of appearance.

A statement with one group `VALUES (:a, :b)` can take many rows at once: see `Statement.for_rows`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib import resources

_NAME = re.compile(r"^-- name: (\w+)\s*$", re.MULTILINE)
# A string, a comment and a cast are skipped; what is left with one colon is a parameter.
_TOKEN = re.compile(r"'(?:[^']|'')*'|--[^\n]*|::\w+|:(\w+)")
_ROW = re.compile(r"(?<=VALUES)\s*\((?:\s*:\w+\s*,?)+\s*\)")


class Statement:
    """One statement: `name`, `about`, and its text in each form a driver needs."""

    __slots__ = (
        "_for_rows",
        "about",
        "name",
        "numbered",
        "parameters",
        "psycopg",
        "psycopg_rows",
        "sqlite",
        "takes_rows",
    )

    def __init__(self, name: str, about: str, text: str) -> None:
        self.name = name
        self.about = about
        self.parameters = tuple(match[1] for match in _TOKEN.finditer(text) if match[1] is not None)
        self.sqlite = text
        self.numbered = _render(text, lambda _: "?")
        self.psycopg = _render(text.replace("%", "%%"), lambda name: f"%({name})s")
        self.psycopg_rows = _render(text.replace("%", "%%"), lambda _: "%s")
        row = _ROW.search(text)
        # Only where all parameters are in the row can the row be repeated.
        self.takes_rows = row is not None and row[0].count(":") == len(self.parameters)
        self._for_rows: dict[int, str] = {}

    def for_rows(self, count: int) -> str:
        """The statement for so many rows at once, with `?`; only if `takes_rows`."""
        text = self._for_rows.get(count)
        if text is None:
            row = _ROW.search(self.sqlite)
            assert row is not None
            group = _render(row[0], lambda _: "?")
            text = self.sqlite[: row.start()] + ",".join([group] * count) + self.sqlite[row.end() :]
            self._for_rows[count] = text
        return text

    def __repr__(self) -> str:
        return f"<Statement {self.name}>"


def _render(text: str, form: Callable[[str], str]) -> str:
    return _TOKEN.sub(lambda match: form(match[1]) if match[1] else match[0], text)


class Queries:
    """The statements of one file, as attributes."""

    def __init__(self, source: str, text: str) -> None:
        self.source = source
        self.statements: dict[str, Statement] = {}
        pieces = _NAME.split(text)[1:]
        for name, body in zip(pieces[::2], pieces[1::2], strict=True):
            lines = body.strip().splitlines()
            about = [line[2:].strip() for line in lines if line.startswith("--")]
            sql = "\n".join(line for line in lines if not line.startswith("--")).strip()
            if name in self.statements or not about or not sql:
                raise ValueError(f"{source}: statement {name} is doubled, undescribed or empty")
            self.statements[name] = Statement(f"{source}.{name}", " ".join(about), sql.rstrip(";"))

    def __getattr__(self, name: str) -> Statement:
        try:
            return self.statements[name]
        except KeyError:
            raise AttributeError(f"no statement {name} in {self.source}.sql") from None


def load(noun: str) -> Queries:
    """The statements of sql/<noun>.sql."""
    text = resources.files("ocpp_trio.store.sql").joinpath(f"{noun}.sql").read_text("utf-8")
    return Queries(noun, text)
