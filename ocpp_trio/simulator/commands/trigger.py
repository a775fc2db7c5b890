"""Messages asked for: RemoteTrigger (section 5.17) and its extension (Security Whitepaper 5.5)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from ocpp_trio.ocppj.frames import Payload
from ocpp_trio.simulator.commands.replies import accepted, rejected
from ocpp_trio.simulator.commands.security import sign_certificate
from ocpp_trio.simulator.connection import Response
from ocpp_trio.simulator.session import CONNECTOR

if TYPE_CHECKING:
    from ocpp_trio.simulator.charge_point import ChargePoint

# The extension's word for new firmware means the signed kind.
EXTENDED = {
    "FirmwareStatusNotification": "SignedFirmwareStatusNotification",
    "SignChargePointCertificate": "SignCertificate",
}


def trigger_message(point: ChargePoint, request: Payload) -> Response:
    """Section 5.17."""
    return _triggered(point, request["requestedMessage"], request.get("connectorId"))


def extended_trigger_message(point: ChargePoint, request: Payload) -> Response:
    """Security Whitepaper section 5.5."""
    wanted: str = request["requestedMessage"]
    return _triggered(point, EXTENDED.get(wanted, wanted), request.get("connectorId"))


def _triggered(point: ChargePoint, action: str, connector_id: int | None) -> Response:
    allowed = {None, 0, CONNECTOR} if action == "StatusNotification" else {None, CONNECTOR}
    if connector_id not in allowed:
        return rejected()

    async def boot() -> None:
        await point.uplink.boot_again()

    async def meter_values() -> None:
        payload = point.meter_values("Trigger")
        if point.session is not None and point.session.transaction.id is not None:
            payload["transactionId"] = point.session.transaction.id
        await point.uplink.notify("MeterValues", payload, at_once=True)

    async def status_notification() -> None:
        for number in (0, CONNECTOR) if connector_id is None else (connector_id,):
            await point.report_status(number, at_once=True)

    async def heartbeat() -> None:
        await point.uplink.notify("Heartbeat", {}, at_once=True)

    async def job_status() -> None:
        await point.uplink.notify(action, point.jobs.status(action), at_once=True)

    async def sign() -> None:
        await sign_certificate(point)

    special: dict[str, Callable[[], Awaitable[None]]] = {
        "BootNotification": boot,
        "Heartbeat": heartbeat,
        "MeterValues": meter_values,
        "SignCertificate": sign,
        "StatusNotification": status_notification,
    }
    return accepted(lambda: point.spawn(special.get(action, job_status)))
