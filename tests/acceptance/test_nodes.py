"""Two real servers on one PostgreSQL: commands cross, stations move, one of them dies."""

from __future__ import annotations

import json
import socket
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pytest
from websockets.exceptions import ConnectionClosed

from tests.acceptance.every_command import check_frames, client, whole_session
from tests.support.postgres import Postgres
from tests.support.proxy import proxy
from tests.support.server import Answer, Server
from tests.support.sync_station import SyncStation, connected
from tests.support.waiting import until

pytestmark = pytest.mark.slow

CLEAR = {"chargePointId": "CP001"}
FAST = {"OCPP_NODE_HEARTBEAT": "0.3", "OCPP_NODE_DEAD_AFTER": "1.5"}
"""So that tests need not wait for the usual 20 s."""
NEVER = {"OCPP_POLL_INTERVAL": "60"}
"""Whoever looks so seldom is woken, or is late."""

T = TypeVar("T")
OpenNode = Callable[..., Server]


@pytest.fixture
def variables(postgres: Postgres) -> Iterator[dict[str, str]]:
    """A PostgreSQL database of the test's own, without tables."""
    yield postgres.create("nodes")
    postgres.drop("nodes")


@pytest.fixture
def open_node(tmp_path: Path, variables: dict[str, str]) -> Iterator[OpenNode]:
    """Starts servers on that database, each with a name; they end with the test."""
    with ExitStack() as ends:

        def open_(name: str, *, start: bool = True, **more: str) -> Server:
            folder = tmp_path / name
            folder.mkdir()
            server = Server(folder, **(variables | FAST | {"OCPP_NODE_ID": name} | more))
            ends.callback(server.end)
            if start:
                without_api = more.get("OCPP_ROLE") == "websocket"
                server.start(partial(_listens, server.websocket_port) if without_api else None)
            return server

        yield open_


def _listens(port: int) -> bool:
    with socket.create_connection(("127.0.0.1", port), timeout=1):
        return True


def answering(station: SyncStation) -> list[str]:
    """Answer every command in a thread until the connection ends; the actions so far."""
    heard: list[str] = []

    def answer() -> None:
        try:
            while True:
                kind, number, *rest = json.loads(station.websocket.recv())
                assert kind == 2
                heard.append(rest[0])
                station.websocket.send(json.dumps([3, number, {"status": "Accepted"}]))
        except ConnectionClosed:
            return

    threading.Thread(target=answer, daemon=True).start()
    return heard


def post(server: Server, path: str = "clear-cache", body: Any = CLEAR, **headers: str) -> Answer:
    return server.request("POST", f"/api/commands/{path}", body, headers)


@contextmanager
def booted(server: Server, name: str = "CP001") -> Iterator[SyncStation]:
    with connected(server.url, name) as station:
        assert station.boot()["status"] == "Accepted"
        yield station


