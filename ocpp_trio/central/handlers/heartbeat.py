"""Heartbeat (OCPP 1.6 section 4.6): the station is there and asks for the time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocpp_trio.domain.times import format_timestamp
from ocpp_trio.ocppj.frames import Payload
from ocpp_trio.ocppj.peer import Request

if TYPE_CHECKING:
    from ocpp_trio.central.session import Session


async def heartbeat(session: Session, request: Request) -> Payload:
    """Answer our time. When it came is written later, in a batch."""
    now = session.central.now()
    session.central.presence.heartbeat(session.charge_point_id, now)
    return {"currentTime": format_timestamp(now)}
