"""StopTransaction (OCPP 1.6 section 4.10): a session ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog

from ocpp_trio.central.handlers.write import Write
from ocpp_trio.ocppj.frames import Payload, payload_text
from ocpp_trio.ocppj.peer import Request
from ocpp_trio.store import stops

if TYPE_CHECKING:
    from ocpp_trio.central.session import Session

log = structlog.get_logger(source="charge point")


def _unit(session: Session, request: Request) -> tuple[Any, ...]:
    central = session.central
    payload = request.call.payload
    central.clocks.observe(session, payload["timestamp"])
    return (
        stops.stop,
        session.charge_point_id,
        payload,
        payload_text(request.text, "StopTransaction"),
        central.now(),
        central.settings.review_limit,
    )


def _answer(session: Session, request: Request, stopped: stops.Stopped) -> Payload:
    payload = request.call.payload
    if stopped.overflow:
        session.complaints.overflow()
    level = log.info if stopped.outcome in {"stored", "repeated"} else log.warning
    level(
        "transaction stopped" if stopped.outcome == "stored" else f"stop {stopped.outcome}",
        charge_point=session.charge_point_id,
        transaction=payload["transactionId"],
        reason=payload.get("reason", "Local"),
    )
    return {} if stopped.info is None else {"idTagInfo": stopped.info.payload()}


stop_transaction = Write(_unit, _answer)
"""Store the stop; never refused. The tag's status is answered only if a tag was sent."""
