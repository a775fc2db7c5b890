"""Many stations at once: every session stored once, whatever happens to the server meanwhile."""

import json
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.server import Server


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


def ledger_of(folder: Path) -> list[dict[str, Any]]:
    """Everything that was acknowledged, as the stations saw it."""
    lines = (folder / "ledger").read_text().splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.endswith("\n")]


def wait_for_acknowledgements(folder: Path, count: int) -> None:
    """Wait until the stations have written so many lines."""
    deadline = time.monotonic() + 30
    while not (folder / "ledger").exists() or len(ledger_of(folder)) < count:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def check_books(server: Server, folder: Path) -> int:
    """Every acknowledged start and stop is in the database, once; how many there are."""
    ledger = ledger_of(folder)
    connection = sqlite3.connect(f"file:{server.database}?mode=ro", uri=True)
    connection.row_factory = sqlite3.Row
    rows = connection.execute("SELECT * FROM transactions").fetchall()
    assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    connection.close()
    by_id = {row["id"]: row for row in rows}
    natural = Counter(
        (row["charge_point_id"], row["connector_id"], row["id_tag"], row["start_text"])
        for row in rows
    )
    assert max(natural.values(), default=1) == 1, "a start was stored twice"
    for entry in ledger:
        row = by_id[entry["transactionId"]]
        assert row["charge_point_id"] == entry["chargePointId"]
        if entry["kind"] == "start":
            assert row["start_text"] == entry["timestamp"]
            assert row["meter_start"] == entry["meterStart"]
            assert row["id_tag"] == entry["idTag"]
        else:
            assert row["is_complete"] == 1
            assert row["meter_stop"] == entry["meterStop"]
            assert row["stop_text"] == entry["timestamp"]
    starts = Counter(e["transactionId"] for e in ledger if e["kind"] == "start")
    assert max(starts.values(), default=1) == 1, "an id was given twice"
    return len(ledger)


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
    assert check_books(server, tmp_path) == 300
    assert server.get("/api/status")["chargePointsTotal"] == 50
    assert server.stop() == 0
    assert server.errors() == []


@pytest.mark.parametrize("acknowledged", [1, 100, 250])
def test_killed_in_the_middle_nothing_acknowledged_is_lost(
    server: Server, tmp_path: Path, acknowledged: int
) -> None:
    options = ("--count", "50", "--sessions", "4", "--interval", "0.05", "--give-up", "60")
    with simulate(server, tmp_path, *options) as client:
        wait_for_acknowledgements(tmp_path, acknowledged)
        server.kill()
        assert acknowledged <= check_books(server, tmp_path) < 400
        server.start()
        counted = summary_of(client)
    assert counted["sessionsCompleted"] == 200
    assert check_books(server, tmp_path) == 400
    assert len(server.get("/api/transactions")) == 200
    assert server.stop() == 0
    assert server.errors() == []


def test_stopped_under_load_in_time_and_in_order(server: Server, tmp_path: Path) -> None:
    options = ("--count", "100", "--sessions", "100", "--interval", "0.05", "--give-up", "1")
    with simulate(server, tmp_path, *options) as client:
        wait_for_acknowledgements(tmp_path, 200)
        assert server.get("/api/status")["chargePointsConnected"] == 100
        began = time.monotonic()
        server.signal(signal.SIGTERM)
        assert server.wait() == 0
        assert time.monotonic() - began < 9
        counted = summary_of(client)
    assert counted["closeCodes"] == {"1001": 100}
    assert check_books(server, tmp_path) >= 200
    assert server.errors() == []
