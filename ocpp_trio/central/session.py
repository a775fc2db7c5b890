"""One connected charge point: reads, answers, carries commands.

Tasks, all in the connection's nursery: trio-websocket's reader, which hands each message to
`_receive`; the command carrier; and `run`, which waits for the end. One message of a station is in
work at a time; while it is, nothing more is read, so a flood waits in the peer's own send buffer.
"""

from __future__ import annotations

import structlog
import trio

from ocpp_trio.central.burst import Burst
from ocpp_trio.central.carrier import Carrier
from ocpp_trio.central.context import Central
from ocpp_trio.central.handlers import HANDLERS
from ocpp_trio.central.keepalive import Pulse
from ocpp_trio.central.transport import ConnectionEnded, Transport
from ocpp_trio.certificates import ClientCertificate
from ocpp_trio.errors import CallRefused, StoreLost, StoreUnavailable
from ocpp_trio.ocppj import frames, quirks
from ocpp_trio.ocppj.actions import TRANSACTION_ACTIONS
from ocpp_trio.ocppj.peer import Answer, Ignored, Peer, Reply, Request
from ocpp_trio.store import charge_points, review

log = structlog.get_logger(source="charge point")

MAX_FAULTS = 5
MAX_KNOWN_TRANSACTIONS = 64
MAX_KNOWN_CONNECTORS = 64
OVERFLOW_INTERVAL = 3600.0
"""Seconds between two warnings that messages of a station are no longer kept."""


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
        self.repairs: set[tuple[str, str]] = set()
        self._transport = transport
        self._peer = Peer()
        self.set_tolerance(
            admission.vendor, admission.model, admission.firmware_version, admission.conformance
        )
        self.carrier = Carrier(
            central, charge_point_id, admission.connection, self._peer, transport.send
        )
        self._pulse = Pulse(
            central.settings.ping_interval, central.settings.ping_timeout, trio.current_time()
        )
        self._over = trio.Event()
        self._nursery: trio.Nursery | None = None
        self._handling = False
        self._end: tuple[int, str] | None = None
        self._bad_messages = Burst(central.settings.max_unusable)
        self._faults = Burst(MAX_FAULTS)
        self._warned_of_overflow: float | None = None
        self._warned_of_throttle = False

    @property
    def accepted(self) -> bool:
        """Whether the station may do more than boot: it was accepted, and has booted before."""
        return self.booted and self.registration == charge_points.ACCEPTED

    def _is_ending(self) -> bool:
        return self._end is not None

    def end(self, code: int, reason: str) -> None:
        """Close the connection; not waited for. The first reason counts.

        A message in work is finished and answered first, unless the connection is broken.
        """
        if self._end is None:
            self._end = (code, reason)
        if not self._handling or self._transport.broken:
            self._over.set()

    def set_tolerance(
        self, vendor: str | None, model: str | None, firmware: str | None, conformance: str | None
    ) -> None:
        """Take of this station's messages what is known of its make, or what the operator says."""
        default = self.central.settings.conformance
        self._peer.tolerance = quirks.tolerance(vendor, model, firmware, conformance or default)

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
            self._transport.attach(self._receive)
            self.central.queue.feed(self)
            await self._over.wait()
            assert self._end is not None
            reason = self._end[1]
        finally:
            self.carrier.close(replaced=self._end is not None and self._end[0] == 1008)
            self.central.hub.remove(self)
            if self._end is not None:
                with trio.CancelScope(shield=True, deadline=self._close_deadline()):
                    await self._transport.close(*self._end)
            with trio.CancelScope(shield=True):
                await self._note_end(reason)
            # Nothing is to wait for a look for cycles, which are seldom: see app.GC_THRESHOLD.
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

    async def _receive(self, text: str) -> None:
        """One message, from its text to its answer."""
        if self._is_ending():
            return
        self._handling = True
        try:
            event = self._peer.receive(text)
            if type(event) is Request:
                await self._transport.send(await self._answer(event))
            elif type(event) is Answer:
                await self.carrier.answered(event)
            elif type(event) is Reply:
                log.debug("answered at once", charge_point=self.charge_point_id, why=event.reason)
                await self._transport.send(event.text)
            else:
                assert isinstance(event, Ignored)
                self._ignore(event)
        except (ConnectionEnded, StoreLost):
            # The reader meets the same end and reports it; without its writer, the process ends.
            return
        finally:
            self._handling = False
        if self.booted:
            self.carrier.allow()
        if self._is_ending():
            self._over.set()

    def _ignore(self, event: Ignored) -> None:
        if event.reason == "empty message":
            # Some stations send one as a keep-alive.
            return
        self.central.counts.messages_unusable += 1
        if self._bad_messages.count == 0:
            log.warning(
                "unusable message ignored", charge_point=self.charge_point_id, why=event.reason
            )
        if self._bad_messages.hit():
            self._end = (1007, "too many unusable messages")

    async def _answer(self, request: Request) -> str:
        """The text that answers a CALL: its handler's result, or the CALLERROR that fits."""
        call = request.call
        for repair in call.repairs:
            self._note_repair(repair, call.action)
        try:
            if not self.accepted and call.action != "BootNotification":
                await self._keep_of_stranger(request)
                raise CallRefused("SecurityError", "the charge point is not accepted")
            handler = HANDLERS.get(call.action)
            if handler is None:
                raise CallRefused("NotSupported", "the action is not supported")
            payload = await handler(self, request)
            return self._peer.answer(request, payload)
        except CallRefused as refused:
            return self._peer.refuse(request, refused.code, refused.description)
        except StoreLost:
            raise
        except StoreUnavailable as error:
            log.warning("database not available", charge_point=self.charge_point_id, why=str(error))
        except Exception:
            log.exception("handler failed", charge_point=self.charge_point_id, action=call.action)
            if self._faults.hit():
                self._end = (1011, "too many internal errors")
        return self._peer.refuse(request, "InternalError", "the message could not be processed")

    def _note_repair(self, repair: str, action: str) -> None:
        self.central.presence.repaired(self.charge_point_id, action, repair, self.central.now())
        if (action, repair) not in self.repairs:
            self.repairs.add((action, repair))
            # A known quirk is counted, but is no news.
            is_known = (action, repair) in self._peer.tolerance.known
            (log.debug if is_known else log.warning)(
                "message breaks the schema and was repaired",
                charge_point=self.charge_point_id,
                action=action,
                repair=repair,
            )

    async def _keep_of_stranger(self, request: Request) -> None:
        """A transaction message of a station not accepted is refused, but kept for a person."""
        action = request.call.action
        if action in TRANSACTION_ACTIONS:
            kept = await self.central.database.write(
                review.keep_of_stranger,
                self.charge_point_id,
                action,
                frames.payload_text(request.text, action),
                self.central.settings.review_limit_pending,
                self.central.now(),
            )
            if not kept:
                self.warn_of_overflow()

    def warn_of_overflow(self) -> None:
        """A message for a person was answered, but not kept; said once an hour."""
        now, before = trio.current_time(), self._warned_of_overflow
        if before is None or now - before >= OVERFLOW_INTERVAL:
            self._warned_of_overflow = now
            log.warning(
                "too many review items are open: what comes now is only counted",
                charge_point=self.charge_point_id,
            )

    def check_link(self, now: float) -> None:
        """Called by the keepalive timer: ping when due, end the connection if the link is dead."""
        transport = self._transport
        if transport.stuck_for(now) > self.central.settings.send_timeout:
            transport.broken = True
            self.central.counts.sends_stuck += 1
            self.end(1006, "the station did not read what was sent to it")
            return
        if transport.is_throttled and not self._warned_of_throttle:
            self._warned_of_throttle = True
            log.warning(
                "the station sends more than OCPP_MESSAGE_RATE: it is made to wait",
                charge_point=self.charge_point_id,
            )
        todo = self._pulse.check(now, transport.last_received, self._handling)
        if todo == "ping" and self._nursery is not None:
            self._nursery.start_soon(self._ping)
        elif todo == "dead":
            transport.broken = True
            self.end(1006, "the station no longer answers")

    async def _ping(self) -> None:
        try:
            await self._transport.ping(b"ocpp")
        except ConnectionEnded:
            # The reader meets the same end and reports it.
            return
