"""One connection to a central system: its stream, its WebSocket and the answers waited for.

Owns the only reader of the socket. Never reconnects and never decides what a CALL is answered with.
"""

from __future__ import annotations

import math
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple, cast

import trio
from trio_websocket import (
    ConnectionClosed,
    ConnectionRejected,
    WebSocketConnection,
    wrap_client_stream,
)

from ocpp_trio.errors import (
    CallErrorReceived,
    CallRefused,
    CommandTimedOut,
    InvalidAnswer,
    OcppTrioError,
)
from ocpp_trio.ocppj.actions import FROM_CENTRAL_SYSTEM
from ocpp_trio.ocppj.frames import Call, Payload
from ocpp_trio.ocppj.peer import Answer, Peer, Reply, Request
from ocpp_trio.simulator.endpoint import CannotConnect, Endpoint, Opening

SUBPROTOCOL = "ocpp1.6"

# A peer that is gone never answers a close.
CLOSE_SECONDS = 2.0

# When cancelled, whoever would read the answer to our close is cancelled as well.
SEND_SECONDS = 0.1


class LinkLost(OcppTrioError):
    """The connection ended before the answer came: the message may or may not have arrived."""


class Response(NamedTuple):
    """The answer to a CALL, and what is to be done once it is on its way."""

    payload: Payload
    then: Callable[[], None] | None = None


OnCall = Callable[[Call], Response | None]
"""Answers a CALL: raises CallRefused for a CALLERROR, returns None to leave it unanswered."""


class _Waiting:
    """A CALL of ours whose answer is waited for."""

    def __init__(self, on_answer: Callable[[Payload], None] | None) -> None:
        self.on_answer = on_answer
        self.answer: Answer | None = None
        self.over = trio.Event()


class Connection:
    """An open connection. `closed` is set when it has ended.

    `close_code` is then the code of the other side's close, 1006 for a connection that broke, None
    if the end was ours. `sent` counts the frames sent.
    """

    def __init__(
        self,
        socket: WebSocketConnection,
        on_call: OnCall,
        timeout: float,
        on_text: Callable[[str], None] | None,
    ) -> None:
        self._socket = socket
        self._peer = Peer(FROM_CENTRAL_SYSTEM)
        self._on_call = on_call
        self._on_text = on_text
        self._timeout = timeout
        self._turn = trio.Lock()
        self._waiting: _Waiting | None = None
        self._ours = False
        self.closed = trio.Event()
        self.close_code: int | None = None
        self.sent = 0

    async def call(
        self,
        action: str,
        payload: Payload,
        on_answer: Callable[[Payload], None] | None = None,
    ) -> Payload:
        """Send a CALL when those before it are answered; the payload of its answer.

        `on_answer` is called by the reader with that payload, before it reads the next frame.
        Raises LinkLost, CommandTimedOut (seconds from the sending), CallErrorReceived,
        InvalidAnswer.
        """
        async with self._turn:
            if self.closed.is_set():
                raise LinkLost("the connection has ended")
            message_id, text = self._peer.call(action, payload)
            waiting = self._waiting = _Waiting(on_answer)
            try:
                await self.send(text)
                with trio.move_on_after(self._timeout):
                    await waiting.over.wait()
            finally:
                self._waiting = None
                self._peer.expire(message_id)
        answer = waiting.answer
        if answer is None:
            if self.closed.is_set():
                raise LinkLost("the connection ended before the answer came")
            raise CommandTimedOut(f"no answer within {self._timeout:g} s")
        if answer.error is not None:
            raise CallErrorReceived(answer.error.code, answer.error.description)
        if answer.payload is None or answer.invalid is not None:
            raise InvalidAnswer(answer.invalid or "no payload")
        return answer.payload

    async def send(self, text: str) -> None:
        """Send a text as it is; LinkLost if the connection has ended."""
        try:
            await self._socket.send_message(text)
        except ConnectionClosed:
            raise LinkLost("the connection has ended") from None
        self.sent += 1

    async def close(self, code: int = 1000) -> None:
        """Close the connection, within 2 s whatever the other side does."""
        self._ours = self._ours or self._socket.closed is None
        cancelled = trio.current_effective_deadline() == -math.inf
        with trio.move_on_after(SEND_SECONDS if cancelled else CLOSE_SECONDS, shield=True):
            await self._socket.aclose(code)

    async def read(self) -> None:
        """Read until the connection ends."""
        try:
            while True:
                text = await self._socket.get_message()
                if isinstance(text, str):
                    if self._on_text is not None:
                        self._on_text(text)
                    await self._take(text)
        except (ConnectionClosed, LinkLost):
            if not self._ours:
                reason = self._socket.closed
                self.close_code = 1006 if reason is None else reason.code
        finally:
            self.closed.set()
            if self._waiting is not None:
                self._waiting.over.set()

    async def _take(self, text: str) -> None:
        event = self._peer.receive(text)
        if isinstance(event, Request):
            await self._answer(event)
        elif isinstance(event, Reply):
            await self.send(event.text)
        elif isinstance(event, Answer) and not event.late and self._waiting is not None:
            waiting = self._waiting
            waiting.answer = event
            if waiting.on_answer and event.payload is not None and event.invalid is None:
                waiting.on_answer(event.payload)
            waiting.over.set()

    async def _answer(self, request: Request) -> None:
        try:
            response = self._on_call(request.call)
        except CallRefused as refusal:
            await self.send(self._peer.refuse(request, refusal.code, refusal.description))
            return
        if response is None:
            return
        try:
            await self.send(self._peer.answer(request, response.payload))
        finally:
            # A command that was accepted is carried out, even if the answer did not get through.
            if response.then is not None:
                response.then()


