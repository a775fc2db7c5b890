"""Where a central system is: URLs, and streams over real TLS and TCP."""

from __future__ import annotations

import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio
import trustme
from trio_websocket import WebSocketRequest, WebSocketServer, serve_websocket

from ocpp_trio.simulator import CannotConnect, open_station
from ocpp_trio.simulator.endpoint import endpoint_of


@pytest.mark.parametrize(
    ("url", "host", "path"),
    [
        ("ws://h:9000", "h:9000", "/CP%201"),
        ("wss://h/a/b/", "h", "/a/b/CP%201"),
        ("ws://u:p@h", "h", "/CP%201"),
        ("ws://[::1]:90/", "[::1]:90", "/CP%201"),
    ],
)
def test_endpoints(url: str, host: str, path: str) -> None:
    endpoint = endpoint_of(url)
    assert (endpoint.host, endpoint.resource("CP 1")) == (host, path)


@pytest.mark.parametrize("url", ["http://h", "h:9000", "ws://", "ws://h/?x=1", "ws://h:99999"])
def test_what_is_no_endpoint(url: str) -> None:
    with pytest.raises(ValueError, match=r"must|names|[Pp]ort"):
        endpoint_of(url)


@pytest.mark.real
async def test_a_port_where_nobody_listens() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"ws://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(CannotConnect, match=r"^connection refused$"):
            async with open_station(url, "CP1"):
                pytest.fail("connected")


@pytest.fixture
def authority() -> trustme.CA:
    """A certificate authority."""
    return trustme.CA()


@pytest.fixture
async def port(authority: trustme.CA, nursery: trio.Nursery) -> AsyncIterator[int]:
    """The port of a TLS server for `localhost` that accepts any station and closes with 1001."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)

    async def handle(request: WebSocketRequest) -> None:
        socket = await request.accept(subprotocol="ocpp1.6")
        await socket.aclose(1001)

    server: WebSocketServer = await nursery.start(serve_websocket, handle, "127.0.0.1", 0, context)
    yield server.port
    nursery.cancel_scope.cancel()


@pytest.mark.real
async def test_tls(
    authority: trustme.CA, port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pem = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    async with open_station(f"wss://localhost:{port}", "CP1") as station:
        assert await station.wait_closed() == 1001


@pytest.mark.real
async def test_a_certificate_that_is_not_trusted(port: int) -> None:
    with pytest.raises(CannotConnect, match=r"TLS: .*certificate verify failed"):
        async with open_station(f"wss://localhost:{port}", "CP1"):
            pytest.fail("connected")
