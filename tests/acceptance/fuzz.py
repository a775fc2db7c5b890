"""Random bytes against a live server, on both ports: nothing that comes may do it any harm.

    python -m tests.acceptance.fuzz --minutes 10 [--seed N]

Each input is made from the seed and its own number, so that one that did harm can be made again:

    python -m tests.acceptance.fuzz --seed N --from 4711 --count 1
"""

from __future__ import annotations

import argparse
import random
import socket
import struct
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import NamedTuple

from tests.acceptance import scorecard
from tests.acceptance.raw import call, frame, request, upgrade
from tests.support.server import Server

SHORT_LIMITS = {
    "OCPP_HANDSHAKE_TIMEOUT": "1",
    "OCPP_HEADER_TIMEOUT": "1",
    "OCPP_BODY_TIMEOUT": "1",
    "OCPP_SEND_TIMEOUT": "1",
    "OCPP_CLOSE_TIMEOUT": "0.5",
}
CHECK_EVERY = 500
"""Inputs between two looks at the server; a station also completes a session then."""
READ_LIMIT = 0.02
"""Seconds that an answer is waited for: what comes later is not of interest."""

STATIONS, API = "stations", "API"

BOOT = {"chargePointVendor": "V", "chargePointModel": "M"}
START = {"connectorId": 1, "idTag": "TAG", "meterStart": 0, "timestamp": "2026-11-23T08:00:00Z"}
SAMPLE = {"timestamp": "2026-11-23T08:00:00Z", "sampledValue": [{"value": "1.5", "unit": "kWh"}]}
METER = {"connectorId": 1, "transactionId": 1, "meterValue": [SAMPLE] * 3}

FRAMES = (
    call("BootNotification", BOOT),
    call("StartTransaction", START),
    call("MeterValues", METER),
    call("Heartbeat", {}, "x" * 36),
    frame(b'[3,"1",{"status":"Accepted"}]'),
    frame(b'[4,"1","GenericError","",{}]'),
    frame(b'[2,"1","Heart', 0x01) + frame(b'beat",{}]', 0x80),
    frame(b"ping", 0x89) + frame(b"pong", 0x8A),
    frame(b"\x03\xe8bye", 0x88),
    frame(b"\x00\xff", 0x82),
)
UPGRADES = (
    upgrade("FUZZ"),
    upgrade("RDAM%20123", "Authorization: Basic RlVaWjo="),
    upgrade("FUZZ", "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"),
    upgrade("ocpp/FUZZ?x=1", protocol="ocpp2.0.1, ocpp1.6"),
)
JSON = "Content-Type: application/json"
REQUESTS = (
    request("GET", "/api/status"),
    request("GET", "/api/transactions?limit=5&offset=2&chargePointId=FUZZ"),
    request("GET", "/api/charge-points/RDAM%20123"),
    request("HEAD", "/docs"),
    request("POST", "/api/authorizations", JSON, "Content-Length: 14", body=b'{"idTag":"AB"}'),
    request(
        "POST",
        "/api/authorizations",
        JSON,
        "Transfer-Encoding: chunked",
        body=b'5\r\n{"idT\r\n9\r\nag":"AB"}\r\n0\r\n\r\n',
    ),
    request("POST", "/api/commands/reset", JSON, "Expect: 100-continue", "Content-Length: 2"),
    request("GET", "/healthz", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c"),
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00",
    UPGRADES[0],
)
TLS_HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"

PIECES = (
    *(b"\x00", b"\xff", b"\r\n", b"\n", b"\r\n\r\n", b":", b" ", b"%", b"%00", b"%ff", b"\x1b[2J"),
    *(b"[", b"{", b'"', b"\\ud800", b"\\u0000", b"NaN", b"1e999", b"-1", b"9" * 5_000, b"[" * 500),
    *(b"\x80\x80\0\0\0\0", b"\x81\x7f" + b"\xff" * 8, b"\xc1\x80\0\0\0\0", b"\x88\x80\0\0\0\0"),
    *(b"Host: \xff", b"Content-Length: 5", b"Transfer-Encoding: chunked", b"Upgrade: websocket"),
    *(b"xn--999999999", b"HTTP/9.9", b"\x16\x03\x01", b"a" * 70_000, b"\xed\xa0\x80", TLS_HELLO),
)


class Input(NamedTuple):
    """What goes to one port: pieces of bytes, and how the connection ends."""

    port: str
    pieces: list[bytes]
    reset: bool


def make(seed: int, number: int) -> Input:
    """The input of a seed with this number: always the same."""
    chance = random.Random(f"{seed}/{number}")
    port = chance.choice((STATIONS, STATIONS, API))
    if port == API:
        data = b"".join(chance.choices(REQUESTS, k=chance.randint(1, 3)))
    else:
        data = chance.choice(UPGRADES)
        if chance.random() < 0.8:
            # The handshake itself stays whole, or the frames would not be looked at.
            frames = b"".join(chance.choices(FRAMES, k=chance.randint(1, 6)))
            return _input(port, chance, [data, _mutated(chance, frames)])
    return _input(port, chance, [_mutated(chance, data)])


def _mutated(chance: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.choice((0, 1, 1, 2, 3, 8))):
        place = chance.randrange(len(changed) + 1)
        what = chance.randrange(7)
        if what == 0 and changed:
            changed[place % len(changed)] ^= 1 << chance.randrange(8)
        elif what == 1 and changed:
            changed[place % len(changed)] = chance.randrange(256)
        elif what == 2:
            del changed[place : place + chance.randint(1, 8)]
        elif what == 3:
            changed[place:place] = changed[place : place + chance.randint(1, 64)]
        elif what == 4:
            del changed[place:]
        elif what == 5:
            changed[place:place] = chance.randbytes(chance.randint(1, 32))
        else:
            changed[place:place] = chance.choice(PIECES)
    return bytes(changed)


def _input(port: str, chance: random.Random, parts: list[bytes]) -> Input:
    pieces = []
    for part in parts:
        cuts = sorted(chance.randrange(len(part) + 1) for _ in range(chance.choice((0, 0, 1, 3))))
        pieces += [
            part[start:end] for start, end in zip([0, *cuts], [*cuts, len(part)], strict=True)
        ]
    return Input(port, [piece for piece in pieces if piece], chance.random() < 0.3)


def pour(port: int, made: Input) -> bytes:
    """Send an input; what came back at once."""
    received = b""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 5) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(READ_LIMIT)
        for piece in made.pieces:
            sock.sendall(piece)
        if made.reset:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return b""
        while piece := sock.recv(65536):
            received += piece
    return received


