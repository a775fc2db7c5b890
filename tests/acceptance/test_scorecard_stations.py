"""Charge points that prove, or do not prove, who they are.

One test per row of the scorecard in docs/reliability.md; after each the server is as before.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.acceptance.scorecard import check_well, new_name, scored
from tests.support.server import Server, running
from tests.support.sync_station import Payload, connected
from tests.support.waiting import until

KEY = bytes.fromhex("003aff00010203040506070809101112131415fe")
WINDOW = 20
SETTINGS = {
    "OCPP_FAILURE_WINDOW": str(WINDOW),
    "OCPP_ADDRESS_FAILURES": "50",
    "OCPP_REPLACEMENTS": "5",
    "OCPP_REPLACEMENT_BLOCK": "2",
    "OCPP_TRUSTED_PROXIES": "127.0.0.9",
    "OCPP_MAX_PENDING": "5",
}


@pytest.fixture(scope="module")
def scored_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, int]]:
    with scored(tmp_path_factory.mktemp("stations"), **SETTINGS) as started:
        yield started


def with_key(server: Server, key: bytes = KEY) -> str:
    """A charge point that has this key; its id."""
    name = new_name()
    assert server.request("POST", "/api/charge-points", {"id": name}).status == 201
    set_key(server, name, key)
    return name


def set_key(server: Server, name: str, key: bytes = KEY) -> None:
    body = {"key": key.hex()}
    assert server.request("POST", f"/api/charge-points/{name}/key", body).status == 200


def basic(name: str, key: bytes) -> dict[str, str]:
    sent = base64.b64encode(name.encode() + b":" + key).decode()
    return {"Authorization": f"Basic {sent}"}


def knock(
    server: Server,
    name: str,
    key: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    source: str = "127.0.0.1",
) -> tuple[int, Mapping[str, str]]:
    """The status and headers of a handshake; with 101 it is closed again at once."""
    sent = (basic(name, key) if key is not None else {}) | dict(headers or {})
    try:
        with connected(server.url, name, headers=sent, source=source):
            return 101, {}
    except InvalidStatus as refused:
        response = refused.response
    assert not response.body
    return response.status_code, response.headers


def row(server: Server, name: str) -> Payload:
    found: Payload = server.get(f"/api/charge-points/{name}")
    return found


def test_s01_who_has_a_key_must_present_it(well_server: Server) -> None:
    name = with_key(well_server)
    before = row(well_server, name)
    status, headers = knock(well_server, name)
    assert (status, headers["WWW-Authenticate"]) == (401, 'Basic realm="OCPP"')
    for wrong in ("Basic", "Basic !!!", "Bearer é", "basic " + "A" * 5000):
        assert knock(well_server, name, headers={"Authorization": wrong})[0] == 401
    assert row(well_server, name) == before
    assert knock(well_server, name, KEY)[0] == 101


@pytest.mark.slow
def test_s02_guessing_is_slowed_down_only_where_it_is_done(well_server: Server) -> None:
    name = new_name()
    assert well_server.request("POST", "/api/charge-points", {"id": name}).status == 201
    made = well_server.request("POST", f"/api/charge-points/{name}/key", {})
    key = bytes.fromhex(made.body["key"])
    # On a slow machine one comes back meanwhile.
    seen = [knock(well_server, name, bytes([n]) * 20) for n in range(8)]
    statuses = [status for status, _ in seen]
    assert statuses[:5] == [401] * 5
    assert statuses[-1] == 429
    assert int(seen[-1][1]["Retry-After"]) >= 1
    assert knock(well_server, name, key)[0] == 429
    assert knock(well_server, name, key, source="127.0.0.2")[0] == 101
    assert well_server.get("/api/status")["limits"]["stationsLimited"] >= 2
    until(lambda: knock(well_server, name, key)[0] == 101, WINDOW)


def test_s03_strangers_wait_within_bounds(well_server: Server) -> None:
    forwarded = {"X-Forwarded-For": "203.0.113.7"}
    names = [new_name() for _ in range(7)]
    with connected(well_server.url, names[0], headers=forwarded) as station:
        assert station.boot()["status"] == "Pending"
    statuses = [knock(well_server, name, headers=forwarded)[0] for name in names]
    assert statuses == [101] * 5 + [404] * 2
    pending = well_server.get("/api/charge-points?registration=Pending")
    assert [each["id"] for each in pending] == sorted(names[:5])
    # One call lets a stranger in, with a key; another turns it away.
    adopted = well_server.request("POST", f"/api/charge-points/{names[0]}/adopt?issueKey=true")
    key = bytes.fromhex(adopted.body["key"])
    assert knock(well_server, names[0])[0] == 401
    with connected(well_server.url, names[0], headers=basic(names[0], key)) as station:
        assert station.boot()["status"] == "Accepted"
    assert well_server.request("POST", f"/api/charge-points/{names[1]}/block").status == 200
    with connected(well_server.url, names[1]) as station:
        assert station.boot()["status"] == "Rejected"
    for name in names[:5]:
        well_server.request("DELETE", f"/api/charge-points/{name}")


def test_s03_who_is_unknown_is_refused_and_guessing_ids_is_slowed_down(tmp_path: Path) -> None:
    settings = SETTINGS | {"OCPP_UNKNOWN_CHARGE_POINTS": "reject", "OCPP_FAILURE_WINDOW": "600"}
    with running(tmp_path, **settings) as server:
        name = with_key(server)
        with ThreadPoolExecutor(8) as guessers:
            seen = list(guessers.map(lambda n: knock(server, f"GUESS{n}")[0], range(200)))
        assert set(seen) == {404, 429}
        assert 50 <= seen.count(404) <= 55
        # Who shares the address and has its key goes on.
        assert knock(server, name, KEY)[0] == 101
        assert [each["id"] for each in server.get("/api/charge-points")] == [name]
        assert server.stop() == 0
        assert server.errors() == []


def test_s04_a_key_of_any_bytes(well_server: Server) -> None:
    name = with_key(well_server)
    assert knock(well_server, name, KEY)[0] == 101
    assert knock(well_server, name, KEY.hex().encode())[0] == 101
    assert knock(well_server, name, KEY[:-1] + b"\xff")[0] == 401
    assert row(well_server, name)["securityProfile"] == 1


def test_s06_who_must_use_tls_may_not_come_without(well_server: Server) -> None:
    name = with_key(well_server)
    change = {"minimumProfile": 2}
    assert well_server.request("PATCH", f"/api/charge-points/{name}", change).status == 200
    assert knock(well_server, name, KEY)[0] == 401
    # Anybody can say so; only a proxy that is trusted is believed.
    assert knock(well_server, name, KEY, headers={"X-Forwarded-Proto": "https"})[0] == 401
    proxied = {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https"}
    assert knock(well_server, name, KEY, proxied)[0] == 401
    assert knock(well_server, name, KEY, proxied, "127.0.0.9")[0] == 101
    after = row(well_server, name)
    assert (after["securityProfile"], after["remoteAddress"]) == (2, "203.0.113.7")
    proxied["X-Forwarded-Proto"] = "https, http"
    assert knock(well_server, name, KEY, proxied, "127.0.0.9")[0] == 401


def test_s07_the_newest_connection_wins_and_gets_the_commands(well_server: Server) -> None:
    name = with_key(well_server)
    headers = basic(name, KEY)

    def command() -> Any:
        body = {"chargePointId": name, "type": "Soft"}
        return well_server.request("POST", "/api/commands/reset", body)

    with (
        ThreadPoolExecutor(2) as operators,
        connected(well_server.url, name, headers=headers) as first,
    ):
        first.boot()
        under_way = operators.submit(command)
        assert json.loads(first.websocket.recv(timeout=5))[2] == "Reset"
        began = time.monotonic()
        with connected(well_server.url, name, headers=headers) as second:
            with pytest.raises(ConnectionClosed) as closed:
                first.websocket.recv(timeout=5)
            assert time.monotonic() - began < 1
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1008
            assert under_way.result(5).body["type"] == "command-replaced"
            second.call("Heartbeat", {})
            new = operators.submit(command)
            _, message_id, *_ = json.loads(second.websocket.recv(timeout=5))
            second.websocket.send(json.dumps([3, message_id, {"status": "Accepted"}]))
            assert new.result(5).body["success"] is True
            # The late goodbye of the first has not taken the second down.
            assert row(well_server, name)["isConnected"] is True
    states = [each["state"] for each in well_server.get(f"/api/commands?chargePointId={name}")]
    assert states == ["accepted", "replaced"]


def test_s07_who_pushes_itself_out_again_and_again_is_blocked_for_a_while(
    well_server: Server,
) -> None:
    name = with_key(well_server)
    headers = basic(name, KEY)
    with connected(well_server.url, name, headers=headers) as first:
        first.boot()
        for _ in range(5):
            with connected(well_server.url, name, headers=headers):
                until(lambda: row(well_server, name)["isConnected"])
                with connected(well_server.url, name, headers=headers):
                    pass
    until(lambda: row(well_server, name)["blockedUntil"])
    status, told = knock(well_server, name, KEY)
    assert status == 429
    assert int(told["Retry-After"]) <= 2
    (event,) = well_server.get(f"/api/security-events?chargePointId={name}")
    assert event["type"] == "ConnectionReplacedTooOften"
    until(lambda: knock(well_server, name, KEY)[0] == 101, 5)


def test_after_all_of_them_the_server_is_well(scored_server: tuple[Server, int]) -> None:
    check_well(*scored_server)


def test_no_key_is_in_the_database_or_the_log(well_server: Server) -> None:
    name = new_name()
    assert well_server.request("POST", "/api/charge-points", {"id": name}).status == 201
    made = well_server.request("POST", f"/api/charge-points/{name}/key", {}).body["key"]
    knock(well_server, name, bytes.fromhex(made))
    knock(well_server, name, b"canary canary canary")
    stored = b"".join(path.read_bytes() for path in well_server.folder.glob("ocpp.db*"))
    log = well_server.log()
    for canary in (bytes.fromhex(made), made.encode(), b"canary canary"):
        assert canary not in stored
        assert canary.decode("latin-1") not in log
        assert base64.b64encode(f"{name}:".encode() + canary)[:-4] not in stored + log.encode()
