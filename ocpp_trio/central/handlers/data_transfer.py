"""DataTransfer (OCPP 1.6 section 4.3): a vendor's own data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from ocpp_trio.central.vendors import VENDORS
from ocpp_trio.central.vendors.answer import REJECTED, UNKNOWN_VENDOR, Answer
from ocpp_trio.ocppj.frames import Payload
from ocpp_trio.ocppj.peer import Request
from ocpp_trio.store import data_transfers

if TYPE_CHECKING:
    from ocpp_trio.central.session import Session

log = structlog.get_logger(source="charge point")


async def data_transfer(session: Session, request: Request) -> Payload:
    """Ask the vendor's handler, and keep what came with its answer; an unknown vendor is answered
    UnknownVendorId.
    """
    central, payload = session.central, request.call.payload
    handler = VENDORS.get(payload["vendorId"])
    answer = Answer(UNKNOWN_VENDOR)
    if handler is not None:
        try:
            answer = await handler(session, payload)
        except Exception:
            # The data is kept all the same, and the station need not send it again.
            log.exception(
                "vendor's handler failed",
                charge_point=session.charge_point_id,
                vendor=payload["vendorId"],
            )
            answer = Answer(REJECTED)
    await central.database.write(
        data_transfers.record, session.charge_point_id, payload, answer.status, central.now()
    )
    response: Payload = {"status": answer.status}
    if answer.data is not None:
        response["data"] = answer.data
    return response