def numbers(first: int, most: int | None, seconds: float | None) -> Iterator[int]:
    """The numbers of inputs, until there are enough or the time is over."""
    end = None if seconds is None else time.monotonic() + seconds
    for number in count(first):
        if most is not None and number - first >= most:
            return
        if end is not None and time.monotonic() > end:
            return
        yield number


def fuzz(
    folder: Path, seed: int, first: int = 0, most: int | None = None, seconds: float | None = None
) -> int:
    """Pour inputs into a server of its own; how many. Fails, naming seed and number, when the
    server is not as well as before.
    """
    poured = 0
    with scorecard.scored(folder, **SHORT_LIMITS) as (server, baseline):
        checked = first
        for number in numbers(first, most, seconds):
            answer = pour(_port(server, made := make(seed, number)), made)
            assert b"Traceback" not in answer, f"seed {seed}, input {number}: {answer!r}"
            assert not answer.startswith(b"HTTP/1.1 500"), f"seed {seed}, input {number}"
            poured += 1
            if poured % CHECK_EVERY == 0:
                _check(server, baseline, seed, checked, number)
                checked = number + 1
        _check(server, baseline, seed, checked, first + poured - 1)
    return poured


def _port(server: Server, made: Input) -> int:
    return server.websocket_port if made.port == STATIONS else server.api_port


def _check(server: Server, baseline: int, seed: int, first: int, last: int) -> None:
    try:
        scorecard.check_well(server, baseline)
    except (AssertionError, OSError) as error:
        raise AssertionError(
            f"seed {seed}, one of the inputs {first} to {last}: {error}\n{server.log()[-3000:]}"
        ) from error


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.acceptance.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, help="stop after so long (without --count: 1)")
    parser.add_argument("--seed", type=int, help="what inputs are made from (default: a new one)")
    parser.add_argument("--from", type=int, default=0, dest="first", help="number of the first")
    parser.add_argument("--count", type=int, help="stop after so many")
    given = parser.parse_args()
    seed = random.SystemRandom().randrange(2**32) if given.seed is None else given.seed
    minutes = 1.0 if given.minutes is None and given.count is None else given.minutes
    print(f"seed {seed}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        seconds = None if minutes is None else minutes * 60
        try:
            poured = fuzz(Path(folder), seed, given.first, given.count, seconds)
        except AssertionError as error:
            sys.exit(f"FAILED: {error}")
    print(f"{poured} inputs, seed {seed}: the server is as well as before")


if __name__ == "__main__":
    main()
