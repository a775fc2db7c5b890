"""Copies of the SQLite file, made while the server writes or while it is stopped.

A copy is one snapshot: all that was committed when it began. It gets its name when it is complete,
checked and on disk; until then it is `<name>.partial`. A copy needs no other file beside it.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from ocpp_trio.config import Settings
from ocpp_trio.errors import BackupFailed
from ocpp_trio.maintenance import verify
from ocpp_trio.store.sqlite import connect

STAMP = "%Y%m%dT%H%M%SZ"
PARTIAL = ".partial"
PAGES = 256
"""Pages copied in one step: 1 MiB, between two calls of `progress`."""
BUSY_TIMEOUT = 5.0
RESERVE = 16 * 1024 * 1024
"""Bytes left free for the database where the copy lies on the same disk."""

Progress = Callable[[int, int], None]
"""Called with the pages copied and the pages in all, also while the copy is checked; may raise to
stop: nothing is left of the copy then.
"""


class Backup(NamedTuple):
    """A copy that was made; `removed` are the older ones it replaced."""

    path: Path
    size: int
    rows: dict[str, int]
    removed: list[Path]


def directory_of(settings: Settings) -> Path:
    """Where copies go if nobody says otherwise."""
    beside = Path(settings.db_sqlite_path).absolute().parent / "backups"
    return Path(settings.backup_dir) if settings.backup_dir else beside


def copies(database: Path, directory: Path) -> list[Path]:
    """The complete copies of a database, oldest first. Other files are not looked at."""
    name = re.compile(re.escape(database.stem) + r"-\d{8}T\d{6}Z\.db")
    with suppress(FileNotFoundError):
        return sorted(
            each for each in directory.iterdir() if name.fullmatch(each.name) and each.is_file()
        )
    return []


def made_at(database: Path, copy: Path) -> int:
    """When a copy was begun, by its name; ms since 1970."""
    stamp = copy.name.removeprefix(f"{database.stem}-").removesuffix(".db")
    try:
        moment = datetime.strptime(stamp, STAMP).replace(tzinfo=UTC)
    except ValueError:
        # Digits that are no date, such as month 13.
        return 0
    return int(moment.timestamp()) * 1000


def back_up(
    database: Path, directory: Path, keep: int, now: int, progress: Progress = lambda *_: None
) -> Backup:
    """Copy `database` into `directory`, which is created if absent, and keep the `keep` newest.

    `now` in ms since 1970 names the copy. Raises BackupFailed; nothing is left of the copy then.
    """
    if not database.is_file():
        raise BackupFailed(f"there is no database at {database.absolute()}")
    stamp = datetime.fromtimestamp(now // 1000, UTC).strftime(STAMP)
    target = directory / f"{database.stem}-{stamp}.db"
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _alone(database, directory):
            _remove_partials(database, directory)
            _check_room(database, directory)
            try:
                rows = _write(database, Path(f"{target}{PARTIAL}"), progress)
                os.replace(f"{target}{PARTIAL}", target)
                _flush(directory)
            finally:
                _remove_partials(database, directory)
            removed = _prune(database, directory, keep, target)
            return Backup(target, target.stat().st_size, rows, removed)
    except sqlite3.Error as error:
        raise BackupFailed(f"{database} cannot be copied to {directory}: {error}") from error
    except OSError as error:
        raise BackupFailed(
            f"cannot write to {directory.absolute()}: {error.strerror or error}"
        ) from error


@contextmanager
def _alone(database: Path, directory: Path) -> Iterator[None]:
    """One copy of a database into a directory at a time."""
    with open(directory / f".{database.stem}.lock", "a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BackupFailed(
                f"another copy of {database.name} is being made in {directory.absolute()}"
            ) from None
        yield


def _remove_partials(database: Path, directory: Path) -> None:
    """Remove what is not complete, ours or of a process that died. The caller is alone."""
    name = re.compile(re.escape(database.stem) + rf"-\d{{8}}T\d{{6}}Z\.db\{PARTIAL}(-\w+)?")
    for each in directory.iterdir():
        if name.fullmatch(each.name):
            each.unlink()


def _check_room(database: Path, directory: Path) -> None:
    wal = Path(f"{database}-wal")
    needed = database.stat().st_size + (wal.stat().st_size if wal.exists() else 0)
    if directory.stat().st_dev == database.stat().st_dev:
        needed += RESERVE
    free = shutil.disk_usage(directory).free
    if free < needed:
        raise BackupFailed(
            f"not enough space in {directory.absolute()}: {needed:,} bytes are needed, {free:,} are"
            " free"
        )


def _write(database: Path, partial: Path, progress: Progress) -> dict[str, int]:
    """Make the copy, flush it, check it; the rows it holds."""
    os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    with closing(sqlite3.connect(partial, isolation_level=None)) as target:
        # If this process dies, the file is thrown away as a whole; it is flushed at the end.
        target.execute("PRAGMA journal_mode=OFF")
        target.execute("PRAGMA synchronous=OFF")
        with closing(connect(database, busy_timeout=BUSY_TIMEOUT, read_only=True)) as source:
            # All steps read one snapshot: without it, each write of the server would make SQLite
            # begin again from the first page. Writers do not wait for readers.
            source.execute("BEGIN")
            rows = verify.count_rows(source)
            source.backup(
                target,
                pages=PAGES,
                progress=lambda _, left, total: progress(total - left, total),
            )
    with closing(sqlite3.connect(partial, isolation_level=None)) as target:
        # A file in WAL mode can only be opened where others can be made beside it.
        target.execute("PRAGMA synchronous=OFF")
        target.execute("PRAGMA journal_mode=DELETE")
        (pages,) = target.execute("PRAGMA page_count").fetchone()
    _flush(partial)
    report = verify.check_structure(partial, lambda: progress(pages, pages))
    if report.rows != rows and not report.problems:
        report.problems.append("it holds other rows than the database")
    if report.problems:
        raise BackupFailed(
            f"the copy of {database} is not sound and was not kept ({report.problems[0]});"
            f" run `ocpp-trio verify {database}`"
        )
    return rows


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _prune(database: Path, directory: Path, keep: int, newest: Path) -> list[Path]:
    """Delete the oldest copies until `keep` are left. The newest stays, whatever the clock says."""
    others = [each for each in copies(database, directory) if each != newest]
    removed = others[: max(0, len(others) - (keep - 1))]
    for each in removed:
        each.unlink()
    return removed
