"""A charge point of the `ocpp` package does a whole session, started and stopped over the API."""

import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from tests.support.server import Server


def until(question: Callable[[], Any], limit: float = 20.0) -> Any:
    """The first answer that is true; fails when none comes in time."""
    deadline = time.monotonic() + limit
    while time.monotonic() < deadline:
        answer = question()
        if answer:
            return answer
        time.sleep(0.02)
    raise AssertionError("it did not happen in time")


def test_a_session_by_remote_start_and_stop(server: Server) -> None:
    assert server.request("POST", "/api/authorizations", {"idTag": "RFID123"}).status == 201
    with subprocess.Popen(
        [sys.executable, "-m", "tests.acceptance.foreign_client", f"{server.url}/CP001"],
        stdout=subprocess.PIPE,
        text=True,
    ) as client:
        assert client.stdout is not None
        assert client.stdout.readline() == "booted\n"
        started = server.request(
            "POST",
            "/api/commands/remote-start",
            {"chargePointId": "CP001", "idTag": "RFID123", "connectorId": 1},
        )
        assert started.status == 200
        assert started.body["success"] is True
        running = until(lambda: server.get("/api/transactions?isComplete=false"))
        number = running[0]["transactionId"]
        until(lambda: server.get("/api/transactions")[0]["energyDelivered"] == 0.75)
        stopped = server.request(
            "POST",
            "/api/commands/remote-stop",
            {"chargePointId": "CP001", "connectorId": 1, "reason": "Completed"},
        )
        assert stopped.status == 200
        assert stopped.body["success"] is True
        assert stopped.body["transactionId"] == number
        assert client.stdout.readline() == f"done {number}\n"
        assert client.wait(10) == 0
    (transaction,) = server.get("/api/transactions?chargePointId=CP001&isComplete=true")
    assert transaction["idTag"] == "RFID123"
    assert transaction["energyDelivered"] == 0.75
    assert transaction["stopReason"] == "Remote"
    assert transaction["remoteStopReason"] == "Completed"
    point = server.get("/api/charge-points/CP001")
    assert (point["vendor"], point["model"]) == ("ocpp", "Foreign")
    assert [each["status"] for each in point["connectors"]] == ["Available"]
    assert server.stop() == 0
    assert server.errors() == []
