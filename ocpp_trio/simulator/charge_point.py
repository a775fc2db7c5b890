"""A charge point that acts by itself: boots, reports, plays its sessions, obeys, comes back.

Owns its tasks: one keeps it connected, one delivers its messages about transactions, one sends
heartbeats, one plays sessions. What a command does is in ocpp_trio.simulator.commands, how a
session goes in ocpp_trio.simulator.session, what else it keeps in a module for each.
"""

from __future__ import annotations

import math
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import trio

from ocpp_trio.domain.rules import tag_key
from ocpp_trio.domain.times import format_timestamp
from ocpp_trio.ocppj.frames import Payload
from ocpp_trio.simulator import commands
from ocpp_trio.simulator.bell import Bell
from ocpp_trio.simulator.certificates import CertificateStore
from ocpp_trio.simulator.configuration import (
    CERTIFICATES,
    HEARTBEAT,
    LIST_LENGTH,
    LIST_SENT,
    PROFILE,
    SAMPLED,
    Configuration,
)
from ocpp_trio.simulator.credentials import Credentials
from ocpp_trio.simulator.faults import Faults
from ocpp_trio.simulator.jobs import Jobs
from ocpp_trio.simulator.local_list import LocalList
from ocpp_trio.simulator.meter import Meter
from ocpp_trio.simulator.outbox import Outbox
from ocpp_trio.simulator.plan import Run
from ocpp_trio.simulator.profiles import ChargingProfiles
from ocpp_trio.simulator.reports import Reports
from ocpp_trio.simulator.reservations import Reservation
from ocpp_trio.simulator.schedule import limit_at
from ocpp_trio.simulator.session import CONNECTOR, Origin, Session
from ocpp_trio.simulator.uplink import Uplink


