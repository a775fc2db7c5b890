"""What strangers throw at both ports: a mix of everything that costs a server something.

Runs as a process of its own, so that it does not slow down those who measure:

    python -m tests.acceptance.flooder STATIONS_PORT API_PORT RATE SECONDS

and prints, as JSON, how often each kind went out. One packet is one send on a connection.
"""

from __future__ import annotations

import json
import random
import socket
import struct
import sys
import time
from base64 import b64encode
from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress

from tests.acceptance.raw import call, frame, request, upgrade

SEED = 20261130
HELD = 2000
"""Half handshakes and half requests that are kept, and get a byte now and then."""
SOURCES = ("127.0.0.1", *(f"127.0.2.{number}" for number in range(1, 8)))
"""Half of all comes from the address of the honest stations."""
RESET = struct.pack("ii", 1, 0)
STEP = 0.01
CONNECT_LIMIT = 0.5

WRONG_KEY = "Authorization: Basic " + b64encode(b"HONEST1:not the right key").decode()
OVERSIZED = frame(b"x" * 60_000, length=2**40)
MALFORMED = frame(b"\xff\xfe") + frame(b"", 0x00) + frame(b"", 0xC1) + b"\x88\x01" + b"\xff" * 200


class Flooder:
    """Sends packets; counts them by kind."""

    def __init__(self, stations: int, api: int) -> None:
        self.sent: Counter[str] = Counter()
        self._stations = stations
        self._api = api
        self._chance = random.Random(SEED)
        self._held: deque[socket.socket] = deque()
        self._kinds: list[Callable[[], None]] = [
            *[self.trickle] * 25,
            *[self.half_handshake] * 8,
            *[self.half_request] * 7,
            *[self.garbage] * 15,
            *[self.wrong_key] * 15,
            *[self.frames_behind] * 10,
            *[self.api_without_key] * 10,
            *[self.large_body] * 5,
            *[self.upgrade_of_api] * 5,
        ]

    def packet(self) -> None:
        """One packet of some kind."""
        try:
            self._chance.choice(self._kinds)()
        except OSError:
            self.sent["turned away"] += 1

    def trickle(self) -> None:
        """One more byte on a half handshake or request."""
        if not self._held:
            self.half_handshake()
            return
        sock = self._held.popleft()
        try:
            sock.send(b"a")
        except OSError:
            sock.close()
            self.sent["trickle on a closed one"] += 1
            return
        self._held.append(sock)
        self.sent["trickle"] += 1

    def half_handshake(self) -> None:
        """A handshake that does not end."""
        self._hold(self._connected(self._stations), upgrade("HONEST1")[:90] + b"X: ")
        self.sent["half handshake"] += 1

    def half_request(self) -> None:
        """A request that does not end."""
        self._hold(
            self._connected(self._api), b"GET /api/status HTTP/1.1\r\nHost: localhost\r\nX: "
        )
        self.sent["half request"] += 1

    def garbage(self) -> None:
        """Random bytes, to either port."""
        port = self._chance.choice((self._stations, self._api))
        self._hit_and_run(port, self._chance.randbytes(self._chance.randint(1, 1400)))
        self.sent["garbage"] += 1

    def wrong_key(self) -> None:
        """A whole handshake of a registered station, with a wrong key; not from its own address:
        there even the right one would have to wait.
        """
        name = f"HONEST{self._chance.randint(0, 99)}"
        source = self._chance.choice(SOURCES[1:])
        self._hit_and_run(self._stations, upgrade(name, WRONG_KEY), source)
        self.sent["wrong key"] += 1

    def frames_behind(self) -> None:
        """Oversized or malformed frames right behind a handshake of an unknown station."""
        frames = self._chance.choice((OVERSIZED, MALFORMED, call("Heartbeat", {}) * 50))
        self._hit_and_run(self._stations, upgrade("STRANGER") + frames)
        self.sent["frames behind a handshake"] += 1

    def api_without_key(self) -> None:
        """A request with a wrong API key."""
        self._hit_and_run(
            self._api, request("GET", "/api/transactions", "Authorization: Bearer wrong")
        )
        self.sent["wrong API key"] += 1

    def large_body(self) -> None:
        """A request that announces a body of 100 MB, and the beginning of it."""
        head = ("Content-Type: application/json", "Content-Length: 100000000")
        self._hit_and_run(
            self._api, request("POST", "/api/authorizations", *head, body=b"x" * 1000)
        )
        self.sent["large body"] += 1

    def upgrade_of_api(self) -> None:
        """HTTP/2 and WebSocket, asked of the API."""
        data = self._chance.choice(
            (
                request("GET", "/", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c"),
                b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(200),
                upgrade("STRANGER"),
            )
        )
        self._hit_and_run(self._api, data)
        self.sent["upgrade of the API"] += 1

    def _connected(self, port: int, source: str = "") -> socket.socket:
        source = source or self._chance.choice((SOURCES[0], self._chance.choice(SOURCES[1:])))
        sock = socket.create_connection(("127.0.0.1", port), CONNECT_LIMIT, (source, 0))
        # Closed by a reset: this machine's ports would be used up otherwise.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        return sock

    def _hold(self, sock: socket.socket, data: bytes) -> None:
        sock.send(data)
        sock.setblocking(False)
        self._held.append(sock)
        if len(self._held) > HELD:
            self._held.popleft().close()

    def _hit_and_run(self, port: int, data: bytes, source: str = "") -> None:
        with self._connected(port, source) as sock:
            sock.settimeout(CONNECT_LIMIT)
            sock.sendall(data)
            if self._chance.random() < 0.5:
                # Half of them look at the answer, so that it is not only resets that come.
                sock.settimeout(0.002)
                with suppress(OSError):
                    sock.recv(4096)

    def run(self, rate: float, seconds: float) -> None:
        """So many packets a second, or as many as can be."""
        end = time.monotonic() + seconds
        due = 0.0
        last = time.monotonic()
        while (now := time.monotonic()) < end:
            # What could not be sent in time is not made up for.
            due = min(due + (now - last) * rate, rate * STEP * 10)
            last = now
            while due >= 1 and time.monotonic() < end:
                self.packet()
                due -= 1
            time.sleep(STEP)
        for sock in self._held:
            sock.close()


def main() -> None:
    """The command line."""
    stations, api, rate, seconds = sys.argv[1:]
    flooder = Flooder(int(stations), int(api))
    flooder.run(float(rate), float(seconds))
    print(json.dumps(flooder.sent))


if __name__ == "__main__":
    main()
