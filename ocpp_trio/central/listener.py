"""The door for charge points: accepts TCP, reads the handshake, decides, hands over to a session.

Our own accept loop around trio-websocket: in the library's, any exception of one connection, also
one raised by a stranger's bytes before the handshake, ends the whole server.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial

import structlog
import trio

from ocpp_trio.central.authentication import Refusal, Visitor
from ocpp_trio.central.context import Central
from ocpp_trio.central.identity import charge_point_id
from ocpp_trio.central.replacements import BLOCKED
from ocpp_trio.central.secure import check_certificate, complete_handshake
from ocpp_trio.central.session import Session
from ocpp_trio.central.tracing import traced
from ocpp_trio.central.transport import ConnectionEnded, Handshake, receive_handshake
from ocpp_trio.errors import StoreUnavailable
from ocpp_trio.limits import WaitingConnections, address_of
from ocpp_trio.proxies import TrustedProxies, came_by_proxy
from ocpp_trio.store import charge_points
from ocpp_trio.tls import Tls

log = structlog.get_logger(source="listener")

SUBPROTOCOL = "ocpp1.6"
RETRY_AFTER = (b"Retry-After", b"30")
OFTEN = 60
"""Log entries a minute about each way to be refused: strangers must not fill the log."""


class _TurnedAway(Exception):
    """A handshake is refused, whoever the station is."""

    def __init__(self, status: int, *headers: tuple[bytes, bytes]) -> None:
        super().__init__(status)
        self.status = status
        self.headers = headers


class Listener:
    """Serves connections; `serve` is the task."""

    def __init__(self, central: Central) -> None:
        self._central = central
        self._proxies = TrustedProxies(central.settings.trusted_proxies)
        settings = central.settings
        self._waiting = WaitingConnections(
            settings.max_handshakes, settings.max_waiting_per_address, settings.waiting_grace
        )
        # Past their handshake: the sessions, and who is being decided about.
        self._connections = 0

    async def serve(
        self,
        listeners: list[trio.SocketListener],
        sessions: trio.Nursery,
        tls: Tls | None = None,
    ) -> None:
        """Accept connections until cancelled; each runs in the `sessions` nursery."""
        serve = partial(self.serve_stream, tls=tls)
        await trio.serve_listeners(serve, listeners, handler_nursery=sessions)

    async def serve_stream(self, stream: trio.abc.Stream, tls: Tls | None = None) -> None:
        """One connection from its first byte to its last. Raises nothing but Cancelled."""
        remote = _remote_address(stream)
        if tls is not None:
            stream = tls.server_stream(stream)
        try:
            async with trio.open_nursery() as nursery:
                try:
                    await self._serve(nursery, stream, remote)
                finally:
                    nursery.cancel_scope.cancel()
        except* trio.Cancelled:
            raise
        except* Exception as group:
            # Hostile or broken bytes: the libraries raise whatever they like on them.
            self._central.counts.connections_broken += 1
            log.debug("connection failed", remote=remote, why=repr(group.exceptions[0]))
        finally:
            await trio.aclose_forcefully(stream)

    async def _serve(self, nursery: trio.Nursery, stream: trio.abc.Stream, remote: str) -> None:
        """Handshake, admission and session, all within the nursery of the connection."""
        settings, counts = self._central.settings, self._central.counts
        handshake = session = None
        with trio.move_on_after(settings.handshake_timeout) as waiting:
            counts.handshakes_dropped += self._waiting.add(
                waiting, self._bounded_address(remote), trio.current_time(), waiting.cancel
            )
            try:
                certificate = None
                if isinstance(stream, trio.SSLStream):
                    certificate = await complete_handshake(stream, remote)
                handshake = await receive_handshake(
                    nursery, stream, settings, counts, self._central.poller
                )
                handshake.is_secure = isinstance(stream, trio.SSLStream)
                handshake.certificate = certificate
            finally:
                self._waiting.discard(waiting)
        if handshake is None:
            counts.handshakes_timed_out += trio.current_time() >= waiting.deadline
            return
        self._connections += 1
        try:
            # A limit of its own: when thousands come at once, what takes long is ours.
            with trio.move_on_after(settings.handshake_timeout) as deciding:
                session = await self._decide(handshake, remote)
            counts.handshakes_timed_out += deciding.cancelled_caught
            if session is not None:
                await session.run(nursery)
        finally:
            self._connections -= 1

    def _bounded_address(self, remote: str) -> str:
        """The address whose waiting connections are bounded, "" for a proxy: many are behind it."""
        host = remote.rpartition(":")[0]
        return "" if self._proxies.trusts(host) else address_of(host)

    async def _decide(self, handshake: Handshake, remote: str) -> Session | None:
        """Let the station in, or refuse it."""
        central = self._central
        peer = remote.rpartition(":")[0]
        origin = self._proxies.origin(peer, handshake.headers, is_secure=handshake.is_secure)
        if origin.address != peer:
            remote = origin.address
        point = ""
        try:
            point = self._identity(handshake, remote)
            subprotocol = self._subprotocol(handshake, point)
            self._check_room(point)
            visitor = Visitor(
                point,
                origin,
                handshake.header(b"authorization"),
                has_certificate=handshake.certificate is not None,
                policy=self._policy(handshake),
            )
            admission = await self._admit(handshake, visitor, subprotocol, remote)
        except _TurnedAway as why:
            await handshake.refuse(why.status, *why.headers)
        except Refusal as refusal:
            central.counts.station_refused(refusal.status)
            central.hints.refused(point, refusal.why, is_unknown=refusal.status == 404)
            await handshake.refuse(refusal.status, *refusal.headers)
        except StoreUnavailable:
            await handshake.refuse(503, RETRY_AFTER)
        else:
            return await self._enter(handshake, point, admission, subprotocol, remote)
        return None

    def _identity(self, handshake: Handshake, remote: str) -> str:
        point = charge_point_id(handshake.target, self._central.settings.path_prefix)
        if point is None:
            log.info(
                "handshake refused: no charge point id in its path", remote=remote, at_most=OFTEN
            )
            raise _TurnedAway(404)
        return point

    def _subprotocol(self, handshake: Handshake, point: str) -> str | None:
        if SUBPROTOCOL in handshake.subprotocols:
            return SUBPROTOCOL
        if not handshake.subprotocols and not self._central.settings.require_subprotocol:
            return None
        log.warning(
            "handshake refused: the station does not offer the subprotocol ocpp1.6"
            + ("" if handshake.subprotocols else " (OCPP_REQUIRE_SUBPROTOCOL=false admits it)"),
            charge_point=point,
            offered=", ".join(handshake.subprotocols)[:200],
            at_most=OFTEN,
        )
        raise _TurnedAway(400)

    def _check_room(self, point: str) -> None:
        """Whether one more may come in, and the database takes what it sends."""
        central, settings = self._central, self._central.settings
        if self._connections > settings.max_connections and not central.hub.connected(point):
            central.counts.connections_refused += 1
            log.warning(
                "handshake refused: as many charge points as may be are connected"
                " (OCPP_MAX_CONNECTIONS)",
                charge_point=point,
                connected=len(central.hub),
                at_most=OFTEN,
            )
            raise _TurnedAway(503, RETRY_AFTER)
        if central.database.failing_for() >= settings.db_offline_after:
            raise _TurnedAway(503, RETRY_AFTER)

    async def _admit(
        self, handshake: Handshake, visitor: Visitor, subprotocol: str | None, remote: str
    ) -> charge_points.Admission:
        """Raises Refusal if the station is not who it says, or may not come in."""
        central = self._central
        await check_certificate(central, handshake, visitor)
        proof = await central.authentication.check(visitor)
        admission = await central.database.write(
            charge_points.admit,
            visitor.charge_point_id,
            visitor.policy,
            central.settings.max_pending,
            remote,
            subprotocol,
            central.now(),
            proof,
            central.node.id,
        )
        if admission is None:
            raise central.authentication.unknown(visitor)
        return admission

    async def _enter(
        self,
        handshake: Handshake,
        point: str,
        admission: charge_points.Admission,
        subprotocol: str | None,
        remote: str,
    ) -> Session | None:
        central = self._central
        transport = None
        try:
            transport = await handshake.accept(subprotocol)
        except ConnectionEnded:
            return None
        finally:
            if transport is None:
                with trio.CancelScope(shield=True):
                    await central.database.write(
                        charge_points.disconnect,
                        point,
                        admission.connection,
                        "gone during the handshake",
                        central.now(),
                    )
        if admission.is_expected:
            central.queue.expect(point)
        session = Session(central, point, traced(transport, point, central.settings), admission)
        session.certificate = handshake.certificate
        has_replaced = central.hub.add(session)
        log.info(
            "charge point connected",
            charge_point=point,
            remote=remote,
            registration=admission.registration,
        )
        if has_replaced or admission.has_replaced:
            # The session is in the hub: whatever becomes of this, it must come to run, and to end.
            with trio.CancelScope(shield=True), suppress(StoreUnavailable):
                if await central.replacements.note(point, remote):
                    session.end(1008, BLOCKED)
        return session

    def _policy(self, handshake: Handshake) -> str:
        """What becomes of an id nobody registered. Through a proxy nobody is local."""
        settings = self._central.settings
        if settings.unknown_charge_points == "auto" and came_by_proxy(handshake.headers):
            return "pending"
        return settings.unknown_policy


def _remote_address(stream: trio.abc.Stream) -> str:
    """The peer's address, asked for before anything can go wrong: after a reset it is gone."""
    if not isinstance(stream, trio.SocketStream):
        return ""
    try:
        host, port, *_ = stream.socket.getpeername()
    except OSError:
        return ""
    return f"{host}:{port}"
