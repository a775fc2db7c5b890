"""The daily copy: when it is due, and that a stop does not wait for it."""

# ruff: noqa: ASYNC240 - a test may touch its files from the loop

from __future__ import annotations

import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import trio
from structlog.typing import EventDict
from trio.testing import MockClock

from ocpp_trio import logs
from ocpp_trio.errors import BackupFailed
from ocpp_trio.maintenance import backup
from ocpp_trio.maintenance.backup import Backup, copies
from ocpp_trio.services.data_backup import back_up_when_due
from ocpp_trio.store.database import Database
from ocpp_trio.supervise import Health, every
from tests.conftest import MakeSettings
from tests.support.clock import DAY, HOUR, SECOND, FakeNow


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "backups"


async def test_a_copy_is_made_and_logged(
    database: Database, make_settings: MakeSettings, now: FakeNow, folder: Path, tmp_path: Path
) -> None:
    logs.ENTRIES.take()
    await back_up_when_due(make_settings(), trio.CapacityLimiter(1), now)
    (made,) = copies(tmp_path / "ocpp.db", folder)
    (entry,) = logs.ENTRIES.take()
    assert (entry.level, entry.source) == ("INFO", "data backup")
    assert entry.message.startswith(f"database copied and checked (file: {made}, bytes: ")


class Clockwork:
    """Stands for back_up: notes when copies were made and lays empty files."""

    def __init__(self, now: FakeNow, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = now
        self.began = now()
        self.hours: list[float] = []
        self.failures = 0

        async def in_this_task(function: Any, *arguments: Any, **_: Any) -> Any:
            # The virtual clock does not wait for threads.
            await trio.lowlevel.checkpoint()
            return function(*arguments)

        monkeypatch.setattr(trio.to_thread, "run_sync", in_this_task)
        monkeypatch.setattr(backup, "back_up", self.back_up)

    def back_up(self, database: Path, directory: Path, keep: int, now: int, _: object) -> Backup:
        self.hours.append((now - self.began) / HOUR)
        if self.failures:
            self.failures -= 1
            raise BackupFailed("not enough space")
        return Backup(self.lay(database, directory, now), 0, {"transactions": 0}, [])

    def lay(self, database: Path, directory: Path, now: int) -> Path:
        directory.mkdir(exist_ok=True)
        stamp = datetime.fromtimestamp(now / 1000, UTC).strftime(backup.STAMP)
        path = directory / f"{database.stem}-{stamp}.db"
        path.touch()
        return path


class WallClock(FakeNow):
    """Goes with the virtual clock."""

    def __call__(self) -> int:
        return self.ms + int(trio.current_time() - self.zero) * SECOND

    def __init__(self) -> None:
        super().__init__()
        self.zero = trio.current_time()


async def run_days(settings: Any, now: FakeNow, days: float, health: Health | None = None) -> None:
    async def tick() -> None:
        await back_up_when_due(settings, trio.CapacityLimiter(1), now)

    with trio.move_on_after(days * 86_400):
        await every(0, "data backup", tick, health or Health())


async def test_the_first_at_once_then_every_day(
    autojump_clock: MockClock, make_settings: MakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    clockwork = Clockwork(WallClock(), monkeypatch)
    await run_days(make_settings(), clockwork.now, 3.5)
    assert clockwork.hours == [0, 24, 48, 72]


@pytest.mark.parametrize(
    ("age", "due"), [(0, 24), (7 * HOUR, 17), (DAY, 0), (9 * DAY, 0), (-DAY, 0)]
)
async def test_a_restart_makes_none_before_its_time(
    autojump_clock: MockClock,
    make_settings: MakeSettings,
    monkeypatch: pytest.MonkeyPatch,
    folder: Path,
    tmp_path: Path,
    age: int,
    due: float,
) -> None:
    now = WallClock()
    clockwork = Clockwork(now, monkeypatch)
    clockwork.lay(tmp_path / "ocpp.db", folder, now() - age)
    await run_days(make_settings(), now, 1.2)
    assert clockwork.hours[0] == due


async def test_one_made_by_hand_counts(
    autojump_clock: MockClock,
    make_settings: MakeSettings,
    monkeypatch: pytest.MonkeyPatch,
    folder: Path,
    tmp_path: Path,
) -> None:
    now = WallClock()
    clockwork = Clockwork(now, monkeypatch)
    clockwork.lay(tmp_path / "ocpp.db", folder, now())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(run_days, make_settings(), now, 2)
        await trio.sleep(10 * 3600)
        clockwork.lay(tmp_path / "ocpp.db", folder, now())
    assert clockwork.hours[0] == 34


async def test_a_failure_shows_and_is_tried_again_soon(
    autojump_clock: MockClock,
    make_settings: MakeSettings,
    monkeypatch: pytest.MonkeyPatch,
    expected_errors: list[EventDict],
) -> None:
    clockwork, health = Clockwork(WallClock(), monkeypatch), Health()
    clockwork.failures = 2
    async with trio.open_nursery() as nursery:
        nursery.start_soon(run_days, make_settings(), clockwork.now, 0.5, health)
        await trio.sleep(2)
        assert health.failing == {"data backup": "BackupFailed: not enough space"}
        await trio.sleep(2)
        assert health.failing == {}
    assert len(clockwork.hours) == 3
    assert len(expected_errors) == 2


async def test_a_stop_does_not_wait_and_leaves_nothing(
    database: Database,
    make_settings: MakeSettings,
    now: FakeNow,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun, ended = trio.Event(), threading.Event()
    real = backup.back_up

    def watched(
        database: Path, directory: Path, keep: int, now: int, progress: backup.Progress
    ) -> Backup:
        def pause(done: int, total: int) -> None:
            trio.from_thread.run_sync(begun.set)
            while True:
                progress(done, total)

        try:
            return real(database, directory, keep, now, pause)
        finally:
            ended.set()

    monkeypatch.setattr(backup, "back_up", watched)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(back_up_when_due, make_settings(), trio.CapacityLimiter(1), now)
        await begun.wait()
        nursery.cancel_scope.cancel()
    assert ended.wait(5)
    assert [each.name for each in folder.iterdir()] == [".ocpp.lock"]
