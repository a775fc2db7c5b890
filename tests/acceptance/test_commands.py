"""Commands with real processes: kept over a crash, sent once, repeated without doing it twice."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.server import Server
from tests.support.sync_station import SyncStation, connected
from tests.support.waiting import until

RESET = {"chargePointId": "CP001", "type": "Soft"}


def command(station: SyncStation, limit: float = 10) -> list[Any]:
    """The next command that the server sends."""
    frame: list[Any] = json.loads(station.websocket.recv(timeout=limit))
    assert frame[0] == 2
    return frame


def hear_nothing(station: SyncStation, seconds: float = 1) -> None:
    with pytest.raises(TimeoutError):
        station.websocket.recv(timeout=seconds)


def answer(station: SyncStation, frame: list[Any]) -> None:
    station.websocket.send(json.dumps([3, frame[1], {"status": "Accepted"}]))


def known(server: Server, name: str = "CP001") -> None:
    """A station that has booted, and is gone again."""
    with connected(server.url, name) as station:
        station.boot()
    until(lambda: not server.get(f"/api/charge-points/{name}")["isConnected"])


@pytest.mark.slow
def test_what_is_kept_survives_a_kill_and_is_sent_once(server: Server) -> None:
    known(server)
    offline = server.request("POST", "/api/commands/reset", RESET)
    assert offline.status == 503
    kept = server.request("POST", "/api/commands/reset?wait=0&expires=600", RESET)
    assert (kept.status, kept.body["state"]) == (202, "queued")
    second = server.request(
        "POST", "/api/commands/clear-cache?wait=0&expires=600", {"chargePointId": "CP001"}
    )
    server.kill()
    server.start()
    url = kept.headers["location"]
    assert server.get(url)["state"] == "queued"
    with connected(server.url) as station:
        station.boot()
        frame = command(station)
        assert frame[2:] == ["Reset", {"type": "Soft"}]
        # Killed between the send and the answer, nobody knows; it is not sent again.
        server.kill()
    server.start()
    assert server.get(url)["state"] == "unknown"
    with connected(server.url) as station:
        station.boot()
        frame = command(station)
        assert frame[2] == "ClearCache"
        answer(station, frame)
        hear_nothing(station)
    assert server.get(second.headers["location"])["state"] == "accepted"
    states = [record["state"] for record in server.get("/api/commands")]
    assert states == ["accepted", "unknown", "expired"]
    assert server.stop() == 0
    assert server.errors() == []


@pytest.mark.slow
def test_a_client_that_leaves_and_asks_again_gets_the_outcome(server: Server) -> None:
    known(server)
    key = {"Idempotency-Key": "reset-1"}
    with connected(server.url) as station:
        station.boot()
        client = http.client.HTTPConnection("127.0.0.1", server.api_port, timeout=10)
        headers = {"Content-Type": "application/json", **key}
        client.request("POST", "/api/commands/reset", json.dumps(RESET), headers)
        frame = command(station)
        client.close()
        time.sleep(0.1)
        waiting = server.request("POST", "/api/commands/reset?timeout=0.2", RESET, key)
        assert (waiting.status, waiting.body["state"]) == (202, "sent")
        answer(station, frame)
        again = server.request("POST", "/api/commands/reset", RESET, key)
        assert (again.status, again.body["status"]) == (200, "Accepted")
        assert again.body["commandId"] == waiting.body["id"]
        other = server.request("POST", "/api/commands/reset", RESET | {"type": "Hard"}, key)
        assert (other.status, other.body["type"]) == (409, "idempotency-conflict")
        server.kill()
        server.start()
        after = server.request("POST", "/api/commands/reset", RESET, key)
        assert after.body == again.body
    with connected(server.url) as station:
        station.boot()
        hear_nothing(station)
    assert len(server.get("/api/commands")) == 1
    assert server.stop() == 0
    assert server.errors() == []


@pytest.mark.slow
def test_a_client_that_asks_again_after_a_crash_gets_the_record(server: Server) -> None:
    known(server)
    key = {"Idempotency-Key": "reset-2"}
    with connected(server.url) as station:
        station.boot()
        client = http.client.HTTPConnection("127.0.0.1", server.api_port, timeout=10)
        headers = {"Content-Type": "application/json", **key}
        client.request("POST", "/api/commands/reset", json.dumps(RESET), headers)
        command(station)
        server.kill()
        client.close()
    server.start()
    with connected(server.url) as station:
        station.boot()
        again = server.request("POST", "/api/commands/reset", RESET, key)
        assert (again.status, again.body["state"]) == (200, "unknown")
        hear_nothing(station)
    assert server.stop() == 0


def test_a_batch_over_twenty_stations(server: Server, tmp_path: Path) -> None:
    options = ["--count", "20", "--sessions", "0", "--stay", "--json", "--url", server.url]
    process = [sys.executable, "-m", "ocpp_trio", "simulate", *options]
    with subprocess.Popen(process, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as client:
        try:
            until(lambda: server.get("/api/status")["chargePointsConnected"] == 20)
            until(
                lambda: all(
                    point["lastBootNotification"] for point in server.get("/api/charge-points")
                )
            )
            server.request("POST", "/api/charge-points", {"id": "GONE"})
            body = {
                "action": "ChangeConfiguration",
                "payload": {"key": "HeartbeatInterval", "value": "77"},
                "filter": {},
                "concurrency": 5,
            }
            started = server.request("POST", "/api/command-batches", body)
            assert (started.status, started.body["total"]) == (202, 21)
            url = started.headers["location"]
            until(lambda: bool(server.get(url)["done"]))
            batch = server.get(url)
            assert (batch["accepted"], batch["expired"]) == (20, 1)
            records = server.get(f"/api/commands?batchId={batch['id']}&state=accepted")
            assert len({record["chargePointId"] for record in records}) == 20
            intervals = [
                point["heartbeatInterval"]
                for point in server.get("/api/charge-points")
                if point["isConnected"]
            ]
            assert intervals == [77] * 20
        finally:
            client.terminate()
            client.wait(10)
    until(lambda: server.get("/api/status")["chargePointsConnected"] == 0)
    assert server.stop() == 0
    assert server.errors() == []


@pytest.mark.slow
def test_a_batch_goes_on_after_a_kill(server: Server) -> None:
    names = [f"CP{number:03}" for number in range(4)]
    for name in names:
        known(server, name)
    with connected(server.url, names[0]) as station:
        station.boot()
        body = {"action": "ClearCache", "chargePointIds": names, "concurrency": 1}
        started = server.request("POST", "/api/command-batches", body)
        command(station)
        server.kill()
    server.start()
    url = started.headers["location"]
    for name in names:
        with connected(server.url, name) as station:
            station.boot()
            if name == names[0]:
                hear_nothing(station)
            else:
                answer(station, command(station))
    until(lambda: bool(server.get(url)["done"]))
    batch = server.get(url)
    assert (batch["accepted"], batch["unknown"], batch["total"]) == (3, 1, 4)
    assert server.stop() == 0
    assert server.errors() == []


def test_an_ordered_stop_leaves_a_batch_for_the_next_start(server: Server) -> None:
    names = [f"CP{number:03}" for number in range(3)]
    for name in names:
        known(server, name)
    with connected(server.url, names[0]) as first, connected(server.url, names[1]) as second:
        first.boot()
        second.boot()
        body = {"action": "ClearCache", "chargePointIds": names, "concurrency": 1}
        url = server.request("POST", "/api/command-batches", body).headers["location"]
        command(first)
        assert server.stop() == 0
    assert server.errors() == []
    server.start()
    batch = server.get(url)
    assert (batch["unknown"], batch["queued"], batch["done"]) == (1, 2, False)
    for name in names[1:]:
        with connected(server.url, name) as station:
            station.boot()
            answer(station, command(station))
    until(lambda: bool(server.get(url)["done"]))
    assert server.get(url)["accepted"] == 2
    assert server.stop() == 0
    assert server.errors() == []
