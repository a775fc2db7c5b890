"""Our own vendorId: messageId `Echo` sends the data back, so that an installer can try the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocpp_trio.central.vendors.answer import ACCEPTED, UNKNOWN_MESSAGE, Answer
from ocpp_trio.ocppj.frames import Payload

if TYPE_CHECKING:
    from ocpp_trio.central.session import Session

VENDOR_ID = "ocpp_trio"


async def data_transfer(session: Session, payload: Payload) -> Answer:
    """Answer Echo; no other message is known."""
    if payload.get("messageId") == "Echo":
        return Answer(ACCEPTED, payload.get("data"))
    return Answer(UNKNOWN_MESSAGE)
