"""The database fails under load and comes back: no answer that is not kept, stations are sent
offline, and all goes on by itself.
"""

from __future__ import annotations

import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.acceptance.test_sessions import simulate, summary_of, wait_for_acknowledgements
from tests.acceptance.trouble import STATIONS, connected, goes_offline_and_recovers
from tests.support.books import Entry, check_books, read_ledger
from tests.support.server import Server, running

QUICK = {"OCPP_DB_BUSY_TIMEOUT": "0.3", "OCPP_DB_OFFLINE_AFTER": "1", "OCPP_BACKUP": "off"}
# 1 s of failing, the look at it once a second, and the closing handshake.
LIMIT = 5


def all_is_kept(
    server: Server, folder: Path, begin: Callable[[], object], end: Callable[[], object]
) -> None:
    """Trouble for long under load; the books are compared with what the stations were told."""

    def meanwhile(told: list[Entry]) -> None:
        assert server.get("/api/status")["chargePointsTotal"] == STATIONS, "it can be read"
        check_books(server.database, told)

    codes = goes_offline_and_recovers(
        server, folder, begin, end, meanwhile, gone_within=LIMIT, back_within=LIMIT
    )
    assert codes["1013"] == STATIONS
    check_books(server.database, read_ledger(folder / "ledger"))


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A disk of 64 MiB in memory, for a WAL of 16; skips the test where none can be mounted."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64m", "none", str(folder)]
    try:
        done = subprocess.run(mount, check=False, capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip("there is no mount command")
    if done.returncode:
        pytest.skip(f"no disk of its own: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path) -> None:
    """Leave not one byte free."""
    with (folder / "filler").open("wb", buffering=0) as file:
        for size in (1 << 20, 4096, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue


@pytest.mark.slow
def test_disk_full_then_freed(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk, running(disk, **QUICK) as server:
        all_is_kept(server, tmp_path, lambda: fill(disk), lambda: (disk / "filler").unlink())


@pytest.mark.slow
def test_locked_by_another_program_for_long(tmp_path: Path) -> None:
    with (
        running(tmp_path, **QUICK) as server,
        closing(sqlite3.connect(server.database, timeout=10, isolation_level=None)) as other,
    ):
        all_is_kept(
            server,
            tmp_path,
            lambda: other.execute("BEGIN EXCLUSIVE"),
            lambda: other.execute("ROLLBACK"),
        )


@pytest.mark.slow
def test_locked_by_another_program_for_a_moment_all_answers_are_late(tmp_path: Path) -> None:
    options = ("--count", str(STATIONS), "--sessions", "8", "--interval", "0.05")
    with (
        running(tmp_path, OCPP_DB_BUSY_TIMEOUT="5") as server,
        closing(sqlite3.connect(server.database, timeout=10, isolation_level=None)) as other,
        simulate(server, tmp_path, *options) as client,
    ):
        wait_for_acknowledgements(tmp_path, 200)
        other.execute("BEGIN EXCLUSIVE")
        told = len(read_ledger(tmp_path / "ledger"))
        time.sleep(1.5)
        # One batch at most was already committed.
        assert len(read_ledger(tmp_path / "ledger")) - told <= STATIONS
        assert connected(server) == STATIONS
        other.execute("ROLLBACK")
        counted = summary_of(client)
        assert client.returncode == 0
        assert counted["sessionsCompleted"] == 8 * STATIONS
        assert counted["closeCodes"] == {}
        assert "database not available" not in server.log()
        books = check_books(server.database, read_ledger(tmp_path / "ledger"))
        assert books["start"] == books["stop"] == 8 * STATIONS
