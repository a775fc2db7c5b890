"""Bytes that end the servers of the libraries: here each ends its own connection at most."""

import json
import socket
import struct
import threading
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.support.server import Server, running
from tests.support.sync_station import connected, whole_session

UPGRADE = (
    b"GET /EVIL HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    b"Sec-WebSocket-Protocol: ocpp1.6\r\n\r\n"
)

HANDSHAKES = {
    "host is not text": UPGRADE.replace(b"localhost", b"\xff"),
    "host is broken punycode": UPGRADE.replace(b"localhost", b"xn--999999999"),
    "connection is not text": UPGRADE.replace(b"Connection: Upgrade", b"Connection: \xff"),
    "subprotocol is not text": UPGRADE.replace(b"ocpp1.6", b"\xff"),
    "extension is not text": UPGRADE.replace(
        b"\r\n\r\n", b"\r\nSec-WebSocket-Extensions: \xff\r\n\r\n"
    ),
    "not HTTP at all": b"\x00\xff" * 2_000,
    "TLS hello on a plain port": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 500,
    "a header without end": b"GET /EVIL HTTP/1.1\r\nX: " + b"a" * 200_000,
    "a path of other bytes": UPGRADE.replace(b"/EVIL", b"/\xff\xfe%00%ff"),
    "an older version": UPGRADE.replace(b"Version: 13", b"Version: 8"),
    "two hosts": UPGRADE.replace(b"Host: localhost", b"Host: a\r\nHost: b"),
    "half a handshake": UPGRADE[:60],
}

HTTP = {
    "h2c with broken settings": b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade,"
    b" HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAAA\r\n\r\n",
    "prior knowledge HTTP/2, path not text": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
    b"\x00\x00\x0c\x01\x05\x00\x00\x00\x01\x82\x86\x04\x05/\xff\xfe\xff\xff\x41\x00",
    "websocket with a header that is not text": UPGRADE.replace(b"localhost", b"\xff"),
    "a byte behind an upgrade": UPGRADE + b"x",
    "not HTTP at all": b"\xff" * 4_000,
    "a chunk of nonsense": b"POST /api/authorizations HTTP/1.1\r\nHost: localhost\r\n"
    b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    "a negative length": b"POST /api/authorizations HTTP/1.1\r\nHost: localhost\r\n"
    b"Content-Length: -5\r\n\r\n",
    "a header without end": b"GET / HTTP/1.1\r\nX: " + b"a" * 200_000,
    "a target that is not text": b"GET /\xff\xfe HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "half a request": b"GET /api/status HT",
    "a method in other letters": b"hEAD /docs HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "HTTP/2 where an upgrade was asked for": b"GET /docs HTTP/1.1\r\nHost: localhost\r\n"
    b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: \r\n\r\n"
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00",
}

FRAMES = {
    "not JSON": "[2,",
    "deep": "[" * 100_000,
    "deep inside a call": '[2,"d","Heartbeat",{"a":' + "[" * 500 + "]" * 500 + "}]",
    "huge number": '[2,"n","StatusNotification",{"connectorId":1' + "0" * 5_000 + "}]",
    "not a number": '[2,"n","StatusNotification",{"connectorId":NaN}]',
    "lone surrogate": '[2,"s","Authorize",{"idTag":"\\ud800"}]',
    "action as a path": '[2,"p","../../v201/schemas/BootNotificationRequest",{}]',
    "an id of a megabyte": '[2,"' + "i" * 1_000_000 + '","Heartbeat",{}]',
    "id is an object": '[2,{"x":1},["A"],null]',
    "unknown type": '[9,"x"]',
    "not an array": '{"a":1}',
    "answer to nothing": '[3,"nobody asked",{"status":"Accepted"}]',
}

RAW_FRAMES = {
    "reserved bit": b"\xc1\x80\0\0\0\0",
    "not masked": b"\x81\x02hi",
    "announces 2**62 bytes": b"\x81\xff" + struct.pack("!Q", 2**62) + b"\0\0\0\0",
    "bad UTF-8": b"\x81\x82\0\0\0\0\xff\xfe",
    "continuation of nothing": b"\x80\x80\0\0\0\0",
    "an unknown opcode": b"\x83\x80\0\0\0\0",
    "a close frame of one byte": b"\x88\x81\0\0\0\0x",
    "a long ping": b"\x89\xfe" + struct.pack("!H", 200) + b"\0\0\0\0" + b"x" * 200,
    "fragments without end": b"\x01\x80\0\0\0\0" + b"\x00\x80\0\0\0\0" * 20_000,
    "close, then more": b"\x88\x82\0\0\0\0\x03\xe8" + b"\x81\x82\0\0\0\0hi" * 5,
}

