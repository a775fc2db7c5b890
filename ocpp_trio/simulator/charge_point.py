"""A charge point that acts by itself: boots, reports, plays its sessions, obeys, comes back.

Owns its tasks: one keeps it connected, one delivers its messages about transactions, one sends
heartbeats, one plays sessions. What a command does is in ocpp_trio.simulator.commands, how a
session goes in ocpp_trio.simulator.session.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable

import trio

from ocpp_trio.domain.times import format_timestamp
from ocpp_trio.ocppj.frames import Payload
from ocpp_trio.simulator import commands
from ocpp_trio.simulator.bell import Bell
from ocpp_trio.simulator.configuration import HEARTBEAT, Configuration
from ocpp_trio.simulator.meter import Meter
from ocpp_trio.simulator.outbox import Outbox
from ocpp_trio.simulator.plan import Run
from ocpp_trio.simulator.session import CONNECTOR, Session
from ocpp_trio.simulator.uplink import Uplink


class ChargePoint:
    """One charge point of a run.

    `session` is the one that has the connector, `out_of_service` the connectors made inoperative,
    0 for the station. `sessions_played` counts the planned ones.
    """

    def __init__(self, run: Run, charge_point_id: str, id_tag: str) -> None:
        self.run = run
        self.id = charge_point_id
        self.id_tag = id_tag
        self.bell = Bell()
        self.meter = Meter(charge_point_id)
        self.configuration = Configuration()
        self.uplink = Uplink(
            run,
            charge_point_id,
            self.bell,
            self.configuration,
            on_call=lambda call: commands.answer(self, call),
            greet=self._report_all,
            complain=self.complain,
        )
        self.outbox = Outbox(self.uplink.send, self.configuration, self.bell, self.complain)
        self.session: Session | None = None
        self.out_of_service: set[int] = set()
        self.sessions_played = 0
        self._resetting = False
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
                await self.bell.until(lambda: self.free)
                await self.play(Session(self, self.id_tag))
            if self.run.plan.stay:
                await trio.sleep_forever()
            if self.session is not None:
                self.session.stop("Local")
                await self.bell.until(lambda: self.session is None)
            await self.uplink.close()
            nursery.cancel_scope.cancel()

    @property
    def free(self) -> bool:
        """Whether a session can begin."""
        busy = self.session is not None or self.out_of_service or self._resetting
        return self.uplink.online and not busy

    async def play(self, session: Session) -> None:
        """Play a session on the connector, which must be free."""
        self.session = session
        outcome = await session.play()
        # Free before it says so: whoever reads Available may start the next one at once.
        self.session = None
        self.run.tally.outcomes[outcome] += 1
        if not session.remote:
            self.sessions_played += 1
            self.run.on_session()
        await self.set_status(self.idle_status(CONNECTOR))
        self.bell.ring()

    def start_remotely(self, id_tag: str) -> Callable[[], None]:
        """Take the connector for a session that was started from outside; what begins it."""
        session = self.session = Session(self, id_tag, remote=True)
        return lambda: self.spawn(self.play, session)

    async def reset(self, kind: str) -> None:
        """Stop what runs, close, and boot anew. `kind`: Soft or Hard."""
        self._resetting = True
        if self.session is not None:
            self.session.stop(f"{kind}Reset")
        await self.bell.until(lambda: self.session is None)
        await self.uplink.reboot()
        self._resetting = False
        self.bell.ring()

    def spawn(self, work: Callable[..., Awaitable[object]], *args: object) -> None:
        """Do something in the background, as long as the charge point operates."""
        assert self._nursery is not None
        self._nursery.start_soon(work, *args)

    def complain(self, text: str) -> None:
        """Say what went wrong at this charge point."""
        self.run.tally.complain(f"{self.id}: {text}")

    def timestamp(self) -> str:
        """This moment, as messages carry it."""
        return format_timestamp(self.run.now()) or ""

    def idle_status(self, connector_id: int) -> str:
        """The status without a vehicle; a station out of service takes its connector with it."""
        return "Unavailable" if self.out_of_service & {0, connector_id} else "Available"

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
        sampled = self.meter.sampled_values(context)
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
