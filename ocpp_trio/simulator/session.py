"""One charging session, from the plug to the last acknowledgement.

A session begins online and goes on whatever becomes of the connection: its messages about the
transaction wait in the outbox, and it has ended when its stop was answered.
"""

from __future__ import annotations

import math
from enum import Enum
from typing import TYPE_CHECKING

import trio

from ocpp_trio.domain.rules import ACCEPTED
from ocpp_trio.errors import CommandFailed
from ocpp_trio.ocppj.frames import Payload
from ocpp_trio.simulator.configuration import (
    AUTHORIZE_REMOTE,
    LIST_ENABLED,
    OFFLINE,
    PRE_AUTHORIZE,
    SAMPLE,
)
from ocpp_trio.simulator.connection import LinkLost
from ocpp_trio.simulator.outbox import Message, Transaction
from ocpp_trio.simulator.summary import Outcome

if TYPE_CHECKING:
    from ocpp_trio.simulator.charge_point import ChargePoint

CONNECTOR = 1
"""The only connector of a simulated charge point."""

# With less than a second between meter values, each stands for a minute of charging.
PLAYED_SECONDS = 60.0


class Origin(Enum):
    """Who began a session: the plan, the central system, or a person with a tag."""

    PLAN = "plan"
    REMOTE = "remote"
    PERSON = "person"


class Session:
    """A session on the charge point's connector with a tag.

    A planned one presents the tag, charges for the planned number of meter values and stops. Any
    other charges until it is stopped. `charging_since` is when its transaction began, in ms.
    """

    def __init__(self, point: ChargePoint, id_tag: str, *, origin: Origin = Origin.PLAN) -> None:
        self._point = point
        self.id_tag = id_tag
        self.origin = origin
        self._parent: str | None = None
        self.charging_since: int | None = None
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
            if not await self._authorized():
                return Outcome.REFUSED
            reservation = point.reservation
            if reservation is not None and not reservation.is_for(self.id_tag, self._parent):
                point.complain(f"the connector is reserved, not for {self.id_tag}")
                return Outcome.REFUSED
            return await self._charge()
        except CommandFailed as error:
            point.complain(f"no session: {error}")
            return Outcome.FAILED

    async def _authorized(self) -> bool:
        """Whether the tag may charge, by the local list where that is enough, else by asking."""
        point = self._point
        if self._needs_no_authorization():
            return True
        while True:
            info = self._locally_authorized()
            if info is None:
                try:
                    answer = await point.uplink.send("Authorize", {"idTag": self.id_tag})
                except LinkLost:
                    continue
                info = answer["idTagInfo"]
            self._parent = info.get("parentIdTag")
            if info["status"] != ACCEPTED:
                point.complain(f"Authorize of {self.id_tag}: {info['status']}")
            return bool(info["status"] == ACCEPTED)

    def _locally_authorized(self) -> Payload | None:
        """The idTagInfo from the local list, where that is enough (section 3.5)."""
        point = self._point
        flag = point.configuration.flag
        offline = flag(OFFLINE) and not point.uplink.online
        if not (flag(LIST_ENABLED) and (flag(PRE_AUTHORIZE) or offline)):
            return None
        return point.local_list.info(self.id_tag, point.run.now())

    def _needs_no_authorization(self) -> bool:
        """A remote start counts as authorized, unless it is by the parent of a reservation."""
        if self.origin is not Origin.REMOTE or self._point.configuration.flag(AUTHORIZE_REMOTE):
            return False
        reservation = self._point.reservation
        return reservation is None or reservation.is_for(self.id_tag, None)

    async def _charge(self) -> Outcome:
        point, transaction = self._point, self.transaction
        start = point.outbox.put(
            Message("StartTransaction", self._start_payload(), None, self._on_started)
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

    def _start_payload(self) -> Payload:
        """The start of this moment; it uses up the reservation."""
        point = self._point
        self.transaction.meter_start = point.meter.register
        self.charging_since = point.run.now()
        payload: Payload = {
            "connectorId": CONNECTOR,
            "idTag": self.id_tag,
            "meterStart": self.transaction.meter_start,
            "timestamp": point.timestamp(),
        }
        if point.reservation is not None:
            payload["reservationId"] = point.reservation.id
            point.reservation = None
            point.bell.ring()
        return payload

    def _on_started(self, request: Payload, answer: Payload) -> None:
        self.transaction.id = answer["transactionId"]
        self._point.run.ledger.start(self._point.id, request, answer)
        status = answer["idTagInfo"]["status"]
        if status != ACCEPTED:
            # StopTransactionOnInvalidId: section 4.8, also for a start answered long afterwards.
            self._refused = True
            self._point.complain(f"StartTransaction of {self.id_tag}: {status}")
            self.stop("DeAuthorized")

    def _on_stopped(self, request: Payload, _: Payload) -> None:
        self._point.run.ledger.stop(self._point.id, request)

    def _on_metered(self, request: Payload, _: Payload) -> None:
        self._point.run.ledger.meter(self._point.id, request)

    async def _draw_power(self, start: Message) -> None:
        """Charge and send meter values, until there were enough or something ends it."""
        point = self._point
        plan = point.run.plan
        planned = self.origin is Origin.PLAN
        wanted = plan.meter_values if planned else math.inf
        sent = 0
        while sent < wanted:
            pause = plan.interval if planned else max(1, point.configuration.number(SAMPLE))
            began = trio.current_time()
            with trio.move_on_after(pause):
                await point.bell.until(lambda: self.stopping)
            if pause >= 1:
                point.charge(trio.current_time() - began)
            if self.stopping or start.given_up:
                return
            if pause < 1:
                point.charge(PLAYED_SECONDS)
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
            payload["idTag"] = self.id_tag
        return payload
