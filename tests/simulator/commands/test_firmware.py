"""Diagnostics and new firmware, told step by step."""

from __future__ import annotations

from typing import Any

import pytest
import trio
import trio.testing
import trustme
from trio.testing import MockClock

from tests.simulator.central import Central
from tests.simulator.conftest import PlayFleet, Present

UPDATE = {"location": "ftp://files/firmware-2.1.bin", "retrieveDate": "2026-11-23T08:00:00Z"}
PEM = trustme.CA().cert_pem.bytes().decode()


def signed(request_id: int = 7, **fields: Any) -> dict[str, Any]:
    firmware = {
        "location": "https://files/firmware-3.0.bin",
        "retrieveDateTime": "2026-11-23T08:00:00Z",
        "signingCertificate": PEM,
        "signature": "c2ln",
        **fields,
    }
    return {"requestId": request_id, "firmware": firmware}


def statuses(central: Central, action: str) -> list[str]:
    return [payload["status"] for payload in central.payloads(action)]


@pytest.mark.parametrize(
    ("faults", "last"), [((), "Uploaded"), (("GetDiagnostics=fail",), "UploadFailed")]
)
async def test_diagnostics(
    autojump_clock: MockClock, central: Central, idle: PlayFleet, faults: tuple[str], last: str
) -> None:
    action = "DiagnosticsStatusNotification"
    async with idle(faults=faults):
        answer = await central.command("GetDiagnostics", location="ftp://files/")
        assert answer == {"fileName": "diagnostics-SIM0001.log"}
        await central.until(action)
        await central.status("TriggerMessage", requestedMessage=action)
        await central.until(action, 3)
        assert statuses(central, action) == ["Uploading", "Uploading", last]
        await trio.testing.wait_all_tasks_blocked()
        await central.status("TriggerMessage", requestedMessage=action)
        assert (await central.until(action, 4))["status"] == "Idle"


async def test_new_firmware_at_its_time_and_a_reboot(
    autojump_clock: MockClock, central: Central, idle: PlayFleet
) -> None:
    async with idle():
        later = UPDATE | {"retrieveDate": "2026-11-23T08:01:00Z"}
        assert await central.command("UpdateFirmware", **later) == {}
        await trio.sleep(59)
        assert central.actions() == []
        await central.until("1 Available", 1)
        assert central.connections == 2
        assert central.payloads("BootNotification")[0]["firmwareVersion"] == "firmware-2.1"
        firmware = "FirmwareStatusNotification"
        assert statuses(central, firmware) == [
            "Downloading",
            "Downloaded",
            "Installing",
            "Installed",
        ]
        said = central.actions()
        assert said.index("1 Unavailable") < said.index("BootNotification")


@pytest.mark.parametrize(
    ("failure", "told"),
    [
        ("DownloadFailed", ["Downloading", "DownloadFailed"]),
        ("InstallationFailed", ["Downloading", "Downloaded", "Installing", "InstallationFailed"]),
    ],
)
async def test_firmware_that_fails(
    autojump_clock: MockClock, central: Central, idle: PlayFleet, failure: str, told: list[str]
) -> None:
    async with idle(faults=(f"UpdateFirmware=fail:{failure}",)):
        await central.command("UpdateFirmware", **UPDATE)
        await trio.sleep(60)
        assert statuses(central, "FirmwareStatusNotification") == told
        assert central.connections == 1
        assert central.actions()[-1] in {"1 Available", "FirmwareStatusNotification"}
        await central.status("RemoteStartTransaction", idTag="R")
        await central.until("StartTransaction")


async def test_firmware_waits_for_the_end_of_the_session(
    autojump_clock: MockClock, central: Central, idle: PlayFleet, present: Present
) -> None:
    async with idle():
        await present("TAG")
        await central.until("MeterValues")
        await central.command("UpdateFirmware", **UPDATE)
        await trio.sleep(100)
        assert statuses(central, "FirmwareStatusNotification") == ["Downloading", "Downloaded"]
        await present("TAG")
        await central.until("1 Unavailable")
        assert await present("TAG") == "Rejected"
        await central.until("1 Available")
        assert statuses(central, "FirmwareStatusNotification")[-1] == "Installed"


