"""Bytes on sockets: handshakes and frames spelled out, as no library would send them."""

from __future__ import annotations

import json
import socket
import struct

WORKED_EXAMPLE = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
"""The Sec-WebSocket-Accept that answers `upgrade` (RFC 6455 section 1.3)."""


def upgrade(name: str, *headers: str, protocol: str | None = "ocpp1.6") -> bytes:
    """A whole handshake."""
    lines = [
        f"GET /{name} HTTP/1.1",
        "Host: localhost",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        *headers,
    ]
    if protocol is not None:
        lines.append(f"Sec-WebSocket-Protocol: {protocol}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def frame(payload: bytes, first: int = 0x81, length: int | None = None) -> bytes:
    """A frame as a client sends it, masked with zeros; `length` may be a lie."""
    size = len(payload) if length is None else length
    if size < 126:
        head = bytes((first, 0x80 | size))
    elif size < 65536:
        head = bytes((first, 0x80 | 126)) + struct.pack("!H", size)
    else:
        head = bytes((first, 0x80 | 127)) + struct.pack("!Q", size)
    return head + b"\0\0\0\0" + payload


def call(action: str, payload: object, message_id: str = "1") -> bytes:
    """A CALL in one frame."""
    return frame(json.dumps([2, message_id, action, payload]).encode())


def request(method: str, path: str, *headers: str, body: bytes = b"") -> bytes:
    """An HTTP request."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *headers]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def opened(
    port: int, data: bytes = b"", *, source: str = "127.0.0.1", limit: float = 10.0
) -> socket.socket:
    """A connection from a loopback address, on which `data` was sent; waits at most `limit`."""
    sock = socket.create_connection(("127.0.0.1", port), limit, (source, 0))
    if data:
        sock.sendall(data)
    return sock


def rest(sock: socket.socket) -> bytes:
    """All that comes until the other side closes; fails if it does not within the time limit."""
    received = b""
    try:
        while piece := sock.recv(65536):
            received += piece
    except ConnectionError:
        pass
    return received


def is_open(sock: socket.socket) -> bool:
    """Whether the other side has not closed, and has sent nothing."""
    sock.setblocking(False)
    try:
        sock.recv(1)
    except BlockingIOError:
        return True
    except ConnectionError:
        return False
    return False
