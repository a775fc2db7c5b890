"""One charging session, from the plug to the last acknowledgement.

A session begins online and goes on whatever becomes of the connection: its messages about the
transaction wait in the outbox, and it has ended when its stop was answered.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import trio

from ocpp_trio.domain.rules import ACCEPTED
from ocpp_trio.errors import CommandFailed
from ocpp_trio.ocppj.frames import Payload
from ocpp_trio.simulator.configuration import AUTHORIZE_REMOTE, SAMPLE
from ocpp_trio.simulator.connection import LinkLost
from ocpp_trio.simulator.outbox import Message, Transaction
from ocpp_trio.simulator.summary import Outcome

if TYPE_CHECKING:
    from ocpp_trio.simulator.charge_point import ChargePoint

CONNECTOR = 1
"""The only connector of a simulated charge point."""

# With less than a second between meter values, each stands for a minute of charging.
PLAYED_SECONDS = 60.0


class Session:
    """A session on the charge point's connector with a tag.

    By default it presents the tag, charges for the planned number of meter values and stops. A
    `remote` one was started from outside: it charges until it is stopped.
    """

    def __init__(self, point: ChargePoint, id_tag: str, *, remote: bool = False) -> None:
        self._point = point
        self._id_tag = id_tag
        self.remote = remote
        self._stop_reason: str | None = None
        self._refused = False
        self.transaction = Transaction(id_tag, point.meter.register)

    @property
    def stopping(self) -> bool:
        """Whether the session was told to stop."""
        return self._stop_reason is not None

    def stop(self, reason: str) -> None:
        """End the session with this reason (OCPP 1.6 section 7.36); the first reason counts."""
        if self._stop_reason is None:
            self._stop_reason = reason
            self._point.bell.ring()

    async def play(self) -> Outcome:
        """Play it from the plug to the last acknowledgement."""
        point = self._point
        point.meter.plug_in()
        await point.set_status("Preparing")
        try:
            if await self._authorized():
                return await self._charge()
            return Outcome.REFUSED
        except CommandFailed as error:
            point.complain(f"no session: {error}")
            return Outcome.FAILED

    async def _authorized(self) -> bool:
        """Ask whether the tag may charge; while offline, wait (LocalAuthorizeOffline is false)."""
        if self.remote and not self._point.configuration.flag(AUTHORIZE_REMOTE):
            return True
        while True:
            try:
                answer = await self._point.uplink.send("Authorize", {"idTag": self._id_tag})
            except LinkLost:
                continue
            status = answer["idTagInfo"]["status"]
            if status != ACCEPTED:
                self._point.complain(f"Authorize of {self._id_tag}: {status}")
            return bool(status == ACCEPTED)

    async def _charge(self) -> Outcome:
        point, transaction = self._point, self.transaction
        transaction.meter_start = point.meter.register
        start = point.outbox.put(
            Message(
                "StartTransaction",
                {
                    "connectorId": CONNECTOR,
                    "idTag": self._id_tag,
                    "meterStart": transaction.meter_start,
                    "timestamp": point.timestamp(),
                },
                None,
                self._on_started,
            )
        )
        await self._settled_or_offline(start)
        if not (self.stopping or start.given_up):
            await point.set_status("Charging")
            await self._draw_power(start)
        point.meter.stop()
        if start.given_up:
            return Outcome.FAILED
        self.stop("Local")
        meter_stop = point.meter.register
        stop = point.outbox.put(
            Message(
                "StopTransaction", self._stop_payload(meter_stop), transaction, self._on_stopped
            )
        )
        await self._settled_or_offline(stop)
        await point.set_status("Finishing")
        await point.bell.until(lambda: stop.settled)
        if not stop.answered:
            return Outcome.FAILED
        if self._refused:
            return Outcome.REFUSED
        point.run.tally.energy_wh += meter_stop - transaction.meter_start
        return Outcome.COMPLETED

    def _on_started(self, request: Payload, answer: Payload) -> None:
        self.transaction.id = answer["transactionId"]
        self._point.run.ledger.start(self._point.id, request, answer)
        status = answer["idTagInfo"]["status"]
        if status != ACCEPTED:
            # StopTransactionOnInvalidId: section 4.8, also for a start answered long afterwards.
            self._refused = True
            self._point.complain(f"StartTransaction of {self._id_tag}: {status}")
            self.stop("DeAuthorized")

    def _on_stopped(self, request: Payload, _: Payload) -> None:
        self._point.run.ledger.stop(self._point.id, request)

    def _on_metered(self, request: Payload, _: Payload) -> None:
        self._point.run.ledger.meter(self._point.id, request)

    async def _draw_power(self, start: Message) -> None:
        """Charge and send meter values, until there were enough or something ends it."""
        point = self._point
        plan = point.run.plan
        wanted = math.inf if self.remote else plan.meter_values
        sent = 0
        while sent < wanted:
            pause = max(1, point.configuration.number(SAMPLE)) if self.remote else plan.interval
            began = trio.current_time()
            with trio.move_on_after(pause):
                await point.bell.until(lambda: self.stopping)
            if pause >= 1:
                point.meter.charge(trio.current_time() - began)
            if self.stopping or start.given_up:
                return
            if pause < 1:
                point.meter.charge(PLAYED_SECONDS)
            values = Message(
                "MeterValues",
                point.meter_values("Sample.Periodic"),
                self.transaction,
                self._on_metered,
            )
            await self._settled_or_offline(point.outbox.put(values))
            sent += 1

    async def _settled_or_offline(self, message: Message) -> None:
        """Let the central system set the pace, as long as it is there."""
        await self._point.bell.until(lambda: message.settled or not self._point.uplink.online)

    def _stop_payload(self, meter_stop: int) -> Payload:
        payload: Payload = {
            "meterStop": meter_stop,
            "timestamp": self._point.timestamp(),
            "reason": self._stop_reason,
        }
        if self._stop_reason == "Local":
            payload["idTag"] = self._id_tag
        return payload