_names = count(1)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all that is hostile; short time limits."""
    folder: Path = tmp_path_factory.mktemp("hostile")
    limits = {"OCPP_HANDSHAKE_TIMEOUT": "1", "OCPP_HEADER_TIMEOUT": "1", "OCPP_BODY_TIMEOUT": "1"}
    with running(folder, **limits) as started:
        assert started.request("POST", "/api/authorizations", {"idTag": "TAG"}).status == 201
        yield started
        assert started.stop() == 0
        assert started.errors() == []


def is_well(server: Server) -> None:
    """The process lives, the API answers, and a fresh station completes a session."""
    assert server.process is not None
    assert server.process.poll() is None, server.log()
    number = whole_session(server.url, f"GOOD{next(_names)}", "TAG")
    (transaction,) = server.get(f"/api/transactions?transactionId={number}")
    assert transaction["energyDelivered"] == 1.0
    assert server.request("GET", "/healthz").status == 200


def pour(port: int, data: bytes, *, reset: bool = False) -> bytes:
    """Send bytes to a port, read what comes back until it closes or 3 s pass."""
    received = b""
    with socket.create_connection(("127.0.0.1", port), timeout=3) as sock:
        try:
            sock.sendall(data)
            if reset:
                linger = struct.pack("ii", 1, 0)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                return b""
            while chunk := sock.recv(65536):
                received += chunk
        except OSError:
            pass
    return received


@pytest.mark.parametrize("port", ["websocket_port", "api_port"])
@pytest.mark.parametrize("name", [*HANDSHAKES, *HTTP])
def test_hostile_handshakes_and_requests(server: Server, name: str, port: str) -> None:
    sent = {**HANDSHAKES, **HTTP}[name]
    number: int = getattr(server, port)
    answer = pour(number, sent)
    assert b"Traceback" not in answer
    # The API speaks HTTP/1.1 only: it agrees to no upgrade.
    may_upgrade = port == "websocket_port" and name == "a byte behind an upgrade"
    assert answer[9:12] not in ({b"500"} if may_upgrade else {b"101", b"500"})
    pour(number, sent, reset=True)
    is_well(server)


def test_compression_is_never_agreed_to(server: Server) -> None:
    offer = b"\r\nSec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.websocket_port), timeout=5) as sock:
        sock.sendall(UPGRADE.replace(b"\r\n\r\n", offer))
        answer = sock.recv(4096)
        assert b" 101 " in answer
        assert b"extensions" not in answer.lower()
        # Compressed all the same, as the reserved bit says: that ends the connection.
        sock.sendall(b"\xc1\x80\0\0\0\0")
        while sock.recv(4096):
            pass
    is_well(server)


@pytest.mark.parametrize("name", FRAMES)
def test_hostile_messages(server: Server, name: str) -> None:
    with connected(server.url, f"ODD{next(_names)}") as station:
        station.boot()
        station.websocket.send(FRAMES[name])
        station.websocket.send(json.dumps([2, "after", "Heartbeat", {}]))
        while True:
            text = station.websocket.recv(timeout=5)
            assert len(text) < 512
            if json.loads(text)[1] == "after":
                break
    is_well(server)


@pytest.mark.parametrize("name", RAW_FRAMES)
def test_hostile_frames(server: Server, name: str) -> None:
    with socket.create_connection(("127.0.0.1", server.websocket_port), timeout=5) as sock:
        sock.sendall(UPGRADE)
        assert b" 101 " in sock.recv(4096)
        try:
            sock.sendall(RAW_FRAMES[name])
            if name == "announces 2**62 bytes":
                sock.shutdown(socket.SHUT_WR)
            while sock.recv(65536):
                pass
        except ConnectionError:
            pass
    is_well(server)


def test_garbage_and_reset_many_times(server: Server) -> None:
    for _ in range(50):
        pour(server.websocket_port, UPGRADE + b"\xff" * 100, reset=True)
        pour(server.websocket_port, b"\xff" * 100, reset=True)
        pour(server.api_port, UPGRADE, reset=True)
    is_well(server)


def test_silent_and_slow_peers_are_dropped(server: Server) -> None:
    began = time.monotonic()
    results: list[float] = []

    def trickle(port: int) -> None:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as sock:
            try:
                for byte in UPGRADE * 3:
                    sock.sendall(bytes([byte]))
                    time.sleep(0.05)
            except OSError:
                pass
            results.append(time.monotonic() - began)

    threads = [
        threading.Thread(target=trickle, args=(port,))
        for port in (server.websocket_port, server.api_port)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(results) < 6
    is_well(server)


def test_a_slow_body_and_a_large_body(server: Server) -> None:
    head = (
        b"POST /api/authorizations HTTP/1.1\r\nHost: localhost\r\n"
        b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    )
    assert b" 408 " in pour(server.api_port, head % 100 + b"{")
    assert b" 413 " in pour(server.api_port, head % 2_000_000 + b"{")
    is_well(server)
