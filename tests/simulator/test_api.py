"""Registering tags over HTTP, against a small server of the standard library."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from ocpp_trio.simulator.api import ApiError, register_tags

pytestmark = pytest.mark.real


class Server(ThreadingHTTPServer):
    """Answers every POST with `status` and `body`; keeps what came."""

    status = 201
    body = b"{}"

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests: list[tuple[str, str | None, Any]] = []

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        server = self.server
        assert isinstance(server, Server)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        assert self.headers["Content-Type"] == "application/json"
        server.requests.append((self.path, self.headers["Authorization"], json.loads(body)))
        self.send_response(server.status)
        self.send_header("Content-Length", str(len(server.body)))
        self.end_headers()
        self.wfile.write(server.body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    """A running server."""
    with Server() as started:
        thread = threading.Thread(target=started.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield started
        started.shutdown()
        thread.join()


async def test_every_tag_is_posted_once(server: Server) -> None:
    await register_tags(server.url + "/", None, ["A", "B"], timeout=5.0)
    assert server.requests == [
        ("/api/authorizations", None, {"idTag": "A", "status": "Accepted"}),
        ("/api/authorizations", None, {"idTag": "B", "status": "Accepted"}),
    ]


async def test_the_key_is_a_bearer_token(server: Server) -> None:
    await register_tags(server.url, "secret", ["A"], timeout=5.0)
    assert server.requests[0][1] == "Bearer secret"


@pytest.mark.parametrize(
    ("status", "key", "body", "words"),
    [
        (401, None, b"", "the API wants a key: --api-key"),
        (401, "bad", b"", "the API does not take this --api-key"),
        (403, "bad", b"", "--api-key"),
        (404, None, b"<html>", "is this the port of the HTTP API?"),
        (415, None, b'{"title":"Unsupported Media Type"}', r"JSON \(Unsupported Media Type\)"),
        (409, None, b'{"detail":"why not"}', r"HTTP 409 \(why not\)"),
        (500, None, b"[1]", "HTTP 500$"),
    ],
)
async def test_refusals_in_words(
    server: Server, status: int, key: str | None, body: bytes, words: str
) -> None:
    server.status, server.body = status, body
    with pytest.raises(ApiError, match=words):
        await register_tags(server.url, key, ["A", "B"], timeout=5.0)
    assert len(server.requests) == 1


async def test_what_is_not_there() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ApiError, match="connection refused"):
            await register_tags(url, None, ["A"], timeout=5.0)


@pytest.mark.parametrize("url", ["ws://h", "localhost:9001", "http://"])
async def test_what_is_no_url(url: str) -> None:
    with pytest.raises(ApiError, match="must begin with http"):
        await register_tags(url, None, ["A"], timeout=5.0)


async def test_tls_where_there_is_none(server: Server) -> None:
    url = server.url.replace("http:", "https:")
    with pytest.raises(ApiError, match="TLS"):
        await register_tags(url, None, ["A"], timeout=5.0)
