"""StatusNotification (OCPP 1.6 section 4.9): a connector has changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocpp_trio.ocppj.frames import Payload
from ocpp_trio.ocppj.peer import Request
from ocpp_trio.store import connectors

if TYPE_CHECKING:
    from ocpp_trio.central.session import Session


async def status_notification(session: Session, request: Request) -> Payload:
    """Store the status; the newest by the station's clock is the connector's."""
    central = session.central
    payload = request.call.payload
    central.clocks.observe(session, payload.get("timestamp"))
    await central.database.write(
        connectors.record_status, session.charge_point_id, payload, central.now()
    )
    return {}
