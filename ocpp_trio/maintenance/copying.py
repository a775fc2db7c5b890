"""Everything from a SQLite file into PostgreSQL, for who outgrows the file.

The source is locked, so that no server writes to it meanwhile. Rows go over table by table in
portions; what an interrupted copy has brought over stays, and the next one goes on from there. At
the end both sides are read whole and compared: the number of rows, and a checksum that does not
depend on their order.
"""

# ruff: noqa: S608 - the names in statements are those of our own tables

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ocpp_trio.config import Settings
from ocpp_trio.errors import CopyFailed
from ocpp_trio.store import migrate
from ocpp_trio.store.sqlite import SqliteLock, connect

if TYPE_CHECKING:
    from ocpp_trio.store.postgres_copy import Target

PORTION = 10_000
"""Rows that are stored in one commit."""
REPORTED = 1_000
"""Rows between two reports while a table is compared."""
STEPS = "_sqlite_migrations"
BUSY_TIMEOUT = 5.0

Progress = Callable[[str, int, int], None]
"""Called with what is done ("copying meter_values"), the rows done and the rows in all; may raise
to stop: the copy goes on from there the next time.
"""


class Copied(NamedTuple):
    """What a copy brought over: rows by table, and how many of them were there before it began."""

    rows: dict[str, int]
    before: int


def copy(source: Settings, target: Settings, progress: Progress, portion: int = PORTION) -> Copied:
    """Copy the SQLite database of `source` into the empty PostgreSQL database of `target`.

    Raises StoreError (the source is in use, or newer than this version; a database cannot be
    opened) or CopyFailed (the source is older; the target is not empty; the copy is not the same).
    """
    # Imported here: what else the command line does need not load psycopg.
    from ocpp_trio.store.postgres_copy import open_target

    path = Path(source.db_sqlite_path)
    if not path.exists():
        raise CopyFailed(f"there is no database at {path.absolute()}")
    lock = SqliteLock(path)
    try:
        state = migrate.sqlite_state(path)
        if state.pending:
            raise CopyFailed(
                f"{path} needs the schema steps {', '.join(state.pending)}; run `ocpp-trio migrate`"
            )
        with (
            closing(connect(path, busy_timeout=BUSY_TIMEOUT, read_only=True)) as origin,
            open_target(target) as there,
        ):
            return _Copy(origin, there, progress, portion).run()
    except sqlite3.Error as error:
        raise CopyFailed(f"{path}: {error}") from None
    finally:
        lock.release()


class _Copy:
    def __init__(
        self, origin: sqlite3.Connection, target: Target, progress: Progress, portion: int
    ) -> None:
        origin.row_factory = None
        origin.execute("BEGIN")
        self._origin = origin
        self._target = target
        self._progress = progress
        self._portion = portion
        self._columns = {
            table: self._strings(f"SELECT name FROM pragma_table_info('{table}')")
            for table in self._strings(
                "SELECT name FROM sqlite_master WHERE type = 'table'"
                f" AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name != '{STEPS}' ORDER BY name"
            )
        }

    def run(self) -> Copied:
        counts = {table: self._number(f'SELECT count(*) FROM "{table}"') for table in self._columns}
        total = sum(counts.values())
        begun = self._target.prepare(counts)
        done = before = sum(
            self._number(f'SELECT count(*) FROM "{table}" WHERE rowid <= {each.last}')
            for table, each in begun.items()
        )
        for table, columns in self._columns.items():
            for rows in self._portions(table, columns, begun[table].last):
                self._target.put(table, columns, [row[1:] for row in rows], rows[-1][0])
                done += len(rows)
                self._progress(f"copying {table}", done, total)
        self._compare(total)
        numbered = self._target.numbered()
        self._target.finish({table: self._last_id(table) for table in counts if table in numbered})
        return Copied(counts, before)

    def _portions(
        self, table: str, columns: Sequence[str], last: int
    ) -> Iterator[list[tuple[Any, ...]]]:
        names = ", ".join(f'"{each}"' for each in columns)
        text = f'SELECT rowid, {names} FROM "{table}" WHERE rowid > ? ORDER BY rowid LIMIT ?'
        while rows := self._origin.execute(text, (last, self._portion)).fetchall():
            yield rows
            last = rows[-1][0]

    def _compare(self, total: int) -> None:
        """Raises CopyFailed, naming the tables that differ."""
        done = 0
        wrong = []
        for table, columns in self._columns.items():
            names = ", ".join(f'"{each}"' for each in columns)
            here = self._origin.execute(f'SELECT {names} FROM "{table}"')
            count, checksum = _checksum(here, lambda _: None)

            def report(seen: int, about: str = f"checking {table}", base: int = done) -> None:
                self._progress(about, base + seen, total)

            found = _checksum(self._target.rows(table, columns), report)
            if found != (count, checksum):
                rows = f"{found[0]:,} rows of {count:,}" if found[0] != count else "other content"
                wrong.append(f"{table} ({rows})")
            done += count
        if wrong:
            raise CopyFailed(
                f"what arrived is not what was sent: {', '.join(wrong)}; begin again with an empty"
                " database"
            )

    def _last_id(self, table: str) -> int:
        """The highest id ever given out: also one whose row is gone is not used again."""
        return max(
            self._number(f'SELECT coalesce(max(id), 0) FROM "{table}"'),
            self._number(
                f"SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = '{table}'"
            ),
        )

    def _number(self, text: str) -> int:
        number: int = self._origin.execute(text).fetchone()[0]
        return number

    def _strings(self, text: str) -> list[str]:
        return [row[0] for row in self._origin.execute(text)]


def _checksum(rows: Iterable[tuple[Any, ...]], report: Callable[[int], None]) -> tuple[int, int]:
    """How many rows, and the sum of their digests: the same in any order."""
    count = total = 0
    for row in rows:
        text = repr(tuple(row)).encode("utf-8", "surrogatepass")
        total += int.from_bytes(hashlib.blake2b(text, digest_size=8).digest())
        count += 1
        if count % REPORTED == 0:
            report(count)
    report(count)
    return count, total % 2**64
