"""Who gets in, what leaks, what is sent where: rows of the scorecard, against a live server."""

from __future__ import annotations

import json
import socket
import sqlite3
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from tests.support.server import Answer, Server, running
from tests.support.sync_station import SyncStation, connected, whole_session
from tests.support.waiting import until

CANARY = "canary7d3f9bE1"
ADMIN = f"admin-{CANARY}"
STATION_KEY = "00c0ffee" * 5
HOSTILE = '\r\n{"level":"error"}\x1b[2J'


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


class Guarded:
    """A server that asks for keys, and requests with that of an administrator."""

    def __init__(self, server: Server) -> None:
        self.server = server

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        key: str = ADMIN,
    ) -> Answer:
        """One request."""
        return self.server.request(method, path, body, {**bearer(key), **(headers or {})})

    def key(self, role: str) -> str:
        """A new key with a role."""
        made = self.ask("POST", "/api/keys", {"name": f"for {role}", "role": role})
        assert made.status == 201
        text: str = made.body["key"]
        return text


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Guarded]:
    variables = {"OCPP_API_KEY": ADMIN, "OCPP_LOG_LEVEL": "debug", "OCPP_LOG_FORMAT": "json"}
    with running(tmp_path, OCPP_ALLOWED_HOSTS="charge.example", **variables) as server:
        opened = Guarded(server)
        yield opened
        if server.process is not None and server.process.poll() is None:
            opened.ask("POST", "/api/authorizations", {"idTag": "TAG"})
            assert whole_session(server.url, "FRESH", "TAG") > 0
            assert server.stop() == 0
        assert server.errors() == []


@contextmanager
def obedient(station: SyncStation) -> Iterator[list[Any]]:
    """A station that answers each command with what its action wants; the commands it got."""
    got: list[Any] = []
    secret = {"key": "AuthorizationKey", "readonly": False, "value": CANARY}
    answers = {
        "GetConfiguration": {"configurationKey": [secret]},
        "GetDiagnostics": {"fileName": "x"},
        "UpdateFirmware": {},
    }

    def obey() -> None:
        with suppress(Exception):
            while True:
                frame = json.loads(station.websocket.recv())
                got.append(frame)
                answer = answers.get(frame[2], {"status": "Accepted"})
                station.websocket.send(json.dumps([3, frame[1], answer]))

    thread = Thread(target=obey)
    thread.start()
    try:
        yield got
    finally:
        station.websocket.close()
        thread.join()


def test_s42_who_may_not_is_told_so_and_nothing_happens(guarded: Guarded) -> None:
    server, reader = guarded.server, guarded.key("read")
    tag = {"idTag": "NEW"}
    assert server.request("GET", "/api/status").status == 401
    assert server.request("POST", "/api/authorizations", tag).status == 401
    assert guarded.ask("GET", "/api/status", key=reader).status == 200
    assert guarded.ask("POST", "/api/authorizations", tag, key=reader).status == 403
    assert guarded.ask("GET", "/api/keys", key=reader).status == 403
    plain = {"Content-Type": "text/plain"}
    assert guarded.ask("POST", "/api/authorizations", tag, plain).status == 415
    evil = guarded.ask("GET", "/api/status", headers={"Origin": "https://evil.example"})
    assert not [name for name in evil.headers if name.lower().startswith("access-control")]
    assert guarded.ask("GET", "/api/status", headers={"Host": "evil.example"}).status == 421
    assert guarded.ask("GET", "/api/status", headers={"Host": "charge.example"}).status == 200
    large = {"idTag": "NEW", "note": "x" * 2 * 1024 * 1024}
    with suppress(ConnectionError):
        # The answer may come while the client still sends, which then cannot go on.
        assert guarded.ask("POST", "/api/authorizations", large).status == 413
    assert guarded.ask("GET", "/api/authorizations").body == []


def test_headers_of_every_answer(guarded: Guarded) -> None:
    for path in ("/api/status", "/docs", "/openapi.json", "/healthz", "/nothing"):
        headers = {name.lower(): text for name, text in guarded.ask("GET", path).headers.items()}
        assert "server" not in headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
    # What is no HTTP is answered by the library, which must not tell its name either.
    with socket.create_connection(("127.0.0.1", guarded.server.api_port), 10) as raw:
        raw.sendall(b"GET /\x01 HTTP/1.1\r\n\r\n")
        answer = raw.makefile("rb").read().lower()
    assert b"server:" not in answer
    assert b"hypercorn" not in answer


