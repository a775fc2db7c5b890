"""SignedFirmwareStatusNotification (Security Whitepaper section 5.19): a signed update goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocpp_trio.central.job_notices import note
from ocpp_trio.ocppj.frames import Payload
from ocpp_trio.ocppj.peer import Request

if TYPE_CHECKING:
    from ocpp_trio.central.session import Session


async def signed_firmware_status(session: Session, request: Request) -> Payload:
    """Keep the status, with the job it is about."""
    await note(session, request)
    return {}
