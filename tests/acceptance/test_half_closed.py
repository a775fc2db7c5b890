"""HTTP clients that shut their sending side and wait for the answer, as `nc -N` does."""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Iterator
from threading import Thread

import pytest

from tests.acceptance.raw import opened, request, rest
from tests.acceptance.scorecard import descriptors
from tests.support.server import Server, running
from tests.support.sync_station import connected
from tests.support.waiting import until


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("half")) as started:
        rows = "".join(f"TAG{number:04},Accepted\n" for number in range(3000)).encode()
        head = ("Content-Type: text/csv", f"Content-Length: {13 + len(rows)}", "Connection: close")
        sent = request("POST", "/api/authorizations/import", *head, body=b"idTag,status\n" + rows)
        with opened(started.api_port, sent) as sock:
            assert rest(sock).startswith(b"HTTP/1.1 200")
        yield started
        assert started.stop() == 0
        assert started.errors() == []


def ask(server: Server, sent: bytes) -> bytes:
    """Send, shut the sending side, and read to the end."""
    with opened(server.api_port, sent) as sock:
        sock.shutdown(socket.SHUT_WR)
        return rest(sock)


def test_a_short_answer(server: Server) -> None:
    answer = ask(server, request("GET", "/healthz"))
    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.endswith(b'{"status":"ok"}')


def test_a_stream_is_whole(server: Server) -> None:
    answer = ask(server, request("GET", "/api/authorizations", "Connection: close"))
    assert answer.count(b'"idTag":"TAG') == 3000
    assert answer.endswith(b"0\r\n\r\n")


def test_a_request_with_a_body(server: Server) -> None:
    body = json.dumps({"idTag": "HALF"}).encode()
    head = ("Content-Type: application/json", f"Content-Length: {len(body)}")
    answer = ask(server, request("POST", "/api/authorizations", *head, body=body))
    assert answer.startswith(b"HTTP/1.1 201")


def test_two_requests_at_once(server: Server) -> None:
    answer = ask(server, request("GET", "/healthz") * 2)
    assert answer.count(b"HTTP/1.1 200") == 2


def test_half_a_body_is_not_taken_for_a_whole_one(server: Server) -> None:
    head = ("Content-Type: application/json", "Content-Length: 100")
    answer = ask(server, request("POST", "/api/authorizations", *head, body=b'{"idTag":"BAD"}'))
    assert b" 400 " in answer
    assert server.request("GET", "/api/authorizations?idTag=BAD").status == 404


def test_half_a_request_and_nothing(server: Server) -> None:
    assert b" 200 " not in ask(server, b"GET /healthz HT")
    assert ask(server, b"") == b""


def test_the_answer_to_a_command_that_takes_a_while(server: Server) -> None:
    body = b'{"chargePointId":"SLOW"}'
    head = ("Content-Type: application/json", f"Content-Length: {len(body)}")
    answers: list[bytes] = []
    with connected(server.url, "SLOW") as station:
        station.boot()
        waiting = Thread(
            target=lambda: answers.append(
                ask(server, request("POST", "/api/commands/clear-cache", *head, body=body))
            )
        )
        waiting.start()
        _, number, action, _ = json.loads(station.websocket.recv(timeout=5))
        assert action == "ClearCache"
        station.websocket.send(json.dumps([3, number, {"status": "Accepted"}]))
        waiting.join(5)
    assert answers[0].startswith(b"HTTP/1.1 200"), answers
    assert b"Accepted" in answers[0]


@pytest.mark.parametrize("reset", [False, True])
def test_who_is_gone_altogether_leaves_nothing_behind(server: Server, reset: bool) -> None:
    server.request("GET", "/healthz")
    before = descriptors(server)
    for path in ("/healthz", "/api/authorizations", "/docs"):
        for _ in range(20):
            with opened(server.api_port, request("GET", path)) as sock:
                if reset:
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    until(lambda: descriptors(server) <= before)
