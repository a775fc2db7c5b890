"""Messages of a charge point that are not about transactions and must arrive all the same."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ocpp_trio.errors import CallErrorReceived, CommandFailed
from ocpp_trio.ocppj.frames import Payload
from ocpp_trio.simulator.connection import LinkLost

if TYPE_CHECKING:
    from ocpp_trio.simulator.charge_point import ChargePoint

# A central system without the Security Whitepaper's messages says so, and all is well.
_NOT_THERE = frozenset({"NotImplemented", "NotSupported"})
_MAX_TECH_INFO = 255


class Reports:
    """The reports of one charge point."""

    def __init__(self, point: ChargePoint) -> None:
        self._point = point

    async def send(self, action: str, payload: Payload) -> None:
        """Send a message when online, until it is answered; a refusal is only said."""
        point = self._point
        while True:
            try:
                answer = await point.uplink.send(action, payload)
            except LinkLost:
                continue
            except CommandFailed as error:
                said = str(error)
                if not (isinstance(error, CallErrorReceived) and error.code in _NOT_THERE):
                    point.complain(f"{action}: {said}")
            else:
                said = json.dumps(answer)
            point.tell(f"sent {action} {json.dumps(payload)} -> {said}")
            return

    def security_event(self, kind: str, tech_info: str) -> None:
        """Send a SecurityEventNotification, in the background."""
        payload = {
            "type": kind,
            "timestamp": self._point.timestamp(),
            "techInfo": tech_info[:_MAX_TECH_INFO],
        }
        self._point.spawn(self.send, "SecurityEventNotification", payload)
