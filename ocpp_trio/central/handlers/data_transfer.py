"""DataTransfer (OCPP 1.6 section 4.3): a vendor's own data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocpp_trio.ocppj.frames import Payload
from ocpp_trio.ocppj.peer import Request
from ocpp_trio.store import notices

if TYPE_CHECKING:
    from ocpp_trio.central.session import Session

UNKNOWN_VENDOR = "UnknownVendorId"


async def data_transfer(session: Session, request: Request) -> Payload:
    """Keep what came; no vendor is known, so the answer is UnknownVendorId."""
    central = session.central
    await central.database.write(
        notices.record_transfer,
        session.charge_point_id,
        request.call.payload,
        UNKNOWN_VENDOR,
        central.now(),
    )
    return {"status": UNKNOWN_VENDOR}
