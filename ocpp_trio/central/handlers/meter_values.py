"""MeterValues (OCPP 1.6 section 4.7): readings, of a transaction or of a connector."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ocpp_trio.central.handlers.write import Write
from ocpp_trio.ocppj.frames import Payload, payload_text
from ocpp_trio.ocppj.peer import Request
from ocpp_trio.store import meter_values as store

if TYPE_CHECKING:
    from ocpp_trio.central.session import Session


def _unit(session: Session, request: Request) -> tuple[Any, ...]:
    central = session.central
    payload = request.call.payload
    transaction_id = payload.get("transactionId")
    message = store.message(
        session.charge_point_id,
        payload["connectorId"],
        transaction_id,
        payload["meterValue"],
        payload_text(request.text, "MeterValues"),
        central.now(),
        transaction_is_known=transaction_id in session.known_transactions,
        review_limit=central.settings.review_limit,
    )
    return store.record, message


def _answer(session: Session, request: Request, outcome: str) -> Payload:
    payload = request.call.payload
    session.note_metered(payload["connectorId"])
    transaction_id = payload.get("transactionId")
    if transaction_id is not None and transaction_id not in session.known_transactions:
        if outcome == store.STORED:
            session.know_transaction(transaction_id)
        elif outcome == store.OVERFLOW:
            session.complaints.overflow()
    return {}


meter_values = Write(_unit, _answer)
"""Store every sampled value, once; always answered, whatever the transaction."""
