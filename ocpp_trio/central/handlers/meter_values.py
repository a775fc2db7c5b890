"""MeterValues (OCPP 1.6 section 4.7): readings, of a transaction or of a connector."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocpp_trio.ocppj.frames import Payload, payload_text
from ocpp_trio.ocppj.peer import Request
from ocpp_trio.store import meter_values as store

if TYPE_CHECKING:
    from ocpp_trio.central.session import Session


async def meter_values(session: Session, request: Request) -> Payload:
    """Store every sampled value, once; always answered, whatever the transaction."""
    central = session.central
    payload = request.call.payload
    transaction_id = payload.get("transactionId")
    known = transaction_id in session.known_transactions
    outcome = await central.database.write(
        store.record,
        store.message(
            session.charge_point_id,
            payload["connectorId"],
            transaction_id,
            payload["meterValue"],
            payload_text(request.text, "MeterValues"),
            central.now(),
            transaction_is_known=known,
            review_limit=central.settings.review_limit,
        ),
    )
    session.note_metered(payload["connectorId"])
    if not known and transaction_id is not None:
        if outcome == store.STORED:
            session.know_transaction(transaction_id)
        elif outcome == store.OVERFLOW:
            session.warn_of_overflow()
    return {}
