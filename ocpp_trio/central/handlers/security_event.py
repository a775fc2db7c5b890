"""SecurityEventNotification (Security Whitepaper section 5.15): something an operator must know."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from ocpp_trio.domain.security_events import CRITICAL
from ocpp_trio.ocppj.frames import Payload
from ocpp_trio.ocppj.peer import Request
from ocpp_trio.store import security_events

if TYPE_CHECKING:
    from ocpp_trio.central.session import Session

log = structlog.get_logger(source="charge point")


async def security_event(session: Session, request: Request) -> Payload:
    """Keep the event once; a critical one is raised in the log."""
    central, payload = session.central, request.call.payload
    is_new = await central.database.write(
        security_events.record, session.charge_point_id, payload, central.now()
    )
    if is_new and payload["type"] in CRITICAL:
        log.warning(
            f"critical security event {payload['type']}",
            charge_point=session.charge_point_id,
            at=payload["timestamp"],
            info=payload.get("techInfo", ""),
        )
    return {}
