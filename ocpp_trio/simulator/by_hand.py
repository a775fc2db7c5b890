"""A station that does only what it is told: for tests of a central system, and for benchmarks.

async with open_station("ws://localhost:9000", "CP001") as station:
    station.answers["Reset"] = {"status": "Accepted"}
    answer = await station.call("BootNotification", {...})
    reset = await station.receive("Reset")
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

import trio

from ocpp_trio.domain.station_keys import authorization
from ocpp_trio.errors import CallRefused
from ocpp_trio.ocppj import frames
from ocpp_trio.ocppj.frames import Call, Payload
from ocpp_trio.simulator.bell import Bell
from ocpp_trio.simulator.connection import (
    SUBPROTOCOL,
    Connection,
    Response,
    open_connection,
)
from ocpp_trio.simulator.endpoint import Endpoint, endpoint_of

Scripted = Payload | Callable[[Payload], Payload] | CallRefused | None
"""How a CALL is answered: a payload, a function of the request's, a CALLERROR, or not at all."""


class Station:
    """A connected station; `open_station` makes one.

    `answers` says by action how CALLs are answered; one that is missing there gets NotSupported.
    `received` holds every CALL, `frames` every text that came, both in order.
    """

    def __init__(self, answers: Mapping[str, Scripted]) -> None:
        self.answers: dict[str, Scripted] = dict(answers)
        self.received: list[Call] = []
        self.frames: list[str] = []
        self._untaken: list[Call] = []
        self._bell = Bell()
        self._connection: Connection | None = None

    async def call(self, action: str, payload: Payload | None = None) -> Payload:
        """Send a CALL; the payload of its answer.

        Raises CallErrorReceived, CommandTimedOut, InvalidAnswer (schema), LinkLost.
        """
        return await self.connection.call(action, payload or {})

    async def receive(self, action: str | None = None) -> Call:
        """The oldest CALL not yet taken (with this action); waits for one, without time limit."""

        def matching() -> Call | None:
            return next((call for call in self._untaken if action in {None, call.action}), None)

        await self._bell.until(lambda: matching() is not None)
        call = matching()
        assert call is not None
        self._untaken.remove(call)
        return call

    async def answer(self, call: Call, payload: Payload) -> None:
        """Answer a CALL that `answers` left unanswered with None, however late."""
        await self.send(frames.encode_result(call.id, payload))

    async def send(self, text: str) -> None:
        """Send a text as it is, an OCPP-J message or not."""
        await self.connection.send(text)

    async def close(self, code: int = 1000) -> None:
        """Close the connection."""
        await self.connection.close(code)

    async def wait_closed(self) -> int | None:
        """Wait for the end; the other side's close code, 1006 if it broke, None if it was ours."""
        await self.connection.closed.wait()
        return self.connection.close_code

    @property
    def connection(self) -> Connection:
        """The connection beneath."""
        assert self._connection is not None
        return self._connection

    def attach(self, connection: Connection) -> None:
        """Use this connection."""
        self._connection = connection

    def on_call(self, call: Call) -> Response | None:
        """Answer a CALL by `answers`."""
        self.received.append(call)
        self._untaken.append(call)
        self._bell.ring()
        if call.action not in self.answers:
            raise CallRefused("NotSupported", "this station has no answer to it")
        scripted = self.answers[call.action]
        if isinstance(scripted, CallRefused):
            raise scripted
        if callable(scripted):
            scripted = scripted(call.payload)
        return None if scripted is None else Response(scripted)


@asynccontextmanager
async def open_station(
    target: str | trio.abc.Stream,
    charge_point_id: str,
    *,
    timeout: float = 30.0,  # noqa: ASYNC109 - kept by the connection for its CALLs
    answers: Mapping[str, Scripted] | None = None,
    headers: Sequence[tuple[str, str]] = (),
    key: bytes | None = None,
    subprotocols: Sequence[str] = (SUBPROTOCOL,),
) -> AsyncIterator[Station]:
    """Connect a station to a ws:// or wss:// URL, or over an open stream.

    `timeout` in seconds: of the handshake and of every answer; `key`: what it presents. Raises
    CannotConnect, whose `status` is the HTTP status of a refusal.
    """
    if isinstance(target, str):
        endpoint = endpoint_of(target)
    else:
        stream = target

        async def given(_: object) -> trio.abc.Stream:
            return stream

        endpoint = Endpoint(given, "memory")
    if key is not None:
        headers = [*headers, ("Authorization", authorization(charge_point_id, key))]
    station = Station(answers or {})
    async with open_connection(
        endpoint,
        charge_point_id,
        station.on_call,
        timeout=timeout,
        on_text=station.frames.append,
        headers=headers,
        subprotocols=subprotocols,
    ) as connection:
        station.attach(connection)
        yield station
