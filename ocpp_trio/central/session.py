"""One connected charge point, from its admission to its end.

Tasks, all in the connection's nursery: trio-websocket's reader, which hands over each message (see
`messages`); the command carrier; and `run`, which waits for the end.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import structlog
import trio

from ocpp_trio.central.carrier import Carrier
from ocpp_trio.central.complaints import Complaints
from ocpp_trio.central.context import Central
from ocpp_trio.central.keepalive import Pulse
from ocpp_trio.central.messages import Messages
from ocpp_trio.central.transport import ConnectionEnded, Transport
from ocpp_trio.certificates import ClientCertificate
from ocpp_trio.errors import StoreUnavailable
from ocpp_trio.ocppj import quirks
from ocpp_trio.ocppj.peer import Peer
from ocpp_trio.store import charge_points

log = structlog.get_logger(source="charge point")

MAX_KNOWN_TRANSACTIONS = 64
MAX_KNOWN_CONNECTORS = 64


class Session:
    """A charge point's connection from its admission to its end."""

    def __init__(
        self,
        central: Central,
        charge_point_id: str,
        transport: Transport,
        admission: charge_points.Admission,
    ) -> None:
        self.central = central
        self.charge_point_id = charge_point_id
        self.registration = admission.registration
        self.booted = admission.booted
        self.heartbeat_interval = admission.heartbeat_interval
        self.connection = admission.connection
        # What it proved itself with, where that was a certificate of its own.
        self.certificate: ClientCertificate | None = None
        # Transactions known to be this station's: looked up once per session, not per message.
        self.known_transactions: dict[int, None] = {}
        # Connector id -> when its meter values last came, by trio's clock.
        self.metered: dict[int, float] = {}
        self.connected_at = trio.current_time()
        # The last boot, or the connection: services that ask unasked leave the station alone then.
        self.quiet_since = self.connected_at
        self.clock_warned = False
        self.complaints = Complaints(central, charge_point_id)
        self._transport = transport
        self.peer = Peer()
        self.set_tolerance(
            admission.vendor, admission.model, admission.firmware_version, admission.conformance
        )
        self.carrier = Carrier(
            central, charge_point_id, admission.connection, self.peer, transport.send
        )
        self._pulse = Pulse(
            central.settings.ping_interval, central.settings.ping_timeout, trio.current_time()
        )
        self._over = trio.Event()
        self._nursery: trio.Nursery | None = None
        # A message is in work: see messages.
        self.is_handling = False
        self._end: tuple[int, str] | None = None

    @property
    def accepted(self) -> bool:
        """Whether the station may do more than boot: it was accepted, and has booted before."""
        return self.booted and self.registration == charge_points.ACCEPTED

    @property
    def is_ending(self) -> bool:
        """Whether the connection is to be closed: what still comes is not looked at."""
        return self._end is not None

    def handled(self) -> None:
        """A message has its answer, and none is in work."""
        self.is_handling = False
        if self.booted:
            self.carrier.allow()
        if self._end is not None:
            self._over.set()

    def start(self, task: Callable[[], Awaitable[None]]) -> bool:
        """Run a task as long as the connection lasts; False if it is over."""
        if self._nursery is None:
            return False
        self._nursery.start_soon(task)
        return True

    def end(self, code: int, reason: str) -> None:
        """Close the connection; not waited for. The first reason counts.

        A message in work is finished and answered first, unless the connection is broken.
        """
        is_first = self._end is None
        if is_first:
            self._end = (code, reason)
        if not self.is_handling or self._transport.broken:
            self._over.set()
        elif is_first:
            self.start(self._look_after)

    def set_tolerance(
        self, vendor: str | None, model: str | None, firmware: str | None, conformance: str | None
    ) -> None:
        """Take of this station's messages what is known of its make, or what the operator says."""
        default = self.central.settings.conformance
        self.peer.tolerance = quirks.tolerance(vendor, model, firmware, conformance or default)

    def know_transaction(self, transaction_id: int) -> None:
        """Remember that a transaction is this station's."""
        self.known_transactions[transaction_id] = None
        if len(self.known_transactions) > MAX_KNOWN_TRANSACTIONS:
            del self.known_transactions[next(iter(self.known_transactions))]

    def note_metered(self, connector_id: int) -> None:
        """Meter values of a connector came."""
        self.metered[connector_id] = self._transport.last_received
        if len(self.metered) > MAX_KNOWN_CONNECTORS:
            del self.metered[next(iter(self.metered))]

    async def run(self, nursery: trio.Nursery) -> None:
        """Serve the station until its connection ends, whoever ends it.

        The caller has put the session into the hub, where it is taken out here, and cancels the
        nursery afterwards.
        """
        self._nursery = nursery
        reason = "the server was stopped before the connection could be closed"
        try:
            nursery.start_soon(self.carrier.run)
            nursery.start_soon(self._watch_transport)
            messages = Messages(self, self._transport, self.peer)
            self._transport.attach(messages.receive, messages.begin)
            self.central.queue.feed(self)
            await self._over.wait()
            assert self._end is not None
            reason = self._end[1]
        finally:
            self.carrier.close(replaced=self._end is not None and self._end[0] == 1008)
            self.central.hub.remove(self)
            try:
                if self._end is not None:
                    with trio.CancelScope(shield=True, deadline=self._close_deadline()):
                        await self._transport.close(*self._end)
                with trio.CancelScope(shield=True):
                    await self._note_end(reason)
            finally:
                # It takes no more tasks; nor is anything to wait for a look for cycles, which are
                # seldom: see app.GC_THRESHOLD.
                self._nursery = None

    def _close_deadline(self) -> float:
        return trio.current_time() + self.central.settings.close_timeout

    async def _watch_transport(self) -> None:
        ended = await self._transport.finished()
        if self._end is None:
            reason = f"closed with {ended.code}" + (f": {ended.reason}" if ended.reason else "")
            self._end = (ended.code, reason)
        self._over.set()

    async def _note_end(self, reason: str) -> None:
        log.info("charge point disconnected", charge_point=self.charge_point_id, reason=reason)
        try:
            await self.central.database.write(
                charge_points.disconnect,
                self.charge_point_id,
                self.connection,
                reason,
                self.central.now(),
            )
        except StoreUnavailable:
            # The next start, or the next connection, puts it right.
            return

    def check_link(self, now: float) -> None:
        """Called by the keepalive timer: ping when due, end the connection if the link is dead."""
        transport = self._transport
        if transport.stuck_for(now) > self.central.settings.send_timeout:
            transport.broken = True
            self.central.counts.sends_stuck += 1
            self.end(1006, "the station did not read what was sent to it")
            return
        if transport.is_throttled:
            self.complaints.throttled()
        todo = self._pulse.check(now, transport.last_received, self.is_handling)
        if todo == "ping":
            self.start(self._ping)
        elif todo == "dead":
            transport.broken = True
            self.end(1006, "the station no longer answers")

    async def _look_after(self) -> None:
        """Replaced, it is no longer in the hub, where the keepalive timer would find it; and the
        station may never read the answer that is waited for.
        """
        while True:
            await trio.sleep(self.central.settings.send_timeout / 4)
            self.check_link(trio.current_time())

    async def _ping(self) -> None:
        try:
            await self._transport.ping(b"ocpp")
        except ConnectionEnded:
            # The reader meets the same end and reports it.
            return
