"""The database fails under load and comes back: no answer that is not kept, stations are sent
offline, and all goes on by itself.
"""

from __future__ import annotations

import http.client
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.acceptance.test_sessions import simulate, summary_of, wait_for_acknowledgements
from tests.support.books import check_books, read_ledger
from tests.support.server import Server, running

STATIONS = 20
LOAD = ("--count", str(STATIONS), "--sessions", "100000", "--interval", "0.02", "--give-up", "60")
QUICK = {"OCPP_DB_BUSY_TIMEOUT": "0.3", "OCPP_DB_OFFLINE_AFTER": "1", "OCPP_BACKUP": "off"}


def wait_until(true: Callable[[], bool], limit: float) -> float:
    """Wait until it is true; how many seconds that took."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < limit
        time.sleep(0.05)
    return time.monotonic() - began


def connected(server: Server) -> int:
    """How many stations have a connection, by the system: the database cannot be told."""
    port = f":{server.websocket_port:04X}"
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    return sum(line.split()[1].endswith(port) and line.split()[3] == "01" for line in lines)


def is_ready(server: Server) -> bool:
    return server.request("GET", "/readyz").status == 200


def refused_handshake(server: Server) -> int:
    """The status with which a station that comes now is turned away."""
    connection = http.client.HTTPConnection("127.0.0.1", server.websocket_port, timeout=10)
    with closing(connection):
        connection.request(
            "GET",
            "/NEW001",
            headers={
                "Connection": "Upgrade",
                "Upgrade": "websocket",
                "Sec-WebSocket-Version": "13",
                "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
                "Sec-WebSocket-Protocol": "ocpp1.6",
            },
        )
        return connection.getresponse().status


def goes_offline_and_recovers(
    server: Server, tmp_path: Path, begin: Callable[[], object], end: Callable[[], object]
) -> None:
    """Load, trouble, no trouble; the books are compared with what the stations were told."""
    with simulate(server, tmp_path, *LOAD) as client:
        wait_for_acknowledgements(tmp_path, 200)
        begin()
        wait_until(lambda: not is_ready(server), 5)
        # 1 s of failing, the look at it once a second, and the closing handshake.
        assert wait_until(lambda: connected(server) == 0, 10) < 5
        assert refused_handshake(server) == 503
        assert server.request("GET", "/readyz").body["failing"] == ["database"]
        assert server.get("/api/status")["chargePointsTotal"] == STATIONS, "it can be read"
        told = len(read_ledger(tmp_path / "ledger"))
        time.sleep(0.5)
        assert len(read_ledger(tmp_path / "ledger")) == told
        check_books(server.database, read_ledger(tmp_path / "ledger"))
        end()
        wait_until(lambda: is_ready(server), 5)
        wait_until(lambda: connected(server) == STATIONS, 30)
        wait_for_acknowledgements(tmp_path, told + 200)
        client.send_signal(signal.SIGINT)
        counted = summary_of(client)
    assert counted["closeCodes"]["1013"] == STATIONS
    assert server.stop() == 0
    assert server.errors() == []
    check_books(server.database, read_ledger(tmp_path / "ledger"))


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A disk of 16 MiB in memory; skips the test where none can be mounted."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16m", "none", str(folder)]
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


def test_disk_full_then_freed(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk, running(disk, **QUICK) as server:
        goes_offline_and_recovers(
            server, tmp_path, lambda: fill(disk), lambda: (disk / "filler").unlink()
        )


def test_locked_by_another_program_for_long(tmp_path: Path) -> None:
    with (
        running(tmp_path, **QUICK) as server,
        closing(sqlite3.connect(server.database, timeout=10, isolation_level=None)) as other,
    ):
        goes_offline_and_recovers(
            server,
            tmp_path,
            lambda: other.execute("BEGIN EXCLUSIVE"),
            lambda: other.execute("ROLLBACK"),
        )


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
