"""What a charge point says: each message from its text to its answer.

One message of a station is in work at a time; while it is, nothing more is read, so a flood waits
in the peer's own send buffer. Where nothing but a commit is waited for, and the socket is a plain
one, no task wakes for a message: it is begun where it is read, and answered where its commit is
told.
"""

from __future__ import annotations

from collections.abc import Awaitable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import structlog

from ocpp_trio.central.handlers import HANDLERS
from ocpp_trio.central.handlers.write import Write
from ocpp_trio.central.transport import ConnectionEnded, Transport
from ocpp_trio.errors import CallRefused, StoreLost, StoreUnavailable
from ocpp_trio.ocppj import frames
from ocpp_trio.ocppj.actions import TRANSACTION_ACTIONS
from ocpp_trio.ocppj.frames import Call
from ocpp_trio.ocppj.peer import Answer, Event, Ignored, Peer, Reply, Request
from ocpp_trio.store import review
from ocpp_trio.store.batch import Job

if TYPE_CHECKING:
    from ocpp_trio.central.session import Session

log = structlog.get_logger(source="charge point")


class Messages:
    """Those of one connection. Its session does not refer to it: see websocket._break_cycles."""

    __slots__ = ("_central", "_charge_point_id", "_peer", "_session", "_transport")

    def __init__(self, session: Session, transport: Transport, peer: Peer) -> None:
        self._session = session
        self._central = session.central
        self._charge_point_id = session.charge_point_id
        self._transport = transport
        self._peer = peer

    def begin(self, text: str) -> Awaitable[None] | None:
        """One message, if no task is needed for it: its unit of work is submitted, and answered in
        `_written`. Otherwise what the reader's task is to await.
        """
        if self._session.is_ending:
            return None
        event = self._peer.receive(text)
        # From now on, also before the reader has its turn: an end waits for the answer.
        self._session.is_handling = True
        if type(event) is not Request:
            return self._handle(event)
        handler = HANDLERS.get(event.call.action)
        if type(handler) is not Write or not self._may(event.call):
            return self._handle(event)
        self._session.complaints.repaired(event.call, self._peer.tolerance)
        self._transport.hold()
        try:
            done = partial(self._written, handler, event)
            self._central.database.submit(done, *handler.unit(self._session, event))
        except Exception as error:
            self._respond(self._refuse(event, error))
        return None

    def _written(self, handler: Write, request: Request, job: Job) -> None:
        """The unit of work of a message is done, or has failed. Raises nothing: it would end the
        writer, and with it the server.
        """
        if isinstance(job.error, StoreLost):
            # Without its writer, the process ends.
            return
        try:
            self._respond(self._outcome(handler, request, job))
        except Exception:
            log.exception("message not answered", charge_point=self._charge_point_id)
            self._session.is_handling = False
            self._session.end(1011, "an answer could not be sent")

    def _outcome(self, handler: Write, request: Request, job: Job) -> str:
        if job.error is not None:
            return self._refuse(request, job.error)
        try:
            return self._peer.answer(request, handler.answer(self._session, request, job.result))
        except Exception as error:
            return self._refuse(request, error)

    def _respond(self, text: str) -> None:
        try:
            is_sent = self._transport.send_now(text)
        except ConnectionEnded:
            # The reader meets the same end and reports it.
            is_sent = True
        if is_sent or not self._session.start(self._flush):
            self._handled()

    async def _flush(self) -> None:
        with suppress(ConnectionEnded):
            await self._transport.flush()
        self._handled()

    def _handled(self) -> None:
        """A message that was begun by `begin` has its answer."""
        self._session.handled()
        self._transport.release()

    async def receive(self, text: str) -> None:
        """One message, in the reader's task."""
        if not self._session.is_ending:
            await self._handle(self._peer.receive(text))

    async def _handle(self, event: Event) -> None:
        session = self._session
        session.is_handling = True
        try:
            if type(event) is Request:
                await self._transport.send(await self._answer(event))
            elif type(event) is Answer:
                await session.carrier.answered(event)
            elif type(event) is Reply:
                log.debug("answered at once", charge_point=self._charge_point_id, why=event.reason)
                await self._transport.send(event.text)
            else:
                assert isinstance(event, Ignored)
                self._ignore(event)
        except (ConnectionEnded, StoreLost):
            # The reader meets the same end and reports it; without its writer, the process ends.
            return
        finally:
            session.is_handling = False
        session.handled()

    def _ignore(self, event: Ignored) -> None:
        # Some stations send an empty message as a keep-alive.
        if event.reason != "empty message" and self._session.complaints.unusable(event.reason):
            self._session.end(1007, "too many unusable messages")

    def _may(self, call: Call) -> bool:
        """Whether the station may send this: until it is accepted and has booted, only boot."""
        return self._session.accepted or call.action == "BootNotification"

    async def _answer(self, request: Request) -> str:
        """The text that answers a CALL: its handler's result, or the CALLERROR that fits."""
        call = request.call
        self._session.complaints.repaired(call, self._peer.tolerance)
        try:
            if not self._may(call):
                await self._keep_of_stranger(request)
                raise CallRefused("SecurityError", "the charge point is not accepted")
            handler = HANDLERS.get(call.action)
            if handler is None:
                raise CallRefused("NotSupported", "the action is not supported")
            return self._peer.answer(request, await handler(self._session, request))
        except StoreLost:
            raise
        except Exception as error:
            return self._refuse(request, error)

    def _refuse(self, request: Request, error: BaseException) -> str:
        """The CALLERROR that fits what became of a CALL."""
        if isinstance(error, CallRefused):
            return self._peer.refuse(request, error.code, error.description)
        if isinstance(error, StoreUnavailable):
            why = str(error)
            log.warning("database not available", charge_point=self._charge_point_id, why=why)
        elif self._session.complaints.failed(request.call.action, error):
            self._session.end(1011, "too many internal errors")
        return self._peer.refuse(request, "InternalError", "the message could not be processed")

    async def _keep_of_stranger(self, request: Request) -> None:
        """A transaction message of a station not accepted is refused, but kept for a person."""
        action = request.call.action
        if action in TRANSACTION_ACTIONS:
            kept = await self._central.database.write(
                review.keep_of_stranger,
                self._charge_point_id,
                action,
                frames.payload_text(request.text, action),
                self._central.settings.review_limit_pending,
                self._central.now(),
            )
            if not kept:
                self._session.complaints.overflow()
