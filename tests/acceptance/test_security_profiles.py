"""A charge point on its way from no password to a certificate of its own, step by step, with the
commands and requests of docs/security.md: real server, real TLS, our simulator.
"""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio

from ocpp_trio import config
from ocpp_trio.simulator import CannotConnect, open_charge_point, open_station
from ocpp_trio.simulator.charge_point import ChargePoint
from ocpp_trio.simulator.endpoint import endpoint_of
from tests.support.server import Server, free_ports
from tests.support.tls_server import QUICK

POINT = "CP001"
LIMIT = 30


def ocpp_trio(folder: Path, *arguments: str) -> str:
    """Run a verb in a folder; what it printed."""
    known = config.variables()
    clean = {name: value for name, value in os.environ.items() if name not in known}
    done = subprocess.run(
        [sys.executable, "-m", "ocpp_trio", *arguments],
        cwd=folder,
        env=clean | {"DB_SQLITE_PATH": "ocpp.db"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


class Operator:
    """The person beside the server, who has its API."""

    def __init__(self, server: Server) -> None:
        self.server = server

    async def get(self, path: str) -> Any:
        return await trio.to_thread.run_sync(self.server.get, path)

    async def post(self, path: str, body: object) -> Any:
        """The body of the answer to a POST that must succeed."""
        answer = await trio.to_thread.run_sync(self.server.request, "POST", path, body)
        assert answer.status in {200, 201}, answer
        return answer.body

    async def command(self, name: str, **fields: Any) -> None:
        """A command that the charge point must accept."""
        body = {"chargePointId": POINT} | fields
        assert (await self.post(f"/api/commands/{name}", body))["success"], name

    async def shows(self, **wanted: Any) -> dict[str, Any]:
        """Wait until the charge point is shown with these values."""
        with trio.fail_after(LIMIT):
            while True:
                shown: dict[str, Any] = await self.get(f"/api/charge-points/{POINT}")
                if all(shown[name] == value for name, value in wanted.items()):
                    return shown
                await trio.sleep(0.05)

    async def newest(self, path: str, **wanted: Any) -> dict[str, Any]:
        """Wait until the newest of a list has these values."""
        with trio.fail_after(LIMIT):
            while True:
                found: list[dict[str, Any]] = await self.get(path)
                if found and all(found[0][name] == value for name, value in wanted.items()):
                    return found[0]
                await trio.sleep(0.05)


@pytest.mark.slow
async def test_from_nothing_to_a_certificate(tmp_path: Path) -> None:
    async def verb(*arguments: str) -> str:
        return await trio.to_thread.run_sync(partial(ocpp_trio, tmp_path, *arguments))

    await verb("ca", "init", "--organization", "Example CPO")
    await verb("ca", "server", "127.0.0.1")
    assert "Example CPO" in await verb("ca", "show")
    (wss,) = free_ports(1)
    server = Server(
        tmp_path,
        OCPP_WSS_PORT=str(wss),
        OCPP_CPO_NAME="Example CPO",
        OCPP_UNKNOWN_CHARGE_POINTS="reject",
        **QUICK,
    )
    await trio.to_thread.run_sync(server.start)
    try:
        await the_whole_way(server, f"wss://127.0.0.1:{wss}")
        assert await trio.to_thread.run_sync(server.stop) == 0
        assert server.errors() == []
        assert "PRIVATE KEY" not in server.log()
        assert b"PRIVATE KEY" not in await trio.Path(server.database).read_bytes()
    finally:
        server.end()


async def the_whole_way(server: Server, wss: str) -> None:
    operator = Operator(server)
    await operator.post("/api/charge-points", {"id": POINT})
    await operator.post("/api/authorizations", {"idTag": "TAG"})
    said: list[str] = []
    async with open_charge_point(
        server.url, POINT, secure=endpoint_of(wss), say=said.append
    ) as point:
        await operator.shows(isConnected=True, securityProfile=0)
        await up_to_a_password(operator)
        await up_to_tls(operator)
        await up_to_a_certificate(operator)
        await a_session(operator, point)
        await nobody_else_comes_in(server.url, wss)
        await a_new_certificate(operator)
        await revoked(operator)
    assert not [line for line in said if "SecurityEvent" in line]


async def up_to_a_password(operator: Operator) -> None:
    await operator.post(f"/api/charge-points/{POINT}/key/rotate", {})
    await operator.shows(isConnected=True, securityProfile=1)


async def up_to_tls(operator: Operator) -> None:
    (authority,) = await operator.get("/api/certificate-authorities")
    await operator.command(
        "install-certificate",
        certificateType="CentralSystemRootCertificate",
        certificate=authority["certificate"],
    )
    path = f"/api/charge-points/{POINT}/security-profile"
    assert (await operator.post(path, {"profile": 2}))["status"] == "Accepted"
    await operator.shows(isConnected=True, securityProfile=2, minimumProfile=2)


async def up_to_a_certificate(operator: Operator) -> None:
    trigger = partial(
        operator.command, "extended-trigger-message", requestedMessage="SignChargePointCertificate"
    )
    await trigger()
    refused = await operator.newest("/api/certificate-requests", state="rejected")
    assert refused["problem"] == "is not made out to Example CPO (OCPP_CPO_NAME)"
    await operator.command("change-configuration", key="CpoName", value="Example CPO")
    await trigger()
    await operator.newest("/api/certificate-requests", state="installed", securityProfile=2)
    issued = await operator.newest("/api/client-certificates", subject=f"CN={POINT},O=Example CPO")
    assert issued["lastUsedAt"] is None
    path = f"/api/charge-points/{POINT}/security-profile"
    assert (await operator.post(path, {"profile": 3}))["status"] == "Accepted"
    await operator.shows(isConnected=True, securityProfile=3, minimumProfile=3)
    used = await operator.newest("/api/client-certificates")
    assert used["id"] == issued["id"]
    assert used["lastUsedAt"] is not None


async def a_session(operator: Operator, point: ChargePoint) -> None:
    assert point.present("TAG")
    await operator.newest("/api/transactions?chargePointId=CP001", isComplete=False)
    with trio.fail_after(LIMIT):
        await point.bell.until(lambda: point.charging_since is not None)
    assert point.present("TAG")
    await operator.newest("/api/transactions?chargePointId=CP001", isComplete=True)


async def nobody_else_comes_in(ws: str, wss: str) -> None:
    for url in (ws, wss):
        with pytest.raises(CannotConnect) as caught:
            async with open_station(url, POINT):
                pytest.fail("let in")
        # By wss it does not even trust the server: its certificate is of our own authority.
        assert caught.value.status == (401 if url == ws else None)


async def a_new_certificate(operator: Operator) -> None:
    before = await operator.newest("/api/client-certificates")
    await operator.command(
        "extended-trigger-message", requestedMessage="SignChargePointCertificate"
    )
    await operator.newest("/api/certificate-requests", state="installed", securityProfile=3)
    with trio.fail_after(LIMIT):
        while True:
            used = await operator.newest("/api/client-certificates")
            if used["id"] != before["id"] and used["lastUsedAt"] is not None:
                break
            await trio.sleep(0.05)
    await operator.shows(isConnected=True, securityProfile=3)


async def revoked(operator: Operator) -> None:
    used = await operator.newest("/api/client-certificates")
    await operator.post(f"/api/client-certificates/{used['id']}/revoke", {"reason": "a test"})
    await operator.shows(isConnected=False, disconnectReason="its certificate was revoked")
    await trio.sleep(1)
    assert not (await operator.get(f"/api/charge-points/{POINT}"))["isConnected"]
