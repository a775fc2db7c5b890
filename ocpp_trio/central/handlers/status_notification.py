"""StatusNotification (OCPP 1.6 section 4.9): a connector has changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ocpp_trio.central.handlers.write import Write
from ocpp_trio.ocppj.frames import Payload
from ocpp_trio.ocppj.peer import Request
from ocpp_trio.store import connectors

if TYPE_CHECKING:
    from ocpp_trio.central.session import Session


def _unit(session: Session, request: Request) -> tuple[Any, ...]:
    central = session.central
    payload = request.call.payload
    central.clocks.observe(session, payload.get("timestamp"))
    return connectors.record_status, session.charge_point_id, payload, central.now()


def _answer(session: Session, request: Request, _: object) -> Payload:
    return {}


status_notification = Write(_unit, _answer)
"""Store the status; the newest by the station's clock is the connector's."""
