"""A central system of a few lines, over streams in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import trio
import trio.testing
from trio_websocket import ConnectionClosed, WebSocketConnection, wrap_server_stream

from ocpp_trio.errors import CallRefused
from ocpp_trio.ocppj.frames import Payload
from ocpp_trio.ocppj.peer import Answer, Peer, Reply, Request
from ocpp_trio.simulator.bell import Bell
from ocpp_trio.simulator.endpoint import CannotConnect, Endpoint

Scripted = Payload | CallRefused | Callable[[Payload], "Scripted"] | None
"""How a CALL is answered: None leaves it unanswered."""

DROP = CallRefused("Drop", "end the connection instead of answering")


# Of a test's own clock, which jumps: what takes an hour does not happen.
LIMIT = 3600.0


class Central:
    """Answers every CALL of every charge point from `answers`; keeps them all in `received`."""

    def __init__(self, start_soon: Callable[..., object]) -> None:
        """`start_soon` starts the task that serves a connection."""
        self._start_soon = start_soon
        self._next_id = 0
        self._socket: WebSocketConnection | None = None
        self._peer = Peer()
        self._got: tuple[str, Answer | None] = ("", None)
        self._stream: trio.StapledStream[Any, Any] | None = None
        self.bell = Bell()
        self.listening = True
        self.connections = 0
        self.refuse_with: int | None = None
        self.received: list[tuple[str, Payload]] = []
        self.ids: list[str] = []
        self.paths: list[str] = []
        self.headers: list[dict[bytes, bytes]] = []
        self.answers: dict[str, Scripted] = {
            "Authorize": {"idTagInfo": {"status": "Accepted"}},
            "BootNotification": {
                "status": "Accepted",
                "interval": 300,
                "currentTime": "2026-11-23T08:00:00Z",
            },
            "DataTransfer": {"status": "Accepted"},
            "DiagnosticsStatusNotification": {},
            "FirmwareStatusNotification": {},
            "Heartbeat": {"currentTime": "2026-11-23T08:00:00Z"},
            "LogStatusNotification": {},
            "MeterValues": {},
            "SecurityEventNotification": {},
            "SignCertificate": {"status": "Accepted"},
            "SignedFirmwareStatusNotification": {},
            "StartTransaction": self.start,
            "StatusNotification": {},
            "StopTransaction": {},
        }

    @property
    def endpoint(self) -> Endpoint:
        """Where charge points find it."""
        return Endpoint(self._open_stream, "central", "/ocpp")

    def start(self, _: Payload) -> Payload:
        """The next transaction, accepted."""
        self._next_id += 1
        return {"transactionId": self._next_id, "idTagInfo": {"status": "Accepted"}}

    def actions(self) -> list[str]:
        """The actions received, in order; a status with its word."""
        return [
            f"{payload['connectorId']} {payload['status']}"
            if action == "StatusNotification"
            else action
            for action, payload in self.received
        ]

    def payloads(self, action: str) -> list[Payload]:
        """What was received with this action."""
        return [payload for each, payload in self.received if each == action]

    async def until(self, action: str, times: int = 1) -> Payload:
        """Wait until the action (or a status such as "1 Charging") came so often; the newest."""
        with trio.fail_after(LIMIT):
            await self.bell.until(lambda: self.actions().count(action) >= times)
        index = [i for i, each in enumerate(self.actions()) if each == action][times - 1]
        return self.received[index][1]

    async def ask(self, action: str, **payload: Any) -> Answer:
        """Send a CALL to the newest connection; its answer."""
        assert self._socket is not None
        message_id, text = self._peer.call(action, payload)
        await self._socket.send_message(text)
        with trio.fail_after(LIMIT):
            await self.bell.until(lambda: self._got[0] == message_id)
        answer = self._got[1]
        assert answer is not None
        return answer

    async def command(self, action: str, **payload: Any) -> Payload | str:
        """Send a CALL to the newest connection; the payload, or the code of its CALLERROR."""
        answer = await self.ask(action, **payload)
        assert answer.invalid is None
        if answer.error is not None:
            return answer.error.code
        assert answer.payload is not None
        return answer.payload

    async def status(self, action: str, **payload: Any) -> str:
        """Send a CALL; the status in its answer."""
        answer = await self.command(action, **payload)
        assert isinstance(answer, dict)
        return str(answer["status"])

    async def send_text(self, text: str) -> None:
        """Send a text as it is over the newest connection."""
        assert self._socket is not None
        await self._socket.send_message(text)

    async def drop(self) -> None:
        """Break the newest connection."""
        assert self._stream is not None
        await trio.aclose_forcefully(self._stream)

    async def close(self, code: int) -> None:
        """Close the newest connection."""
        assert self._socket is not None
        await self._socket.aclose(code)

    async def _open_stream(self, _: object = None) -> trio.abc.Stream:
        if not self.listening:
            raise CannotConnect("connection refused")
        theirs, ours = trio.testing.memory_stream_pair()
        self._start_soon(self._serve, ours)
        return theirs

    async def _serve(self, stream: trio.StapledStream[Any, Any]) -> None:
        async with trio.open_nursery() as nursery:
            request = await wrap_server_stream(nursery, stream)
            if self.refuse_with is not None:
                await request.reject(self.refuse_with, body=b"not this one")
                return
            self.paths.append(request.path)
            self.headers.append({name.lower(): value for name, value in request.headers})
            socket = await request.accept(subprotocol=request.proposed_subprotocols[0])
            self.connections += 1
            self._stream, self._socket, self._peer = stream, socket, Peer()
            peer = self._peer
            try:
                while True:
                    await self._take(socket, peer, str(await socket.get_message()))
            except ConnectionClosed:
                pass

    async def _take(self, socket: WebSocketConnection, peer: Peer, text: str) -> None:
        event = peer.receive(text)
        if isinstance(event, Answer):
            self._got = (event.id, event)
        elif isinstance(event, Reply):
            await socket.send_message(event.text)
        elif isinstance(event, Request):
            call = event.call
            assert not call.repairs
            scripted = self.answers[call.action]
            while callable(scripted):
                scripted = scripted(call.payload)
            self.ids.append(call.id)
            self.received.append((call.action, call.payload))
            if scripted is DROP:
                await self.drop()
            elif isinstance(scripted, CallRefused):
                await socket.send_message(peer.refuse(event, scripted.code, scripted.description))
            elif isinstance(scripted, dict):
                await socket.send_message(peer.answer(event, scripted))
        self.bell.ring()
