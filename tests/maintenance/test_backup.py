"""Copies: whole, checked and complete under their name, or not there at all."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import threading
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import trio

from ocpp_trio.errors import BackupFailed
from ocpp_trio.maintenance import backup, verify
from ocpp_trio.maintenance.backup import back_up, copies, directory_of, made_at
from ocpp_trio.store import migrate
from ocpp_trio.store.opening import open_database
from tests.conftest import MakeSettings, OpenDatabase
from tests.support.clock import DAY, SECOND, START
from tests.support.statements import FILL_LOGS, execute

NAME = "ocpp-20261123T080000Z.db"


class Stop(BaseException):
    """Whoever asked for the copy wants it no more."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the copies go; it is not there yet."""
    return tmp_path / "far" / "backups"


def names(folder: Path) -> list[str]:
    """The files in a folder, but the lock."""
    return sorted(each.name for each in folder.iterdir() if not each.name.endswith(".lock"))


def content(path: Path) -> list[Any]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT * FROM transactions ORDER BY id").fetchall()


def test_a_copy_of_a_stopped_server(path: Path, folder: Path) -> None:
    made = back_up(path, folder, 7, START)
    assert made.path == folder / NAME
    assert names(folder) == [NAME]
    assert content(made.path) == content(path) != []
    assert stat.S_IMODE(made.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert (made.size, made.removed) == (made.path.stat().st_size, [])
    assert (made.rows["transactions"], made.rows["meter_values"]) == (2, 1)
    assert verify.verify(made.path).problems == []
    with closing(sqlite3.connect(made.path)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)


async def test_a_copy_of_a_running_server(
    path: Path, folder: Path, open_test_database: OpenDatabase
) -> None:
    async with open_test_database() as database:
        # In the WAL only.
        await database.write(execute, FILL_LOGS)
        made = back_up(path, folder, 7, START)
        assert made.rows["logs"] == 200
        await database.write(execute, FILL_LOGS)
    assert verify.verify(made.path).rows["logs"] == 200


async def test_the_server_works_with_a_copy_in_the_place_of_its_file(
    path: Path, folder: Path, make_settings: MakeSettings
) -> None:
    made = back_up(path, folder, 7, START)
    restored = shutil.copyfile(made.path, path.with_name("restored.db"))
    settings = make_settings(DB_SQLITE_PATH=str(restored))
    async with open_database(settings, inline=True) as database:
        await database.write(execute, FILL_LOGS)
    assert verify.verify(Path(restored)).problems == []
    assert content(Path(restored)) == content(path)


async def test_writes_go_on_while_a_copy_is_made(
    path: Path, folder: Path, make_settings: MakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backup, "PAGES", 1)
    begun, go_on = trio.Event(), threading.Event()
    steps: list[tuple[int, int]] = []

    def progress(done: int, total: int) -> None:
        steps.append((done, total))
        if len(steps) == 2:
            trio.from_thread.run_sync(begun.set)
            go_on.wait()

    async def copy() -> None:
        work = partial(back_up, path, folder, 7, START, progress)
        made.append(await trio.to_thread.run_sync(work))

    made: list[backup.Backup] = []
    async with open_database(make_settings()) as database:
        await database.write(execute, FILL_LOGS)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(copy)
            await begun.wait()
            try:
                # The copy stands still in the middle; the writer neither waits nor fails.
                for _ in range(20):
                    await database.write(execute, FILL_LOGS)
            finally:
                go_on.set()
        total = await database.read(lambda tx: verify.count_rows(tx._connection)["logs"])  # type: ignore[attr-defined]
    assert total == 200 * 21
    assert made[0].rows["logs"] == verify.verify(made[0].path).rows["logs"] == 200
    # It never began again: each step is further than the one before.
    copied = [done for done, total in steps if done < total]
    assert copied == sorted(set(copied))
    assert len(copied) > 20


@pytest.mark.parametrize("at", ["the first step", "the last step", "the check"])
def test_a_copy_that_is_stopped_leaves_nothing(
    path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    monkeypatch.setattr(backup, "PAGES", 1)
    monkeypatch.setattr(verify, "PULSE_EVERY", 10)
    complete = 0

    def progress(done: int, total: int) -> None:
        nonlocal complete
        complete += done == total
        if at == "the first step" or complete == {"the last step": 1, "the check": 2}[at]:
            raise Stop

    with pytest.raises(Stop):
        back_up(path, folder, 7, START, progress)
    assert names(folder) == []


@pytest.mark.parametrize("call", ["replace", "fsync"])
def test_a_step_that_fails_leaves_nothing_and_says_so(
    path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def fail(*_: object) -> None:
        raise OSError(5, "Input/output error")

    back_up(path, folder, 7, START - DAY)
    with monkeypatch.context() as failing:
        failing.setattr(os, call, fail)
        with pytest.raises(BackupFailed, match=r"cannot write to .*backups: Input/output error"):
            back_up(path, folder, 7, START)
    assert names(folder) == ["ocpp-20261122T080000Z.db"]


class Call(NamedTuple):
    name: str
    file: str


def test_it_gets_its_name_after_it_was_flushed_and_checked(
    path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[Call] = []
    replace, check = os.replace, verify.check_structure

    def note_flush(descriptor: int) -> None:
        calls.append(Call("flush", Path(os.readlink(f"/proc/self/fd/{descriptor}")).name))

    def note_check(*arguments: Any) -> verify.Report:
        calls.append(Call("check", arguments[0].name))
        return check(*arguments)

    def note_replace(source: str, target: Path) -> None:
        calls.append(Call("name", target.name))
        replace(source, target)

    monkeypatch.setattr(os, "fsync", note_flush)
    monkeypatch.setattr(os, "replace", note_replace)
    monkeypatch.setattr(verify, "check_structure", note_check)
    back_up(path, folder, 7, START)
    assert calls == [
        ("flush", f"{NAME}.partial"),
        ("check", f"{NAME}.partial"),
        ("name", NAME),
        ("flush", "backups"),
    ]


def test_a_copy_of_a_damaged_database_is_not_kept(path: Path, folder: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(FILL_LOGS)
        connection.commit()
        (root,) = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'logs_level'"
        ).fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    with path.open("r+b") as file:
        file.seek((root - 1) * size)
        file.write(b"\xff" * size)
    with pytest.raises(BackupFailed, match=f"verify {path}|cannot be copied"):
        back_up(path, folder, 7, START)
    assert names(folder) == []


def test_a_database_of_a_newer_version_is_not_copied(
    path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = migrate.steps("sqlite")
    monkeypatch.setattr(migrate, "steps", lambda dialect: steps[:1])
    with pytest.raises(BackupFailed, match="written by a newer version"):
        back_up(path, folder, 7, START)


def test_the_newest_are_kept_and_other_files_are_not_touched(path: Path, folder: Path) -> None:
    folder.mkdir(parents=True)
    others = [
        "ocpp_server-20201123T080000Z.db",
        "ocpp-20201123T080000Z.db.gz",
        "ocpp-2020.db",
        "my-ocpp-20201123T080000Z.db",
        "notes.txt",
    ]
    for name in others:
        (folder / name).write_text("mine")
    (folder / "ocpp-20191123T080000Z.db").mkdir()
    for day in range(5):
        made = back_up(path, folder, 3, START + day * DAY)
    assert [each.name for each in made.removed] == ["ocpp-20261124T080000Z.db"]
    kept = [f"ocpp-202611{day}T080000Z.db" for day in (25, 26, 27)]
    assert [each.name for each in copies(path, folder)] == kept
    assert set(names(folder)) == {*others, *kept, "ocpp-20191123T080000Z.db"}


def test_the_one_just_made_stays_although_the_clock_went_back(path: Path, folder: Path) -> None:
    back_up(path, folder, 2, START + DAY)
    back_up(path, folder, 2, START + 2 * DAY)
    made = back_up(path, folder, 1, START)
    assert names(folder) == [made.path.name] == [NAME]


def test_what_a_crash_left_is_cleaned_up(path: Path, folder: Path) -> None:
    folder.mkdir(parents=True)
    left = f"ocpp-20261122T080000Z.db{backup.PARTIAL}"
    for name in (left, f"{left}-journal", f"{left}-wal", f"other-{left[5:]}"):
        (folder / name).write_text("half")
    back_up(path, folder, 7, START)
    assert names(folder) == [NAME, f"other-{left[5:]}"]


def test_one_copy_at_a_time(path: Path, folder: Path) -> None:
    seen = False

    def again(done: int, total: int) -> None:
        nonlocal seen
        if not seen:
            seen = True
            with pytest.raises(BackupFailed, match=r"another copy of ocpp\.db is being made in"):
                back_up(path, folder, 7, START)

    assert back_up(path, folder, 7, START, again).path.exists()
    assert seen


def test_without_room_nothing_is_begun(
    path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = path.stat().st_size
    for free, enough in ((size, False), (size + backup.RESERVE, True)):
        usage = shutil._ntuple_diskusage(10 * size, 0, free)
        monkeypatch.setattr(shutil, "disk_usage", lambda _, usage=usage: usage)
        if enough:
            assert back_up(path, folder, 7, START).path.exists()
        else:
            with pytest.raises(BackupFailed, match=f"not enough space in .*, {size:,} are free"):
                back_up(path, folder, 7, START)
            assert names(folder) == []


def test_no_database(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(BackupFailed, match=r"there is no database at .*/absent\.db"):
        back_up(tmp_path / "absent.db", folder, 7, START)
    assert not folder.exists()


def test_a_place_that_cannot_be_written(path: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(BackupFailed, match=r"cannot write to .*/file: File exists"):
        back_up(path, tmp_path / "file", 7, START)


def test_the_moment_is_in_the_name(path: Path, folder: Path) -> None:
    made = back_up(path, folder, 7, START + 5 * SECOND + 999)
    assert made_at(path, made.path) == START + 5 * SECOND
    assert made_at(path, folder / "ocpp-20261399T080000Z.db") == 0


def test_the_place_is_beside_the_file_unless_it_is_named(make_settings: MakeSettings) -> None:
    beside = Path(make_settings().db_sqlite_path).parent / "backups"
    assert directory_of(make_settings()) == beside
    assert directory_of(make_settings(OCPP_BACKUP_DIR="/mnt/copies")) == Path("/mnt/copies")
