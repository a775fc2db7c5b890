"""What a server does while its database fails for long, whichever database it is."""

from __future__ import annotations

import http.client
import signal
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from tests.acceptance.test_sessions import simulate, summary_of, wait_for_acknowledgements
from tests.support.books import Entry, read_ledger
from tests.support.server import Server
from tests.support.waiting import until

STATIONS = 20
LOAD = ("--count", str(STATIONS), "--sessions", "100000", "--interval", "0.02", "--give-up", "60")


def connected(server: Server) -> int:
    """How many stations have a connection, by the system: the database cannot be told."""
    port = f":{server.websocket_port:04X}"
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    return sum(line.split()[1].endswith(port) and line.split()[3] == "01" for line in lines)


def is_ready(server: Server) -> bool:
    """Whether it can do its work."""
    return server.request("GET", "/readyz").status == 200


def refused_handshake(server: Server) -> int:
    """The status with which a station that comes now is turned away."""
    connection = http.client.HTTPConnection("127.0.0.1", server.websocket_port, timeout=10)
    with closing(connection):
        connection.request(
            "GET",
            "/NEW001",
            headers={
                "Connection": "Upgrade",
                "Upgrade": "websocket",
                "Sec-WebSocket-Version": "13",
                "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
                "Sec-WebSocket-Protocol": "ocpp1.6",
            },
        )
        return connection.getresponse().status


def goes_offline_and_recovers(
    server: Server,
    folder: Path,
    begin: Callable[[], object],
    end: Callable[[], object],
    meanwhile: Callable[[list[Entry]], object],
    *,
    gone_within: float,
    back_within: float,
) -> dict[str, int]:
    """Load, trouble for long, no trouble: stations are sent offline, and come back with all.

    `meanwhile` is called during the trouble, with what the stations were told. Limits in seconds.
    Returns how often the stations' connections were closed, by code.
    """
    with simulate(server, folder, *LOAD) as client:
        wait_for_acknowledgements(folder, 200)
        begin()
        until(lambda: not is_ready(server), gone_within)
        until(lambda: connected(server) == 0, gone_within)
        assert refused_handshake(server) == 503
        assert server.request("GET", "/readyz").body["failing"] == ["database"]
        assert server.request("GET", "/healthz").status == 200
        told = len(read_ledger(folder / "ledger"))
        time.sleep(0.5)
        assert len(read_ledger(folder / "ledger")) == told
        meanwhile(read_ledger(folder / "ledger"))
        end()
        until(lambda: is_ready(server), back_within)
        until(lambda: connected(server) == STATIONS, 30)
        wait_for_acknowledgements(folder, told + 200)
        client.send_signal(signal.SIGINT)
        counted = summary_of(client)
    assert server.stop() == 0
    assert server.errors() == []
    codes: dict[str, int] = counted["closeCodes"]
    return codes
