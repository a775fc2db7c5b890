"""Copies the SQLite file once a day, or as often as OCPP_BACKUP_INTERVAL says."""

from __future__ import annotations

from pathlib import Path

import structlog
import trio

from ocpp_trio.config import Settings
from ocpp_trio.domain.times import Now
from ocpp_trio.maintenance import backup
from ocpp_trio.maintenance.backup import Backup

log = structlog.get_logger(source="data backup")


async def back_up_when_due(settings: Settings, limiter: trio.CapacityLimiter, now: Now) -> None:
    """One tick: wait until the newest copy is old enough, then make one, in a thread of its own.

    So a restart makes none before its time. Raises BackupFailed.
    """
    database, directory = Path(settings.db_sqlite_path), backup.directory_of(settings)
    while pause := _until_due(settings, database, directory, now()):  # noqa: ASYNC110 - the clock
        await trio.sleep(pause)
    began = trio.current_time()
    made: Backup = await trio.to_thread.run_sync(
        backup.back_up,
        database,
        directory,
        settings.backup_keep,
        now(),
        _stop_with_the_server,
        # A stop does not wait: what is not complete is removed, by the thread or by the next copy.
        abandon_on_cancel=True,
        limiter=limiter,
    )
    log.info(
        "database copied and checked",
        file=str(made.path),
        bytes=made.size,
        transactions=made.rows["transactions"],
        seconds=round(trio.current_time() - began, 2),
        removed=len(made.removed),
    )


def _stop_with_the_server(*_: int) -> None:
    trio.from_thread.check_cancelled()


def _until_due(settings: Settings, database: Path, directory: Path, now: int) -> float:
    """Seconds until the next copy is due. One from the future (of a wrong clock) counts not."""
    moments = [backup.made_at(database, each) for each in backup.copies(database, directory)]
    newest = max((moment for moment in moments if moment <= now), default=0)
    return max(0.0, settings.backup_interval - (now - newest) / 1000)