def at_once(*works: Callable[[], T]) -> list[T]:
    """Do some things at the same moment; what they return, the fastest first."""
    done: list[T] = []
    threads = [threading.Thread(target=lambda work=work: done.append(work())) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(done) == len(works)
    return done


def test_two_start_at_once_on_an_empty_database(open_node: OpenNode) -> None:
    a, b = open_node("a", start=False), open_node("b", start=False)
    at_once(a.start, b.start)
    for server in (a, b):
        assert [each["name"] for each in server.get("/api/status")["nodes"]] in (
            ["a", "b"],
            ["b", "a"],
        )


def test_commands_cross_and_it_is_postgres_that_wakes(open_node: OpenNode) -> None:
    a, b = open_node("a", **NEVER), open_node("b", **NEVER)
    with booted(b) as station:
        heard = answering(station)
        times = []
        for _ in range(30):
            began = time.perf_counter()
            answer = post(a)
            times.append(time.perf_counter() - began)
            assert (answer.status, answer.body["status"]) == (200, "Accepted"), answer
        assert heard == ["ClearCache"] * 30
        print(f"median {statistics.median(times) * 1000:.1f} ms")
        kept = post(a, "clear-cache?expires=600")
        assert (kept.status, kept.body["status"]) == (200, "Accepted"), kept
        batch = a.request("POST", "/api/command-batches", {"action": "ClearCache", "filter": {}})
        until(lambda: a.get(batch.headers["location"])["accepted"] == 1)
        # What people change is known there as well.
        assert a.request("POST", "/api/charge-points/CP001/block").status == 200
        until(
            lambda: post(b, "remote-start", {"chargePointId": "CP001", "idTag": "T"}).status == 409
        )
        assert a.get("/api/charge-points/CP001")["isConnected"] is True
        assert a.request("DELETE", "/api/charge-points/CP001").status == 204
        until(lambda: b.get("/api/status")["chargePointsConnected"] == 0)
    for server in (a, b):
        assert server.stop() == 0
        assert server.errors() == []


def test_a_key_crosses_and_no_record_shows_it(open_node: OpenNode, postgres: Postgres) -> None:
    a, b = open_node("a", **NEVER), open_node("b", **NEVER)
    key = "000102030405060708090a0b0c0d0e0f10111213"
    with booted(b) as station:
        answers: list[Answer] = []
        rotate = "/api/charge-points/CP001/key/rotate"
        caller = threading.Thread(
            target=lambda: answers.append(a.request("POST", rotate, {"key": key}))
        )
        caller.start()
        _, number, action, payload = json.loads(station.websocket.recv(timeout=10))
        assert (action, payload["key"], payload["value"]) == (
            "ChangeConfiguration",
            "AuthorizationKey",
            key,
        )
        station.websocket.send(json.dumps([3, number, {"status": "Accepted"}]))
        caller.join(20)
    assert answers[0].status == 200, answers
    (row,) = postgres.execute("SELECT payload, sealed FROM commands", name="nodes")
    assert key not in row["payload"]
    assert row["sealed"] is None


def test_without_notifications_it_still_works(open_node: OpenNode) -> None:
    deaf = {"OCPP_LISTEN": "false", "OCPP_POLL_INTERVAL": "0.1"}
    a, b = open_node("a", **deaf), open_node("b", **deaf)
    with booted(b) as station:
        answering(station)
        answer = post(a)
        assert (answer.status, answer.body["status"]) == (200, "Accepted"), answer


def test_one_side_each_with_every_command(open_node: OpenNode, tmp_path: Path) -> None:
    api = open_node("api", OCPP_ROLE="api", **NEVER)
    stations = open_node("stations", OCPP_ROLE="websocket", **NEVER)
    with pytest.raises(ConnectionRefusedError):
        _listens(api.websocket_port)
    with pytest.raises(ConnectionRefusedError):
        _listens(stations.api_port)
    frames = tmp_path / "frames"
    url = f"{stations.url}/CP001"
    with client([sys.executable, "-m", "tests.acceptance.foreign_client", url, str(frames)]) as it:
        whole_session(api, "CP001", it)
    check_frames([json.loads(line) for line in frames.read_text("utf-8").splitlines()])
    assert {each["role"] for each in api.get("/api/status")["nodes"]} == {"api", "websocket"}
    for server in (api, stations):
        assert server.stop() == 0
        assert server.errors() == []


def test_a_station_goes_to_the_other_node_and_the_newest_wins(open_node: OpenNode) -> None:
    a, b = open_node("a", **NEVER), open_node("b", **NEVER)
    with booted(a) as old, booted(b) as new:
        with pytest.raises(ConnectionClosed) as closed:
            old.websocket.recv(timeout=5)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1008
        heard = answering(new)
        for server in (a, b):
            assert post(server).status == 200
        assert heard == ["ClearCache"] * 2
        point = a.get("/api/charge-points/CP001")
        assert point["isConnected"] is True
        assert point["nodeId"] == b.get("/api/status")["nodeId"]


def test_a_node_dies_with_a_command_on_its_way(open_node: OpenNode) -> None:
    a, b = open_node("a", **NEVER), open_node("b", **NEVER)
    with booted(b) as station:
        answers: list[Answer] = []
        caller = threading.Thread(target=lambda: answers.append(post(a)))
        caller.start()
        assert json.loads(station.websocket.recv(timeout=5))[2] == "ClearCache"
        b.kill()
        # It has a place to go to at once, and is asked nothing twice.
        with booted(a) as again:
            caller.join(20)
            assert (answers[0].status, answers[0].body["outcome"]) == (504, "unknown")
            with pytest.raises(TimeoutError):
                again.websocket.recv(timeout=1)
            heard = answering(again)
            assert post(a).status == 200
            assert heard == ["ClearCache"]
    states = [each["state"] for each in a.get("/api/commands")]
    assert states == ["accepted", "unknown"]
    until(lambda: [each["name"] for each in a.get("/api/status")["nodes"]] == ["a"])


def test_killed_and_started_again_it_need_not_be_waited_for(
    open_node: OpenNode,
) -> None:
    # It has the ports of the old one, so the old one has ended.
    slow = {"OCPP_NODE_HEARTBEAT": "5", "OCPP_NODE_DEAD_AFTER": "60"}
    open_node("a", **slow)
    b = open_node("b", **slow)
    with booted(b) as station:
        assert post(b, "clear-cache?wait=0").status == 202
        assert json.loads(station.websocket.recv(timeout=5))[2] == "ClearCache"
        b.kill()
    b.start()
    assert b.get("/api/commands")[0]["state"] == "unknown"
    assert b.get("/api/charge-points/CP001")["isConnected"] is False
    assert [each["name"] for each in b.get("/api/status")["nodes"]] == ["a", "b"]


def test_a_key_that_two_nodes_are_given_at_once_is_used_once(open_node: OpenNode) -> None:
    a, b = open_node("a"), open_node("b")
    key = {"Idempotency-Key": "once"}
    with booted(b) as station:
        heard = answering(station)
        answers = at_once(partial(post, a, **key), partial(post, b, **key))
        assert [each.status for each in answers] == [200, 200]
        assert answers[0].body == answers[1].body
        assert heard == ["ClearCache"]


def test_a_node_cut_off_from_the_database_is_replaced_and_comes_back(
    open_node: OpenNode, postgres: Postgres
) -> None:
    a = open_node("a")
    with proxy(postgres.port) as line:
        way = {
            "DB_PORT": str(line.port),
            "OCPP_DB_STATEMENT_TIMEOUT": "1",
            "OCPP_DB_OFFLINE_AFTER": "2",
        }
        b = open_node("b", **way)
        with booted(b) as station:
            line.freeze()
            until(lambda: len(a.get("/api/status")["nodes"]) == 1)
            assert a.get("/api/charge-points/CP001")["isConnected"] is False
            # Without a database it sends its stations to where there is one.
            with pytest.raises(ConnectionClosed) as closed:
                station.websocket.recv(timeout=20)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1013
        with booted(a) as station:
            heard = answering(station)
            line.thaw()
            until(lambda: len(a.get("/api/status")["nodes"]) == 2)
            until(lambda: post(b).status == 200)
            assert a.get("/api/charge-points/CP001")["isConnected"] is True
            assert set(heard) == {"ClearCache"}
