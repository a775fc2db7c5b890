"""Charge points that go about their business while others do not, and how long each answer takes.

A client of its own on plain sockets: it shares no code with the server, and costs little.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import trio

from tests.acceptance.raw import WORKED_EXAMPLE, call, upgrade

Payload = dict[str, Any]


class Refused(Exception):
    """The server did not let the station in: the first line of its answer."""


@dataclass
class Watch:
    """What honest stations met with."""

    latencies: list[float] = field(default_factory=list)
    connects: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    sessions: int = 0

    def percentile(self, share: float, times: list[float] | None = None) -> float:
        """In seconds; of the latencies, if nothing else is given."""
        ordered = sorted(self.latencies if times is None else times)
        return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else math.nan


class Honest:
    """A station; every answer must be a CALLRESULT to what it asked."""

    def __init__(self, port: int, name: str, watch: Watch, *headers: str) -> None:
        self.name = name
        self._port = port
        self._watch = watch
        self._headers = headers
        self._ids = count(1)
        self._stream: trio.SocketStream | None = None
        self._buffer = bytearray()

    async def connect(self) -> None:
        """Raises Refused."""
        began = time.perf_counter()
        stream = await trio.open_tcp_stream("127.0.0.1", self._port)
        self._stream, self._buffer = stream, bytearray()
        await stream.send_all(upgrade(self.name, *self._headers))
        head = await self._until(b"\r\n\r\n")
        if b" 101 " not in head or WORKED_EXAMPLE.encode() not in head:
            await trio.aclose_forcefully(stream)
            raise Refused(head.split(b"\r\n")[0].decode("latin-1"))
        self._watch.connects.append(time.perf_counter() - began)

    async def close(self) -> None:
        """Go away without a word, as stations do."""
        if self._stream is not None:
            await trio.aclose_forcefully(self._stream)

    async def send(self, action: str, payload: Payload) -> str:
        """Send a CALL; its id."""
        assert self._stream is not None
        message_id = f"{next(self._ids)}"
        await self._stream.send_all(call(action, payload, message_id))
        return message_id

    async def receive(self) -> list[Any]:
        """The next message."""
        while True:
            head = await self._exactly(2)
            size = head[1]
            if size == 126:
                size = int.from_bytes(await self._exactly(2), "big")
            elif size == 127:
                size = int.from_bytes(await self._exactly(8), "big")
            payload = await self._exactly(size)
            if head[0] == 0x81:
                message: list[Any] = json.loads(payload)
                return message
            if head[0] == 0x88:
                raise ConnectionError(f"closed with {payload!r}")
            if head[0] == 0x89:
                assert self._stream is not None
                await self._stream.send_all(bytes((0x8A, 0x80 | size, 0, 0, 0, 0)) + payload)

    async def call(self, action: str, payload: Payload) -> Payload:
        """Send a CALL and wait; the payload of its CALLRESULT."""
        began = time.perf_counter()
        message_id = await self.send(action, payload)
        kind, answered, result = (await self.receive())[:3]
        self._watch.latencies.append(time.perf_counter() - began)
        assert (kind, answered) == (3, message_id), (action, kind, answered, result)
        answer: Payload = result
        return answer

    async def session(self, pause: Callable[[], Awaitable[None]]) -> None:
        """Boot, start, three meter values, stop, with a pause between each two."""
        await self.call("BootNotification", {"chargePointVendor": "H", "chargePointModel": "H"})
        moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        await pause()
        start = {"connectorId": 1, "idTag": "TAG", "meterStart": 0, "timestamp": moment}
        number = (await self.call("StartTransaction", start))["transactionId"]
        for wh in (100, 200, 300):
            await pause()
            sampled = [{"value": str(wh), "measurand": "Energy.Active.Import.Register"}]
            value = {"timestamp": moment, "sampledValue": sampled}
            meter = {"connectorId": 1, "transactionId": number, "meterValue": [value]}
            await self.call("MeterValues", meter)
        await pause()
        stop = {"transactionId": number, "meterStop": 400, "timestamp": moment}
        await self.call("StopTransaction", stop)
        self._watch.sessions += 1

    async def work(self, pause: Callable[[], Awaitable[None]]) -> None:
        """Connect, hold a session, go away, for ever; what goes wrong is noted."""
        while True:
            try:
                await self.connect()
                await self.session(pause)
            except (OSError, trio.BrokenResourceError, Refused, AssertionError) as error:
                self._watch.failures.append(f"{self.name}: {error!r}")
                await trio.sleep(1)
            finally:
                await self.close()

    async def _exactly(self, size: int) -> bytes:
        while len(self._buffer) < size:
            await self._more()
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken

    async def _until(self, mark: bytes) -> bytes:
        while mark not in self._buffer:
            await self._more()
        return await self._exactly(self._buffer.index(mark) + len(mark))

    async def _more(self) -> None:
        assert self._stream is not None
        piece = await self._stream.receive_some(65536)
        if not piece:
            raise ConnectionError("closed without a word")
        self._buffer += piece
