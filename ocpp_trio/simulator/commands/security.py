"""Commands of the Security Whitepaper (edition 3): certificates and logs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocpp_trio.ocppj.frames import Payload
from ocpp_trio.simulator.commands.firmware import upload
from ocpp_trio.simulator.commands.replies import accepted, status
from ocpp_trio.simulator.configuration import CPO_NAME
from ocpp_trio.simulator.connection import Response
from ocpp_trio.simulator.credentials import CERTIFICATE

if TYPE_CHECKING:
    from ocpp_trio.simulator.charge_point import ChargePoint

LOG = "LogStatusNotification"


def install_certificate(point: ChargePoint, request: Payload) -> Response:
    """Use case M05."""
    return status(point.certificates.install(request["certificateType"], request["certificate"]))


def delete_certificate(point: ChargePoint, request: Payload) -> Response:
    """Use case M04."""
    return status(point.certificates.delete(request["certificateHashData"]))


def get_installed_certificate_ids(point: ChargePoint, request: Payload) -> Response:
    """Use case M03."""
    found = point.certificates.installed(request["certificateType"])
    if not found:
        return status("NotFound")
    return Response({"status": "Accepted", "certificateHashData": found})


def certificate_signed(point: ChargePoint, request: Payload) -> Response:
    """Use case A02: only for the charge point's own key. It is used at once."""
    problem = point.certificates.take_signed(request["certificateChain"])
    if problem is None:
        return accepted(lambda: _use_certificate(point))
    return status(
        "Rejected",
        lambda: point.reports.security_event("InvalidChargePointCertificate", problem),
    )


def _use_certificate(point: ChargePoint) -> None:
    if point.credentials.profile == CERTIFICATE:
        point.spawn(point.uplink.reconnect)


async def sign_certificate(point: ChargePoint) -> None:
    """Ask for a certificate for a new key pair (use case A02)."""
    request = point.certificates.request(point.configuration.text(CPO_NAME))
    await point.reports.send("SignCertificate", {"csr": request})


def get_log(point: ChargePoint, request: Payload) -> Response:
    """Use case N01: an upload in two steps; the file is only named."""
    work = upload(point.faults.failure("GetLog"))
    busy = point.jobs.busy(LOG)
    kind = "security" if request["logType"] == "SecurityLog" else "diagnostics"
    return Response(
        {
            "status": "AcceptedCanceled" if busy else "Accepted",
            "filename": f"{kind}-{point.file_name}.log",
        },
        lambda: point.jobs.begin(LOG, work, request["requestId"]),
    )
