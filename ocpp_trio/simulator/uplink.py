"""How a charge point is connected: it comes, boots, is cut off, and comes back.

Owns the connection of the moment and the knowledge whether the charge point may send over it.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

import trio

from ocpp_trio import __version__
from ocpp_trio.domain.rules import ACCEPTED
from ocpp_trio.errors import CallErrorReceived, CommandFailed
from ocpp_trio.ocppj.frames import Payload
from ocpp_trio.simulator.bell import Bell
from ocpp_trio.simulator.configuration import HEARTBEAT, Configuration
from ocpp_trio.simulator.connection import Connection, LinkLost, OnCall, open_connection
from ocpp_trio.simulator.credentials import Credentials
from ocpp_trio.simulator.endpoint import CannotConnect
from ocpp_trio.simulator.plan import Run
from ocpp_trio.supervise import jittered

# Half a second, then twice as long each time, give or take half: a fleet must not return as one.
FIRST_BACKOFF = 0.5
MAX_BACKOFF = 10.0
BACKOFF_SHARE = 0.5

# Where the central system leaves the interval to the charge point by answering 0 (section 6.8).
OWN_INTERVAL = 60


class Uplink:
    """The way of one charge point to the central system; rings its bell when that changes."""

    def __init__(
        self,
        run: Run,
        charge_point_id: str,
        bell: Bell,
        configuration: Configuration,
        credentials: Credentials,
        *,
        on_call: OnCall,
        greet: Callable[[], Awaitable[None]],
        complain: Callable[[str], None],
    ) -> None:
        """`greet` is called with every new connection, once the boot is accepted, before `online`.

        An accepted boot sets HeartbeatInterval in `configuration`.
        """
        self._run = run
        self._id = charge_point_id
        self._bell = bell
        self._configuration = configuration
        self._credentials = credentials
        self._on_call = on_call
        self._greet = greet
        self._complain = complain
        self._link: Connection | None = None
        self._online = False
        self._boot_due = True
        self._boot_wanted = trio.Event()
        self._return_at_once = False
        self._trouble = ""
        self.firmware_version = __version__

    @property
    def link(self) -> Connection | None:
        """The connection of the moment."""
        return self._link

    @property
    def online(self) -> bool:
        """Whether the charge point is connected and accepted."""
        return self._online and self._link is not None and not self._link.closed.is_set()

    async def send(
        self,
        action: str,
        payload: Payload,
        on_answer: Callable[[Payload], None] | None = None,
    ) -> Payload:
        """Send a CALL as soon as it is online; raises what Connection.call does."""
        await self._bell.until(lambda: self.online)
        assert self._link is not None
        return await self._call(self._link, action, payload, on_answer)

    async def notify(self, action: str, payload: Payload, *, at_once: bool = False) -> None:
        """Send a CALL that may get lost: nothing is raised, nothing waits for a connection.

        `at_once`: also before the boot was accepted, because the central system asked for it.
        """
        link = self._link
        if link is None or not (at_once or self._online):
            return
        try:
            await self._call(link, action, payload)
        except LinkLost:
            pass
        except CommandFailed as error:
            self._complain(f"{action}: {error}")

    async def boot_again(self) -> None:
        """Send BootNotification because the central system asked for it."""
        if not self._online or self._link is None:
            self._boot_wanted.set()
            return
        try:
            await self._send_boot(self._link)
        except LinkLost:
            pass
        except CommandFailed as error:
            self._complain(f"BootNotification: {error}")

    async def reboot(self) -> None:
        """Close, connect again and boot; returns when the boot is accepted."""
        self._boot_due = True
        await self.reconnect()
        await self._bell.until(lambda: not self._boot_due)

    async def reconnect(self) -> None:
        """Close the connection, if there is one, and come back at once."""
        if self._link is not None:
            self._return_at_once = True
            await self._link.close()

    async def close(self) -> None:
        """Close the connection, if there is one."""
        if self._link is not None:
            await self._link.close()

    async def keep(self) -> str:
        """Keep the charge point connected; returns the reason when it gives up.

        It gives up when it was not online for `give_up` seconds of the plan.
        """
        failures = 0
        with trio.CancelScope() as patience:
            while True:
                failures = 0 if await self._connect(patience) else failures + 1
                if self._return_at_once:
                    self._return_at_once = False
                else:
                    backoff = min(MAX_BACKOFF, FIRST_BACKOFF * 2 ** min(failures, 8))
                    await trio.sleep(jittered(backoff, BACKOFF_SHARE))
        return f"gave up after {self._run.plan.give_up:g} s: {self._trouble}"

    async def _connect(self, patience: trio.CancelScope) -> bool:
        """Connect and stay until that ends; whether it was online meanwhile.

        The deadline of `patience` runs from the first try to the moment it is online.
        """
        plan = self._run.plan
        try:
            async with AsyncExitStack() as stack:
                async with self._run.gate:
                    if patience.deadline == math.inf:
                        patience.deadline = trio.current_time() + plan.give_up
                    tls = self._credentials.tls()
                    link = await stack.enter_async_context(
                        open_connection(
                            self._credentials.endpoint,
                            self._id,
                            self._on_call,
                            timeout=plan.timeout,
                            headers=self._credentials.headers,
                            tls=tls,
                        )
                    )
                self._run.reached = True
                self._link = link
                try:
                    async with trio.open_nursery() as nursery:
                        nursery.start_soon(self._start_up, link, patience)
                        await link.closed.wait()
                        nursery.cancel_scope.cancel()
                    return self._online
                finally:
                    self._went_offline(link)
        except CannotConnect as error:
            self._trouble = str(error)
            if self._credentials.fall_back():
                self._complain(f"back to the security profile of before: {self._trouble}")
            self._run.cannot_connect(self._trouble)
            return False

    def _went_offline(self, link: Connection) -> None:
        self._link = None
        self._online = False
        tally = self._run.tally
        tally.messages += link.sent
        if link.close_code is not None:
            self._trouble = f"the connection was closed with {link.close_code}"
            tally.close_codes[link.close_code] += 1
        self._bell.ring()

    async def _start_up(self, link: Connection, patience: trio.CancelScope) -> None:
        try:
            if self._boot_due:
                await self._boot(link)
                self._boot_due = False
        except LinkLost:
            return
        except CommandFailed as error:
            self._trouble = f"BootNotification: {error}"
            self._complain(self._trouble)
            await link.close()
            return
        await self._greet()
        patience.deadline = math.inf
        self._credentials.proved()
        self._online = True
        self._bell.ring()

    async def _boot(self, link: Connection) -> None:
        """Boot until accepted (section 4.2)."""
        while True:
            self._boot_wanted = trio.Event()
            self._trouble = "BootNotification was not answered"
            status, interval = await self._send_boot(link)
            if status == ACCEPTED:
                return
            pause = min(interval if interval > 0 else OWN_INTERVAL, self._run.plan.boot_wait)
            self._trouble = f"BootNotification was answered with {status}"
            self._complain(f"boot {status}, the next in {pause:g} s")
            with trio.move_on_after(pause):
                await self._boot_wanted.wait()

    async def _send_boot(self, link: Connection) -> tuple[str, int]:
        answer = await link.call(
            "BootNotification",
            {
                "chargePointVendor": "ocpp-trio",
                "chargePointModel": "Simulator",
                "chargePointSerialNumber": self._id[:25],
                "firmwareVersion": self.firmware_version,
            },
        )
        interval = int(answer["interval"])
        if answer["status"] == ACCEPTED:
            heartbeat = interval if interval > 0 else OWN_INTERVAL
            self._configuration.set_number(HEARTBEAT, heartbeat)
            self._bell.ring()
        return answer["status"], interval

    async def _call(
        self,
        link: Connection,
        action: str,
        payload: Payload,
        on_answer: Callable[[Payload], None] | None = None,
    ) -> Payload:
        try:
            return await link.call(action, payload, on_answer)
        except CallErrorReceived as error:
            if error.code == "SecurityError":
                # It does not know us any more, as after a loss of its data: introduce ourselves.
                self._boot_due = True
                await link.close()
            raise
