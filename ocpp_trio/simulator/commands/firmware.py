"""Diagnostics and new firmware: FirmwareManagement, and the Security Whitepaper's signed kind."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ocpp_trio.certificates import read_certificate
from ocpp_trio.ocppj.frames import Payload
from ocpp_trio.simulator.commands.replies import status
from ocpp_trio.simulator.connection import Response
from ocpp_trio.simulator.jobs import Job

if TYPE_CHECKING:
    from ocpp_trio.simulator.charge_point import ChargePoint

DIAGNOSTICS = "DiagnosticsStatusNotification"
FIRMWARE = "FirmwareStatusNotification"
SIGNED_FIRMWARE = "SignedFirmwareStatusNotification"

MAX_VERSION = 50


def get_diagnostics(point: ChargePoint, request: Payload) -> Response:
    """Section 5.9: an upload in two steps; the file is only named."""
    work = upload(point.faults.failure("GetDiagnostics"))
    return Response(
        {"fileName": f"diagnostics-{point.file_name}.log"},
        lambda: point.jobs.begin(DIAGNOSTICS, work),
    )


def upload(failure: str | None) -> Callable[[Job], Awaitable[None]]:
    """An upload that succeeds, or ends with `failure`."""

    async def work(job: Job) -> None:
        await job.step("Uploading")
        await job.tell(failure or "Uploaded")

    return work


def update_firmware(point: ChargePoint, request: Payload) -> Response:
    """Section 5.19: at the date it names; installed when nobody charges, then a reboot."""
    failure = point.faults.failure("UpdateFirmware")

    async def work(job: Job) -> None:
        await job.until(request["retrieveDate"])
        await job.step("Downloading")
        if failure == "DownloadFailed":
            await job.tell(failure)
            return
        await job.step("Downloaded")
        async with point.out_of_use():
            await job.step("Installing")
            if failure is not None:
                await job.tell(failure)
                return
            await point.take_firmware(version_of(request["location"]))
            await job.tell("Installed")

    return Response({}, lambda: point.jobs.begin(FIRMWARE, work))


def signed_update_firmware(point: ChargePoint, request: Payload) -> Response:
    """Security Whitepaper, use case L01: the certificate is read, the signature is not verified."""
    firmware = request["firmware"]
    try:
        read_certificate(firmware["signingCertificate"])
    except ValueError as error:
        why = f"it {error}"
        return status(
            "InvalidCertificate",
            lambda: point.reports.security_event("InvalidFirmwareSigningCertificate", why),
        )
    failure = point.faults.failure("SignedUpdateFirmware")

    async def work(job: Job) -> None:
        await job.until(firmware["retrieveDateTime"], "DownloadScheduled")
        await job.step("Downloading")
        if failure == "DownloadFailed":
            await job.tell(failure)
            return
        await job.step("Downloaded")
        if failure == "InvalidSignature":
            await job.tell(failure)
            point.reports.security_event("InvalidFirmwareSignature", firmware["location"])
            return
        await job.step("SignatureVerified")
        await job.until(firmware.get("installDateTime"), "InstallScheduled")
        async with point.out_of_use():
            await job.step("Installing")
            if failure is not None:
                await job.tell(failure)
                return
            await job.tell("InstallRebooting")
            version = version_of(firmware["location"])
            await point.take_firmware(version)
            await job.tell("Installed")
            point.reports.security_event("FirmwareUpdated", version)

    word = "AcceptedCanceled" if point.jobs.busy(SIGNED_FIRMWARE) else "Accepted"
    return status(word, lambda: point.jobs.begin(SIGNED_FIRMWARE, work, request["requestId"]))


def version_of(location: str) -> str:
    """The version that a file stands for: its name without what follows the last full stop."""
    name = urlsplit(location).path.rpartition("/")[2]
    return re.sub(r"\.[A-Za-z]\w*$", "", name)[:MAX_VERSION] or "unnamed"
