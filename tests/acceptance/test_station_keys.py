"""Keys that are sent to charge points: whatever breaks, no charge point is locked out."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
from websockets.exceptions import InvalidStatus

from ocpp_trio.simulator import open_charge_point
from ocpp_trio.simulator.endpoint import endpoint_of
from tests.support.server import Server, running
from tests.support.sync_station import connected
from tests.support.tls_server import TlsServer, tls_server
from tests.support.waiting import until

NAME = "CP001"
POINT = f"/api/charge-points/{NAME}"


def basic(key: bytes) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{NAME}:".encode() + key).decode()}


def comes_in(server: Server, key: bytes) -> bool:
    try:
        with connected(server.url, NAME, headers=basic(key)):
            return True
    except InvalidStatus as refused:
        status = refused.response.status_code
    assert status == 401
    return False


def made_key(server: Server) -> bytes:
    """A key in force for NAME, which is registered."""
    server.request("POST", "/api/charge-points", {"id": NAME})
    return bytes.fromhex(server.request("POST", f"{POINT}/key", {}).body["key"])


@pytest.mark.slow
@pytest.mark.parametrize("first", ["old", "new"])
def test_killed_between_the_new_key_and_its_answer(tmp_path: Path, first: str) -> None:
    with running(tmp_path) as server, ThreadPoolExecutor(1) as operator:
        old = made_key(server)
        with connected(server.url, NAME, headers=basic(old)) as station:
            station.boot()
            asked = operator.submit(server.request, "POST", f"{POINT}/key/rotate", {})
            payload = json.loads(station.websocket.recv(timeout=10))[3]
            server.kill()
        with pytest.raises(ConnectionError):
            asked.result(10)
        new = bytes.fromhex(payload["value"])
        server.start()
        (record,) = server.get(f"/api/commands?chargePointId={NAME}")
        assert (record["state"], record["payload"]["value"]) == ("unknown", "********")
        if first == "old":
            assert comes_in(server, old)
        assert comes_in(server, new)
        assert not comes_in(server, old)
        assert comes_in(server, new)
        assert server.errors() == []


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[TlsServer]:
    with tls_server(tmp_path) as started:
        yield started


async def test_from_no_key_to_tls_with_the_simulator(
    secure: TlsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every step with a real charge point that obeys: a key, profile 1, a root, profile 2."""
    monkeypatch.setenv("SSL_CERT_FILE", str(secure.files / "client-ca.pem"))

    async def ask(path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = await trio.to_thread.run_sync(partial(secure.request, "POST", path, body))
        assert answer.status == 200, answer
        found: dict[str, Any] = answer.body
        assert found["success"] is True
        return found

    def shown() -> dict[str, Any]:
        found: dict[str, Any] = secure.get(POINT)
        return found

    async def shows(**expected: object) -> None:
        def as_expected() -> bool:
            found = shown()
            return found["isConnected"] and expected.items() <= found.items()

        await trio.to_thread.run_sync(until, as_expected)

    async def change(path: str, body: dict[str, Any], **expected: object) -> None:
        """A change with which it comes back on another connection."""
        before = shown()["connectedAt"]
        await ask(f"{POINT}/{path}", body)

        def is_back() -> bool:
            return bool(shown()["connectedAt"] != before)

        await trio.to_thread.run_sync(until, is_back)
        await shows(**expected)

    async with open_charge_point(secure.url, NAME, secure=endpoint_of(secure.wss)) as point:
        await shows(hasKey=False, securityProfile=0)
        await change("key/rotate", {}, hasKey=True, securityProfile=1, minimumProfile=0)
        first = point.credentials.key
        await change("key/rotate", {}, securityProfile=1)
        assert point.credentials.key not in {None, first}
        await change("security-profile", {"profile": 1}, minimumProfile=1, nextProfile=None)
        root = {
            "chargePointId": NAME,
            "certificateType": "CentralSystemRootCertificate",
            "certificate": secure.authority.cert_pem.bytes().decode(),
        }
        await ask("/api/commands/install-certificate", root)
        await change("security-profile", {"profile": 2}, securityProfile=2, minimumProfile=2)
        key = point.credentials.key
        assert key is not None
        assert not await trio.to_thread.run_sync(comes_in, secure, key)
        with trio.fail_after(10):
            await point.bell.until(lambda: point.uplink.online)
    log = secure.log()
    assert key.hex() not in log