def _through_every_door(guarded: Guarded) -> None:
    """A secret in everything that is sent to the server, or that a station answers."""
    server, url = guarded.server, f"ftp://user:{CANARY}@files.example/up"
    when = "2026-11-23T08:00:00Z"
    basic = b64encode(f"CP001:{CANARY}".encode()).decode()
    for name in ("CP001", "bad\x00id"):
        with (
            suppress(InvalidStatus, ValueError),
            connect(
                f"{server.url}/{name.replace(chr(0), '%00')}",
                additional_headers={"Authorization": f"Basic {basic}"},
                subprotocols=[Subprotocol("ocpp1.6")],
            ),
        ):
            pass
    point = {"chargePointId": "CP001"}
    change = {"key": "AuthorizationKey", "value": CANARY}
    wifi = {"key": "WifiPassword", "value": CANARY}
    # What is kept for a station that is not there yet.
    kept = "/api/commands/get-diagnostics?wait=0&expires=600"
    with connected(server.url) as station:
        station.boot()
    until(lambda: not guarded.ask("GET", "/api/charge-points/CP001").body["isConnected"], 10)
    assert guarded.ask("POST", kept, point | {"location": url}).status == 202
    assert CANARY not in json.dumps(guarded.ask("GET", "/api/commands").body)
    with connected(server.url) as station:
        station.boot()
        with obedient(station) as got:
            until(lambda: len(got) == 1, 10)
            firmware = {"location": url, "retrieveDate": when}
            sent: list[tuple[str, dict[str, Any], int]] = [
                ("get-diagnostics", {"location": url}, 200),
                ("update-firmware", firmware, 200),
                ("get-configuration", {}, 200),
                ("change-configuration", wifi, 200),
                ("change-configuration", change, 403),
                ("generic", {"action": "ChangeConfiguration", "payload": change}, 403),
                ("generic", {"action": "ChangeConfiguration", "payload": wifi}, 200),
                ("generic", {"action": "Reset", "payload": {"password": CANARY}}, 400),
                ("get-diagnostics", {"location": f"gopher://u:{CANARY}@x/"}, 400),
                ("get-diagnostics", {"location": f"{url}{HOSTILE}"}, 400),
            ]
            for path, body, status in sent:
                answer = guarded.ask("POST", f"/api/commands/{path}", point | body)
                assert answer.status == status, (path, body, answer)
                assert CANARY not in json.dumps(answer.body)
            batch = {"action": "ChangeConfiguration", "payload": wifi, "chargePointIds": ["CP001"]}
            made = guarded.ask("POST", "/api/command-batches", batch)
            assert CANARY not in json.dumps(made.body)
            done = made.headers["location"]
            until(lambda: bool(guarded.ask("GET", done).body["done"]), 10)
            # The station itself got what was meant for it.
            assert [frame[3] for frame in got if frame[2] == "ChangeConfiguration"] == [wifi] * 3
            assert got[0][3]["location"] == url
    for path in ("/api/status", f"/api/status?token={CANARY}", "/nothing"):
        guarded.ask("GET", path, key=CANARY)
    guarded.ask("GET", "/api/status", headers={"X-Request-Id": f"password={CANARY}"})
    guarded.ask("POST", "/api/keys", {"name": "x", "role": "read", "password": CANARY})
    with connected(server.url) as station:
        # Frames that are no JSON are logged as well, at DEBUG.
        station.websocket.send(f'[2,"1","ChangeConfiguration",{{"key":"AuthorizationKey",{CANARY}')
        assert station.call("Heartbeat", {})[0] == 3

    # Whoever has no key of its own may come without until one is set: so it is the last.
    given = guarded.ask("POST", "/api/charge-points/CP001/key", {"key": STATION_KEY})
    assert given.status == 200
    wrong = b64encode(b"CP001:" + bytes.fromhex(STATION_KEY)[:-1]).decode()
    with (
        pytest.raises(InvalidStatus),
        connect(
            f"{server.url}/CP001",
            additional_headers={"Authorization": f"Basic {wrong}"},
            subprotocols=[Subprotocol("ocpp1.6")],
        ),
    ):
        pass