class ChargePoint:
    """One charge point of a run.

    `session` is the one that has the connector, `reservation` what it is reserved for,
    `out_of_service` the connectors made inoperative, 0 for the station, `busy` whether it reboots.
    `sessions_played` counts the planned ones.
    """

    def __init__(self, run: Run, charge_point_id: str, id_tag: str) -> None:
        self.run = run
        self.id = charge_point_id
        self.id_tag = id_tag
        self.bell = Bell()
        self.meter = Meter(charge_point_id)
        self.configuration = Configuration()
        self.certificates = CertificateStore(
            charge_point_id, self.configuration.number(CERTIFICATES), run.now
        )
        self.credentials = Credentials(charge_point_id, run, self.certificates)
        self.configuration.set_number(PROFILE, self.credentials.profile)
        self.uplink = Uplink(
            run,
            charge_point_id,
            self.bell,
            self.configuration,
            self.credentials,
            on_call=lambda call: commands.answer(self, call),
            greet=self._report_all,
            complain=self.complain,
        )
        self.outbox = Outbox(self.uplink.send, self.configuration, self.bell, self.complain)
        self.faults = Faults(run.plan.faults)
        self.jobs = Jobs(self)
        self.reports = Reports(self)
        self.local_list = LocalList(
            self.configuration.number(LIST_LENGTH), self.configuration.number(LIST_SENT)
        )
        self.profiles = ChargingProfiles()
        self.session: Session | None = None
        self.reservation: Reservation | None = None
        self.out_of_service: set[int] = set()
        self.sessions_played = 0
        self.busy = False
        self._installing = 0
        self._status = "Available"
        self._nursery: trio.Nursery | None = None

    async def operate(self) -> None:
        """Play the planned sessions; with `stay`, remain connected afterwards, until cancelled.

        Returns early if the connection could not be had for as long as the plan allows.
        """
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            nursery.start_soon(self._stay_connected)
            nursery.start_soon(self.outbox.deliver)
            nursery.start_soon(self._send_heartbeats)
            await self.bell.until(lambda: self.uplink.online)
            for _ in range(self.run.plan.sessions):
                await self.bell.until(lambda: self.free_for(self.id_tag))
                await self.play(Session(self, self.id_tag))
            if self.run.plan.stay:
                await trio.sleep_forever()
            if self.session is not None:
                self.session.stop("Local")
                await self.bell.until(lambda: self.session is None)
            await self.uplink.close()
            nursery.cancel_scope.cancel()

    def free_for(self, id_tag: str) -> bool:
        """Whether a session can begin with this tag; a reservation may turn out to be another's."""
        if self.session is not None or self.out_of_service or self.busy or self._installing:
            return False
        reserved = self.reservation is not None and not self.reservation.may_be_for(id_tag)
        return self.uplink.online and not reserved

    @property
    def charging_since(self) -> int | None:
        """When the running transaction began, in ms."""
        return None if self.session is None else self.session.charging_since

    async def play(self, session: Session) -> None:
        """Play a session on the connector, which must be free."""
        self.session = session
        outcome = await session.play()
        # Free before it says so: whoever reads Available may start the next one at once.
        self.session = None
        self.profiles.end_transaction()
        self.run.tally.outcomes[outcome] += 1
        if session.origin is Origin.PLAN:
            self.sessions_played += 1
            self.run.on_session()
        await self.set_status(self.idle_status(CONNECTOR))
        self.bell.ring()

    def start_remotely(self, id_tag: str, profile: Payload | None = None) -> Callable[[], None]:
        """Take the connector for a session that was started from outside; what begins it.

        `profile`: a TxProfile for its transaction.
        """
        session = self.session = Session(self, id_tag, origin=Origin.REMOTE)
        if profile is not None:
            self.profiles.set(CONNECTOR, profile, self.run.now(), session.transaction)
        return lambda: self.spawn(self.play, session)

    def present(self, id_tag: str) -> bool:
        """Present a tag, as a person does: it starts a session, or stops its own.

        False if nothing follows: the connector is not free for the tag.
        """
        session = self.session
        if session is None and self.free_for(id_tag):
            session = self.session = Session(self, id_tag, origin=Origin.PERSON)
            self.spawn(self.play, session)
        elif session is None or tag_key(session.id_tag) != tag_key(id_tag) or session.stopping:
            return False
        else:
            session.stop("Local")
        return True

    def charge(self, seconds: float) -> None:
        """Draw power for some seconds, as much as the charging profiles allow."""
        limit = limit_at(self.profiles.installed, self.run.now(), self.charging_since)
        self.meter.charge(seconds, limit.amperes, limit.phases)

    async def hold(self, reservation: Reservation) -> None:
        """Show the connector as reserved until that is used, cancelled or expired."""
        await self.refresh_status()
        with trio.move_on_after((reservation.expiry - self.run.now()) / 1000):
            await self.bell.until(lambda: self.reservation is not reservation)
            return
        self.drop_reservation()

    def drop_reservation(self) -> None:
        """The connector is no longer reserved."""
        self.reservation = None
        self.bell.ring()
        self.spawn(self.refresh_status)

    async def reset(self, kind: str) -> None:
        """Stop what runs, close, and boot anew. `kind`: Soft or Hard."""
        self.busy = True
        if self.session is not None:
            self.session.stop(f"{kind}Reset")
        await self.bell.until(lambda: self.session is None)
        self.configuration.reboot()
        await self.uplink.reboot()
        self.busy = False
        self.bell.ring()
        self.reports.security_event("ResetOrReboot", f"{kind} reset")

    @asynccontextmanager
    async def out_of_use(self) -> AsyncIterator[None]:
        """Begin no session any more, wait for the end of the one that runs, then be Unavailable."""
        self._installing += 1
        try:
            await self.refresh_status()
            await self.bell.until(lambda: self.session is None)
            yield
        finally:
            self._installing -= 1
            self.bell.ring()
            self.spawn(self.refresh_status)

    async def take_firmware(self, version: str) -> None:
        """Boot anew with this firmware."""
        self.uplink.firmware_version = version
        self.configuration.reboot()
        await self.uplink.reboot()

    def spawn(self, work: Callable[..., Awaitable[object]], *args: object) -> None:
        """Do something in the background, as long as the charge point operates."""
        assert self._nursery is not None
        self._nursery.start_soon(work, *args)

    def tell(self, text: str) -> None:
        """Tell a person who watches what goes on here."""
        if self.run.tell is not None:
            self.run.tell(f"{self.id}: {text}")

    def complain(self, text: str) -> None:
        """Say what went wrong at this charge point."""
        self.run.tally.complain(f"{self.id}: {text}")

    def timestamp(self) -> str:
        """This moment, as messages carry it."""
        return format_timestamp(self.run.now()) or ""

    @property
    def file_name(self) -> str:
        """The charge point's id as a part of the name of a file."""
        return re.sub(r"[^A-Za-z0-9._-]", "_", self.id)

    def idle_status(self, connector_id: int) -> str:
        """The status without a vehicle; a station out of service takes its connector with it."""
        if self.out_of_service & {0, connector_id} or (connector_id and self._installing):
            return "Unavailable"
        return "Reserved" if connector_id and self.reservation is not None else "Available"

    async def refresh_status(self) -> None:
        """Report the connector's status if it is idle and this has changed."""
        status = self.idle_status(CONNECTOR)
        if self.session is None and self._status != status:
            await self.set_status(status)

    async def set_status(self, status: str) -> None:
        """Change the connector's status; if offline it is told after the reconnect."""
        self._status = status
        await self.report_status(CONNECTOR)

    async def report_status(self, connector_id: int, *, at_once: bool = False) -> None:
        """Send a StatusNotification with the status of the connector, 0 for the station."""
        payload = {
            "connectorId": connector_id,
            "errorCode": "NoError",
            "status": self._status if connector_id else self.idle_status(0),
            "timestamp": self.timestamp(),
        }
        await self.uplink.notify("StatusNotification", payload, at_once=at_once)

    def meter_values(self, context: str) -> Payload:
        """A MeterValues request of this moment, without transactionId."""
        sampled = self.meter.sampled_values(context, self.configuration.text(SAMPLED).split(","))
        return {
            "connectorId": CONNECTOR,
            "meterValue": [{"timestamp": self.timestamp(), "sampledValue": sampled}],
        }

    async def _report_all(self) -> None:
        for connector_id in (0, CONNECTOR):
            await self.report_status(connector_id, at_once=True)

    async def _stay_connected(self) -> None:
        self.complain(await self.uplink.keep())
        assert self._nursery is not None
        self._nursery.cancel_scope.cancel()

    async def _send_heartbeats(self) -> None:
        def interval() -> int:
            return self.configuration.number(HEARTBEAT)

        while True:
            pause = interval()
            with trio.move_on_after(pause or math.inf):
                await self.bell.until(lambda: interval() != pause)  # noqa: B023 - awaited here
                continue
            await self.uplink.notify("Heartbeat", {})
