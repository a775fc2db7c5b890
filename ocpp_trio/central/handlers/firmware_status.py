"""FirmwareStatusNotification (OCPP 1.6 section 4.5): a firmware update goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocpp_trio.central.job_notices import note
from ocpp_trio.ocppj.frames import Payload
from ocpp_trio.ocppj.peer import Request

if TYPE_CHECKING:
    from ocpp_trio.central.session import Session


async def firmware_status(session: Session, request: Request) -> Payload:
    """Keep the status, with the job it is about."""
    await note(session, request)
    return {}