def test_s43_no_door_lets_a_secret_out(guarded: Guarded) -> None:
    _through_every_door(guarded)
    server = guarded.server
    made = guarded.key("read")
    for path in (
        "logs?limit=1000",
        "commands",
        "jobs",
        "command-batches",
        "configuration-changes",
        "charge-points/CP001/configuration",
        "review?state=all",
        "keys",
        "audit",
    ):
        answer = guarded.ask("GET", f"/api/{path}")
        assert answer.status == 200, path
        assert CANARY not in json.dumps(answer.body), path
        assert made not in json.dumps(answer.body), path
        assert STATION_KEY not in json.dumps(answer.body), path
    assert server.stop() == 0
    assert "message sent" in server.log()
    for secret in (CANARY, made, STATION_KEY):
        assert secret not in server.log()
        with closing(sqlite3.connect(server.database)) as connection:
            assert secret not in "\n".join(connection.iterdump())
        for file in server.folder.iterdir():
            assert file.is_dir() or secret.encode() not in file.read_bytes(), file


def test_s43_no_text_of_a_peer_is_a_line_of_its_own(guarded: Guarded) -> None:
    server = guarded.server
    with connected(server.url) as station:
        boot = {"chargePointVendor": "V", "chargePointModel": f"M{HOSTILE}"[:20]}
        assert station.call("BootNotification", boot)[0] == 3
        status = {"connectorId": 1, "errorCode": "OtherError", "status": "Faulted"}
        assert station.call("StatusNotification", status | {"info": HOSTILE})[0] == 3
        assert station.call("Authorize", {"idTag": HOSTILE[:20]})[0] == 3
        event = {"type": "T", "timestamp": "2026-11-23T08:00:00Z", "techInfo": HOSTILE}
        assert station.call("SecurityEventNotification", event)[0] == 3
        station.websocket.send(HOSTILE)
        assert station.call("Heartbeat", {})[0] == 3
    guarded.ask("GET", "/%0d%0a%1b[2J")
    assert server.stop() == 0
    raw = (server.folder / "server.log").read_bytes()
    assert b"\x1b" not in raw
    assert b"\r" not in raw
    lines = [line for line in server.log().splitlines() if line.startswith("{")]
    assert len(lines) > 10
    # Each is one event of our own: none begins with what a peer sent.
    assert all({"event", "level", "timestamp"} <= json.loads(line).keys() for line in lines)


REFUSED: list[tuple[str, dict[str, Any], int]] = [
    ("get-diagnostics", {"location": "file:///etc/passwd"}, 400),
    ("get-diagnostics", {"location": "ftp://files.example/\r\nDELE x"}, 400),
    ("get-diagnostics", {"location": "http://169.254.169.254/latest"}, 400),
    ("get-diagnostics", {"location": "http://2852039166/"}, 400),
    ("get-diagnostics", {"location": "http://[::ffff:169.254.169.254]/"}, 400),
    ("generic", {"action": "StartTransaction", "payload": {}}, 400),
    ("generic", {"action": "../../v201/Reset"}, 400),
    (
        "generic",
        {
            "action": "ChangeConfiguration",
            "payload": {"key": "authorizationkey", "value": "0123456789abcdef"},
        },
        403,
    ),
    (
        "change-configuration",
        {"key": "SecurityProfile", "value": "0"},
        403,
    ),
]


def test_s45_what_must_not_be_sent_is_not(guarded: Guarded) -> None:
    with connected(guarded.server.url) as station:
        station.boot()
        with obedient(station) as got:
            for path, body, status in REFUSED:
                url = f"/api/commands/{path}"
                answer = guarded.ask("POST", url, {"chargePointId": "CP001"} | body)
                assert answer.status == status, (body, answer)
            allowed = {"location": "ftp://10.0.0.1/up"}
            url = "/api/commands/get-diagnostics"
            assert guarded.ask("POST", url, {"chargePointId": "CP001"} | allowed).status == 200
            assert [frame[2:] for frame in got] == [["GetDiagnostics", allowed]]