@asynccontextmanager
async def open_connection(
    endpoint: Endpoint,
    charge_point_id: str,
    on_call: OnCall,
    *,
    timeout: float,  # noqa: ASYNC109 - kept by the connection for its CALLs
    on_text: Callable[[str], None] | None = None,
    headers: Sequence[tuple[str, str]] = (),
    subprotocols: Sequence[str] = (SUBPROTOCOL,),
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[Connection]:
    """Connect as `charge_point_id`, read in the background, close at the end.

    `timeout` in seconds: of the handshake and of every answer. Raises CannotConnect.
    """
    try:
        async with trio.open_nursery() as nursery:
            with trio.move_on_after(timeout) as patience:
                opening = Opening(await endpoint.open_stream(tls))
                try:
                    socket = await wrap_client_stream(
                        nursery,
                        cast(Any, opening),
                        endpoint.host,
                        endpoint.resource(charge_point_id),
                        subprotocols=subprotocols,
                        extra_headers=[(k.encode(), v.encode()) for k, v in headers],
                    )
                except BaseException:
                    await trio.aclose_forcefully(opening)
                    raise
            if patience.cancelled_caught:
                raise CannotConnect(f"no answer to the handshake within {timeout:g} s")
            opening.opened = True
            connection = Connection(socket, on_call, timeout, on_text)
            try:
                if subprotocols and socket.subprotocol not in subprotocols:
                    raise CannotConnect(f"the server did not choose {' or '.join(subprotocols)}")
                nursery.start_soon(connection.read)
                yield connection
            finally:
                await connection.close()
                await trio.aclose_forcefully(opening)
            nursery.cancel_scope.cancel()
    except BaseExceptionGroup as group:
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
            error = error.exceptions[0]
        if isinstance(error, ConnectionRejected):
            raise _refusal(error) from None
        raise error from error.__cause__


def _refusal(rejected: ConnectionRejected) -> CannotConnect:
    reason = f"the server refused the handshake with HTTP {rejected.status_code}"
    body = (rejected.body or b"").decode("utf-8", "replace").strip()
    if body:
        reason += f": {' '.join(body.split())[:200]}"
    return CannotConnect(reason, rejected.status_code)
