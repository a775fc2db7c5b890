"""The simulator against a real server: what every command makes of it, and every fault."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import trio
import trustme

from ocpp_trio.simulator import ChargePoint, open_charge_point
from tests.support.server import Answer, Server
from tests.support.waiting import until

NAME = "SIM7"
LATER = "2030-01-01T00:00:00Z"
PEM = trustme.CA().cert_pem.bytes().decode()


async def ask(server: Server, method: str, path: str, body: object = None) -> Answer:
    """One HTTP request, in a thread: the charge point runs in this one."""
    return await trio.to_thread.run_sync(partial(server.request, method, path, body))


async def eventually(question: Callable[[], bool]) -> None:
    """Wait until the server says so."""
    await trio.to_thread.run_sync(until, question)


async def command(server: Server, action: str, timeout: float = 10, **payload: Any) -> Answer:
    body = {"chargePointId": NAME, "action": action, "payload": payload}
    return await ask(server, "POST", f"/api/commands/generic?timeout={timeout}", body)


async def said(server: Server, action: str, **payload: Any) -> Any:
    """The status in the answer, or the whole answer where there is none."""
    answer = await command(server, action, **payload)
    assert answer.status == 200, answer
    return answer.body["status"] or answer.body["response"]


async def started(server: Server, point: ChargePoint) -> int:
    """The id of the running transaction."""
    with trio.fail_after(10):
        await point.bell.until(
            lambda: point.session is not None and point.session.transaction.id is not None
        )
    assert point.session is not None
    number = point.session.transaction.id
    assert number is not None
    assert (await ask(server, "GET", f"/api/transactions?transactionId={number}")).status == 200
    return number


async def test_it_obeys_every_profile(server: Server) -> None:
    for tag in ("TAG", "OTHER"):
        assert server.request("POST", "/api/authorizations", {"idTag": tag}).status == 201
    async with open_charge_point(server.url, NAME) as point:
        tell = partial(said, server)
        listed = [{"idTag": "TAG", "idTagInfo": {"status": "Accepted"}}]
        lists = {"listVersion": 3, "localAuthorizationList": listed}
        assert await tell("SendLocalList", updateType="Full", **lists) == "Accepted"
        answer = await tell("SendLocalList", updateType="Differential", **lists)
        assert answer == "VersionMismatch"
        assert await tell("GetLocalListVersion") == {"listVersion": 3}

        reservation = {"connectorId": 1, "expiryDate": LATER, "idTag": "TAG", "reservationId": 9}
        assert await tell("ReserveNow", **reservation) == "Accepted"
        assert await tell("RemoteStartTransaction", idTag="OTHER") == "Rejected"
        assert await tell("RemoteStartTransaction", idTag="TAG") == "Accepted"
        number = await started(server, point)
        (transaction,) = (await ask(server, "GET", "/api/transactions")).body
        assert transaction["reservationId"] == 9

        profile = {
            "chargingProfileId": 1,
            "transactionId": number,
            "stackLevel": 0,
            "chargingProfilePurpose": "TxProfile",
            "chargingProfileKind": "Relative",
            "chargingSchedule": {
                "chargingRateUnit": "A",
                "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 8.1}],
            },
        }
        answer = await tell("SetChargingProfile", connectorId=1, csChargingProfiles=profile)
        assert answer == "Accepted"
        composite = await command(server, "GetCompositeSchedule", connectorId=1, duration=60)
        (period,) = composite.body["response"]["chargingSchedule"]["chargingSchedulePeriod"]
        assert period["limit"] == 8.1
        assert await tell("ClearChargingProfile", id=1) == "Accepted"
        assert await tell("RemoteStopTransaction", transactionId=number) == "Accepted"
        with trio.fail_after(10):
            await point.bell.until(lambda: point.session is None)

        use: dict[str, Any] = {"certificateType": "ManufacturerRootCertificate"}
        assert await tell("InstallCertificate", certificate=PEM, **use) == "Accepted"
        installed = await command(server, "GetInstalledCertificateIds", **use)
        (hashes,) = installed.body["response"]["certificateHashData"]
        assert await tell("DeleteCertificate", certificateHashData=hashes) == "Accepted"

        update = {"location": "ftp://files.example/v2.bin", "retrieveDate": "2020-01-01T00:00:00Z"}
        assert await tell("UpdateFirmware", **update) == {}
        await eventually(
            lambda: server.get(f"/api/charge-points/{NAME}")["firmwareVersion"] == "v2"
        )
    assert server.stop() == 0
    assert server.errors() == []


async def test_every_fault(server: Server) -> None:
    faults = [
        "ClearCache=callerror:GenericError",
        "GetDiagnostics=slow:0.3",
        "GetLocalListVersion=silent",
        "Reset=refuse",
        "UnlockConnector=wrong-schema",
    ]
    async with open_charge_point(server.url, NAME, faults=faults) as point:
        refused = await command(server, "Reset", type="Soft")
        assert (refused.status, refused.body["status"]) == (200, "Rejected")
        slow = await command(server, "GetDiagnostics", location="ftp://files.example/")
        assert slow.body["success"] is True
        error = await command(server, "ClearCache")
        assert (error.status, error.body["code"]) == (502, "GenericError")
        wrong = await command(server, "UnlockConnector", connectorId=1)
        assert (wrong.status, wrong.body["type"]) == (502, "invalid-answer")
        silent = await command(server, "GetLocalListVersion", timeout=0.3)
        assert silent.status == 504

        transfer: dict[str, Any] = {"vendorId": "ocpp-trio.simulator", "messageId": "fault"}
        answer = await command(server, "DataTransfer", **transfer, data="ClearCache=late:0.6")
        assert answer.body["success"] is True
        late = await command(server, "ClearCache", timeout=0.2)
        assert late.status == 504
        number = late.body["commandId"]
        await eventually(lambda: server.get(f"/api/commands/{number}")["state"] == "late")
        answer = await command(server, "DataTransfer", **transfer, data="ClearCache=never")
        assert (answer.body["success"], answer.body["status"]) == (False, "Rejected")
        assert "none of the faults" in json.dumps(answer.body)
        point.faults.clear()
        assert (await command(server, "ClearCache")).body["success"] is True
    assert server.stop() == 0
    assert server.errors() == []
