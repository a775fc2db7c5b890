"""StartTransaction (OCPP 1.6 section 4.8): a session begins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog

from ocpp_trio.central.handlers.write import Write
from ocpp_trio.domain import rules
from ocpp_trio.ocppj.frames import Payload, payload_text
from ocpp_trio.ocppj.peer import Request
from ocpp_trio.store import starts

if TYPE_CHECKING:
    from ocpp_trio.central.session import Session

log = structlog.get_logger(source="charge point")


def _unit(session: Session, request: Request) -> tuple[Any, ...]:
    central = session.central
    payload = request.call.payload
    central.clocks.observe(session, payload["timestamp"])
    return (
        starts.start,
        session.charge_point_id,
        payload,
        payload_text(request.text, "StartTransaction"),
        central.settings.unknown_tags == "accept",
        central.now(),
        central.settings.review_limit,
        central.settings.unknown_tags_limit,
    )


def _answer(session: Session, request: Request, started: starts.Started) -> Payload:
    payload = request.call.payload
    if started.overflow:
        session.complaints.overflow()
    session.know_transaction(started.transaction_id)
    if started.info.status == rules.INVALID:
        session.central.hints.refused_tag(session.charge_point_id, payload["idTag"])
    log.info(
        "start repeated" if started.is_replay else "transaction started",
        charge_point=session.charge_point_id,
        transaction=started.transaction_id,
        connector=payload["connectorId"],
        tag=started.info.status,
    )
    return {"transactionId": started.transaction_id, "idTagInfo": started.info.payload()}


start_transaction = Write(_unit, _answer)
"""Store the start and answer its id; a refused start has one too. A replay changes nothing."""
