"""The energy report from the command line beside a server, and without it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from ocpp_trio import config
from tests.support.server import Server

SCRIPT = Path(__file__).parents[2] / "scripts" / "energy-report"
DAYS = ("2020-01-01", "2099-12-31")


def report(server: Server, cwd: Path) -> Any:
    """What the script writes for all days; it says nothing else."""
    known = config.variables()
    clean = {name: value for name, value in os.environ.items() if name not in known}
    done = subprocess.run(
        [SCRIPT, "--from", DAYS[0], "--to", DAYS[1], "--group", "connector", "--format", "json"],
        env=clean | {"DB_SQLITE_PATH": str(server.database)},
        cwd=cwd,
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stderr == ""
    return json.loads(done.stdout)


def test_the_report_of_a_running_server_and_of_one_that_is_stopped(
    server: Server, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    command = [sys.executable, "-m", "ocpp_trio", "simulate", "--count", "5"]
    command += ["--url", server.url, "--api", server.api]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    path = f"/api/reports/energy?startDate={DAYS[0]}&endDate={DAYS[1]}&groupBy=connector"
    answered = server.get(path)
    assert len(answered["groups"]) == 5
    assert answered["totalEnergyDelivered"] > 0
    assert report(server, elsewhere) == answered
    assert server.stop() == 0
    assert report(server, elsewhere) == answered
