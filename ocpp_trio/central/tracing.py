"""With OCPP_LOG_LEVEL=debug each message of a charge point is logged, without its secrets."""

from __future__ import annotations

import structlog

from ocpp_trio.central.transport import Transport
from ocpp_trio.central.websocket import Begin, Deliver
from ocpp_trio.config import Settings
from ocpp_trio.domain.redaction import redact_json

log = structlog.get_logger(source="charge point")

MAX_SHOWN = 4000


def traced(transport: Transport, charge_point_id: str, settings: Settings) -> Transport:
    """The transport, one that tells what goes through it if that is asked for."""
    is_wanted = settings.log_level == "debug"
    return Traced(transport, charge_point_id) if is_wanted else transport


class Traced(Transport):
    """A transport that tells what goes through it."""

    def __init__(self, transport: Transport, charge_point_id: str) -> None:
        super().__init__(transport._websocket, transport._stream)
        self._charge_point_id = charge_point_id

    def attach(self, deliver: Deliver, begin: Begin) -> None:
        """See Transport."""

        async def told(text: str) -> None:
            self._tell("message received", text)
            await deliver(text)

        # Whatever could be begun sooner is told all the same.
        self._websocket.attach(told, None)

    async def send(self, text: str) -> None:
        """See Transport."""
        self._tell("message sent", text)
        await super().send(text)

    def _tell(self, event: str, text: str) -> None:
        shown = redact_json(text)[:MAX_SHOWN]
        log.debug(event, charge_point=self._charge_point_id, text=shown)