SIGNED = "SignedFirmwareStatusNotification"
TRAIN = ["Downloading", "Downloaded", "SignatureVerified", "Installing", "InstallRebooting"]


async def test_signed_firmware(
    autojump_clock: MockClock, central: Central, idle: PlayFleet
) -> None:
    async with idle():
        assert await central.status("SignedUpdateFirmware", **signed()) == "Accepted"
        event = await central.until("SecurityEventNotification")
        assert (event["type"], event["techInfo"]) == ("FirmwareUpdated", "firmware-3.0")
        assert statuses(central, SIGNED) == [*TRAIN, "Installed"]
        assert {payload["requestId"] for payload in central.payloads(SIGNED)} == {7}
        assert central.connections == 2


async def test_signed_firmware_is_scheduled_and_broken_off_by_the_next(
    autojump_clock: MockClock, central: Central, idle: PlayFleet
) -> None:
    async with idle():
        first = signed(retrieveDateTime="2026-11-23T09:00:00Z")
        assert await central.status("SignedUpdateFirmware", **first) == "Accepted"
        await central.until(SIGNED)
        second = signed(8, installDateTime="2026-11-23T08:30:00Z")
        assert await central.status("SignedUpdateFirmware", **second) == "AcceptedCanceled"
        await central.until("SecurityEventNotification")
        assert [(each["status"], each["requestId"]) for each in central.payloads(SIGNED)] == [
            ("DownloadScheduled", 7),
            *((status, 8) for status in TRAIN[:3]),
            ("InstallScheduled", 8),
            *((status, 8) for status in TRAIN[3:]),
            ("Installed", 8),
        ]
        assert trio.current_time() == pytest.approx(1800, abs=10)


@pytest.mark.parametrize(
    ("failure", "told", "events"),
    [
        ("DownloadFailed", TRAIN[:1], []),
        ("InvalidSignature", TRAIN[:2], ["InvalidFirmwareSignature"]),
        ("InstallVerificationFailed", TRAIN[:4], []),
        ("InstallationFailed", TRAIN[:4], []),
    ],
)
async def test_signed_firmware_that_fails(
    autojump_clock: MockClock,
    central: Central,
    idle: PlayFleet,
    failure: str,
    told: list[str],
    events: list[str],
) -> None:
    async with idle(faults=(f"SignedUpdateFirmware=fail:{failure}",)):
        await central.status("SignedUpdateFirmware", **signed())
        await trio.sleep(60)
        assert statuses(central, SIGNED) == [*told, failure]
        assert [each["type"] for each in central.payloads("SecurityEventNotification")] == events
        assert central.connections == 1
        await central.status(
            "ExtendedTriggerMessage", requestedMessage="FirmwareStatusNotification"
        )
        last = await central.until(SIGNED, len(told) + 2)
        assert last == {"status": failure, "requestId": 7}


async def test_a_signing_certificate_that_is_none(
    autojump_clock: MockClock, central: Central, idle: PlayFleet
) -> None:
    async with idle():
        bad = signed(signingCertificate="-----BEGIN NOTHING-----")
        assert await central.status("SignedUpdateFirmware", **bad) == "InvalidCertificate"
        event = await central.until("SecurityEventNotification")
        assert event["type"] == "InvalidFirmwareSigningCertificate"
        assert central.payloads(SIGNED) == []


async def test_a_status_is_told_after_the_connection_came_back(
    autojump_clock: MockClock, central: Central, idle: PlayFleet
) -> None:
    async with idle():
        await central.command("GetDiagnostics", location="ftp://files/")
        await central.until("DiagnosticsStatusNotification")
        await central.drop()
        await central.until("DiagnosticsStatusNotification", 2)
        assert statuses(central, "DiagnosticsStatusNotification") == ["Uploading", "Uploaded"]
