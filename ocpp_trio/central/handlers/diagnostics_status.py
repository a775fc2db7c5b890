"""DiagnosticsStatusNotification (OCPP 1.6 section 4.4: an upload of diagnostics goes on)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocpp_trio.ocppj.frames import Payload
from ocpp_trio.ocppj.peer import Request
from ocpp_trio.store import notices

if TYPE_CHECKING:
    from ocpp_trio.central.session import Session


async def diagnostics_status(session: Session, request: Request) -> Payload:
    """Keep the status."""
    central = session.central
    await central.database.write(
        notices.record_status,
        session.charge_point_id,
        request.call.action,
        request.call.payload["status"],
        central.now(),
    )
    return {}
