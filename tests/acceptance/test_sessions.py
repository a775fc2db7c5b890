"""Many stations at once: every session stored once, whatever happens to the server meanwhile."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.books import check_books, read_ledger
from tests.support.server import Server
from tests.support.waiting import until


@contextmanager
def simulate(server: Server, folder: Path, *options: str) -> Iterator["subprocess.Popen[str]"]:
    """Stations of the simulator, with a ledger of what was acknowledged to them."""
    command = [sys.executable, "-m", "ocpp_trio", "simulate", "--json"]
    command += ["--url", server.url, "--api", server.api, "--ledger", str(folder / "ledger")]
    with subprocess.Popen(
        [*command, *options], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as client:
        try:
            yield client
        finally:
            client.kill()


def summary_of(client: "subprocess.Popen[str]", limit: float = 100) -> dict[str, Any]:
    """Wait for the stations to end; what they counted."""
    output, _ = client.communicate(timeout=limit)
    counted: dict[str, Any] = json.loads(output)
    return counted


def wait_for_acknowledgements(folder: Path, count: int) -> None:
    """Wait until the stations have written so many lines."""
    until(lambda: len(read_ledger(folder / "ledger")) >= count, 30)


def books(server: Server, folder: Path) -> tuple[int, int]:
    """Compare the ledger with the database; acknowledged starts and stops."""
    counts = check_books(server.database, read_ledger(folder / "ledger"))
    return counts["start"], counts["stop"]


def test_fifty_stations_three_sessions_each(server: Server, tmp_path: Path) -> None:
    with simulate(server, tmp_path, "--count", "50", "--sessions", "3") as client:
        counted = summary_of(client)
    assert client.returncode == 0
    assert counted["sessionsCompleted"] == 150
    complete = server.get("/api/transactions?isComplete=true")
    assert len(complete) == 150
    today = time.strftime("%Y-%m-%d", time.gmtime())
    before = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 86_400))
    report = server.get(f"/api/reports/energy?startDate={before}&endDate={today}")
    assert report["completeTransactions"] == 150
    assert round(report["totalEnergyDelivered"] * 1000) == counted["energyWh"] > 0
    assert books(server, tmp_path) == (150, 150)
    assert server.get("/api/status")["chargePointsTotal"] == 50
    assert server.stop() == 0
    assert server.errors() == []


@pytest.mark.slow
@pytest.mark.parametrize("acknowledged", [1, 300, 700])
def test_killed_in_the_middle_nothing_acknowledged_is_lost(
    server: Server, tmp_path: Path, acknowledged: int
) -> None:
    options = ("--count", "50", "--sessions", "4", "--interval", "0.05", "--give-up", "60")
    with simulate(server, tmp_path, *options) as client:
        wait_for_acknowledgements(tmp_path, acknowledged)
        server.kill()
        starts, stops = books(server, tmp_path)
        assert starts > 0
        assert stops < 200
        server.start()
        counted = summary_of(client)
    assert counted["sessionsCompleted"] == 200
    assert books(server, tmp_path) == (200, 200)
    assert len(server.get("/api/transactions")) == 200
    assert server.stop() == 0
    assert server.errors() == []


def test_stopped_under_load_in_time_and_in_order(server: Server, tmp_path: Path) -> None:
    options = ("--count", "100", "--sessions", "100", "--interval", "0.05", "--give-up", "1")
    with simulate(server, tmp_path, *options) as client:
        wait_for_acknowledgements(tmp_path, 300)
        assert server.get("/api/status")["chargePointsConnected"] == 100
        began = time.monotonic()
        server.signal(signal.SIGTERM)
        assert server.wait() == 0
        assert time.monotonic() - began < 9
        counted = summary_of(client)
    assert counted["closeCodes"] == {"1001": 100}
    assert books(server, tmp_path)[0] >= 100
    assert server.errors() == []
