"""LogStatusNotification (Security Whitepaper section 5.13): an upload of a log goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocpp_trio.central.job_notices import note
from ocpp_trio.ocppj.frames import Payload
from ocpp_trio.ocppj.peer import Request

if TYPE_CHECKING:
    from ocpp_trio.central.session import Session


async def log_status(session: Session, request: Request) -> Payload:
    """Keep the status, with the job it is about."""
    await note(session, request)
    return {}
