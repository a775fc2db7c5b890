"""What each action of a charge point does: one file per action, one function in it, one table.

A handler takes the session and the request and returns the payload of the CALLRESULT, or raises
CallRefused. It awaits the commit of what it stores before it returns, and never a CALL to its own
station.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from ocpp_trio.central.handlers.authorize import authorize
from ocpp_trio.central.handlers.boot_notification import boot_notification
from ocpp_trio.central.handlers.data_transfer import data_transfer
from ocpp_trio.central.handlers.diagnostics_status import diagnostics_status
from ocpp_trio.central.handlers.firmware_status import firmware_status
from ocpp_trio.central.handlers.heartbeat import heartbeat
from ocpp_trio.central.handlers.log_status import log_status
from ocpp_trio.central.handlers.meter_values import meter_values
from ocpp_trio.central.handlers.security_event import security_event
from ocpp_trio.central.handlers.sign_certificate import sign_certificate
from ocpp_trio.central.handlers.signed_firmware_status import signed_firmware_status
from ocpp_trio.central.handlers.start_transaction import start_transaction
from ocpp_trio.central.handlers.status_notification import status_notification
from ocpp_trio.central.handlers.stop_transaction import stop_transaction
from ocpp_trio.ocppj.frames import Payload
from ocpp_trio.ocppj.peer import Request

if TYPE_CHECKING:
    from ocpp_trio.central.session import Session

Handler = Callable[["Session", Request], Awaitable[Payload]]

HANDLERS: dict[str, Handler] = {
    "Authorize": authorize,
    "BootNotification": boot_notification,
    "DataTransfer": data_transfer,
    "DiagnosticsStatusNotification": diagnostics_status,
    "FirmwareStatusNotification": firmware_status,
    "Heartbeat": heartbeat,
    "LogStatusNotification": log_status,
    "MeterValues": meter_values,
    "SecurityEventNotification": security_event,
    "SignCertificate": sign_certificate,
    "SignedFirmwareStatusNotification": signed_firmware_status,
    "StartTransaction": start_transaction,
    "StatusNotification": status_notification,
    "StopTransaction": stop_transaction,
}
