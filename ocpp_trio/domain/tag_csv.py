"""Tags as CSV (RFC 4180, UTF-8): a file is read whole or refused whole, and what is written is read
back as the same.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, NoReturn

from ocpp_trio.domain import rules
from ocpp_trio.domain.times import format_timestamp, parse_timestamp
from ocpp_trio.errors import TagFileRefused

COLUMNS = {
    "idTag": "id_tag",
    "parentIdTag": "parent_id_tag",
    "status": "status",
    "expiryDate": "expiry_date",
    "maxActiveTransactions": "max_active_transactions",
    "note": "note",
}
"""The columns of a file, and what they are called where tags are stored."""

MAX_TAGS = 100_000
"""They are stored in one go, and stations wait meanwhile: a second or two for so many."""
MAX_PROBLEMS = 100
MAX_SHOWN = 40
MAX_NOTE = 1000
MAX_INTEGER = 2**63 - 1

NO_DATE = frozenset({"", "0001-01-01T00:00:00Z"})
"""How clients written in Go say that there is no date."""


class TagFile(NamedTuple):
    """A file of tags: the names of its columns and, for each tag, its fields by those names."""

    columns: frozenset[str]
    tags: Sequence[Mapping[str, Any]]


def read(raw: bytes) -> TagFile:
    """The tags of a file. A column that is absent says nothing, an empty field says none.

    Raises TagFileRefused with every line that cannot be used.
    """
    problems = _Problems()
    text = _text(raw, problems)
    rows = _rows(text, problems)
    header = next(rows, None)
    if header is None:
        problems.refuse(1, f"the file is empty; it begins with {','.join(COLUMNS)}")
    columns = _columns(*header, problems)
    tags: list[dict[str, Any]] = []
    lines: dict[str, int] = {}
    for line, fields in rows:
        tag = _tag(line, columns, fields, problems)
        if tag is None:
            continue
        first = lines.setdefault(rules.tag_key(tag["id_tag"]), line)
        if first != line:
            problems.add(line, f"idTag {_shown(tag['id_tag'])} is in line {first} already")
        tags.append(tag)
        if len(tags) > MAX_TAGS:
            problems.refuse(line, f"more than {MAX_TAGS} tags; split the file")
    problems.raise_any()
    return TagFile(frozenset(COLUMNS[name] for name in columns), tags)


def write(tags: Iterable[rules.Tag], *, header: bool) -> bytes:
    """Stored tags as lines of a file."""
    out = io.StringIO(newline="")
    lines = csv.writer(out, lineterminator="\r\n")
    if header:
        lines.writerow(COLUMNS)
    for tag in tags:
        shown = {name: tag[stored] for name, stored in COLUMNS.items()}
        shown["expiryDate"] = format_timestamp(shown["expiryDate"])
        lines.writerow(shown.values())
    return out.getvalue().encode("utf-8", "replace")


class _Problems:
    """What is wrong with a file, line by line."""

    def __init__(self) -> None:
        self._first: list[tuple[int, str]] = []
        self._total = 0

    def add(self, line: int, text: str) -> None:
        self._total += 1
        if len(self._first) < MAX_PROBLEMS:
            self._first.append((line, text))

    def refuse(self, line: int, text: str) -> NoReturn:
        """After this nothing of the file can be read."""
        self.add(line, text)
        raise TagFileRefused(self._first, self._total)

    def raise_any(self) -> None:
        if self._first:
            raise TagFileRefused(self._first, self._total)


def _text(raw: bytes, problems: _Problems) -> str:
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        problems.refuse(line, "is not UTF-8; save the file as CSV in UTF-8")
    if "\0" in text:
        problems.refuse(text.count("\n", 0, text.index("\0")) + 1, "contains NUL")
    return text


def _rows(text: str, problems: _Problems) -> Iterator[tuple[int, list[str]]]:
    """The rows with the line each begins in; empty lines are no rows."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    while True:
        line = reader.line_num + 1
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            problems.refuse(line, f"is not CSV: {error}")
        if fields:
            yield line, fields


def _columns(line: int, header: Sequence[str], problems: _Problems) -> Sequence[str]:
    expected = f"the first line names the columns: {','.join(COLUMNS)}, or some of them"
    for mark, name in ((";", "semicolons"), ("\t", "tabs")):
        if len(header) == 1 and mark in header[0]:
            problems.refuse(line, f"is separated by {name}; separate by commas")
    unknown = [name for name in header if name not in COLUMNS]
    if unknown:
        problems.refuse(line, f"there is no column {_shown(unknown[0])}; {expected}")
    doubled = [name for name in COLUMNS if header.count(name) > 1]
    if doubled:
        problems.refuse(line, f"the column {doubled[0]} is there twice")
    if "idTag" not in header:
        problems.refuse(line, f"the column idTag is missing; {expected}")
    return header


def _tag(
    line: int, columns: Sequence[str], fields: Sequence[str], problems: _Problems
) -> dict[str, Any] | None:
    if len(fields) != len(columns):
        problems.add(line, f"has {len(fields)} fields, the first line {len(columns)}")
        return None
    tag = {}
    for name, text in zip(columns, fields, strict=True):
        try:
            tag[COLUMNS[name]] = _READERS[name](text)
        except ValueError as error:
            problems.add(line, f"{name} {error}, not {_shown(text)}")
            return None
    return tag


def _id_tag(text: str) -> str:
    if not rules.is_id_tag(text):
        raise ValueError("must be 1 to 20 printable characters")
    return text


def _parent(text: str) -> str | None:
    return _id_tag(text) if text else None


def _status(text: str) -> str:
    if text and text not in rules.STATUSES:
        raise ValueError(f"must be one of {', '.join(rules.STATUSES)}")
    return text or rules.ACCEPTED


def _date(text: str) -> int | None:
    moment = None if text in NO_DATE else parse_timestamp(text)
    if moment is None and text not in NO_DATE:
        raise ValueError("must be a date and time such as 2030-12-31T23:59:59Z")
    return moment


def _natural(text: str) -> int | None:
    if not text:
        return None
    fits = text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= MAX_INTEGER
    if not fits:
        raise ValueError("must be a whole number, or empty for any number")
    return int(text)


def _note(text: str) -> str | None:
    if len(text) > MAX_NOTE:
        raise ValueError(f"must be at most {MAX_NOTE} characters")
    return text or None


_READERS: Mapping[str, Callable[[str], Any]] = {
    "idTag": _id_tag,
    "parentIdTag": _parent,
    "status": _status,
    "expiryDate": _date,
    "maxActiveTransactions": _natural,
    "note": _note,
}


def _shown(text: str) -> str:
    """A field as a message may quote it: short, and on one line."""
    return repr(text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}...")
