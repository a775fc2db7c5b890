"""Services on a real server, with a simulated station that is asked and obeys."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.server import Server, running
from tests.support.waiting import until

SETTINGS = {
    "OCPP_ASKING_QUIET": "0.5",
    "OCPP_ASKING_SPREAD": "0.1",
    "OCPP_LOG_INTERVAL": "0.1",
    "OCPP_METER_BACKUP_INTERVAL": "0.3",
    "OCPP_METER_COLLECTION_AGE": "0.5",
    "OCPP_METER_COLLECTION_INTERVAL": "0.2",
    "OCPP_ORPHAN_DETECTION": "off",
    "OCPP_STATUS_REFRESH_AGE": "1",
    "OCPP_STATUS_REFRESH_INTERVAL": "0.2",
}
ACTIONS = {
    "meter collection": "asked for MeterValues",
    "meter backup": "newest registers of running transactions kept",
    "status refresh": "asked for StatusNotification",
}


def wait_for_entries(server: Server) -> dict[str, Any]:
    """One log entry of each service that has something to do, by its source."""

    def all_of_them() -> dict[str, Any] | None:
        entries = {
            entry["source"]: entry
            for entry in server.get("/api/logs?limit=1000")
            if entry["source"] in ACTIONS
        }
        return entries if entries.keys() == ACTIONS.keys() else None

    found: dict[str, Any] = until(all_of_them, 30)
    return found


@pytest.mark.slow
def test_what_services_do_is_in_the_log(tmp_path: Path) -> None:
    with running(tmp_path, **SETTINGS) as server:
        # It sends no meter values of its own for a minute.
        command = [sys.executable, "-m", "ocpp_trio", "simulate", "--interval", "60"]
        with subprocess.Popen(
            [*command, "--url", server.url, "--api", server.api],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as station:
            try:
                entries = wait_for_entries(server)
            finally:
                station.kill()
        for source, action in ACTIONS.items():
            assert entries[source]["message"].startswith(action)
        for source in ("meter collection", "status refresh"):
            assert entries[source]["chargePointId"] == "SIM0001"
            assert "answer: Accepted" in entries[source]["message"]
        (transaction,) = server.get("/api/transactions?isComplete=false")
        assert transaction["chargePointId"] == "SIM0001"
        assert server.get("/api/charge-points/SIM0001")["clockSkew"] is not None
        connection = sqlite3.connect(f"file:{server.database}?mode=ro", uri=True)
        rows = connection.execute("SELECT DISTINCT source, context FROM meter_values").fetchall()
        connection.close()
        assert {("MeterValues", "Trigger"), ("Backup", "Other")} <= set(rows)
        assert server.get("/readyz")["status"] == "ready"
        assert server.stop() == 0
        assert server.errors() == []
