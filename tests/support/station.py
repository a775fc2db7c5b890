"""A charge point for tests: raw frames over any stream, nothing clever.

It stands for a foreign client, so it shares no code with the server or with the simulator.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import trio
from trio.testing import memory_stream_pair, wait_all_tasks_blocked
from trio_websocket import (
    ConnectionClosed,
    ConnectionRejected,
    WebSocketConnection,
    wrap_client_stream,
)

from ocpp_trio.central.listener import Listener

Payload = dict[str, Any]

BOOT = {"chargePointVendor": "Test", "chargePointModel": "T1"}


class Refused(Exception):
    """The server answered with a CALLERROR: code and description."""


class TestStation:
    """One connection. `calls` holds what the server asked and nobody answered yet."""

    __test__ = False

    def __init__(self, websocket: WebSocketConnection) -> None:
        self.websocket = websocket
        self._ids = count(1)

    async def send(self, frame: object) -> None:
        """Send any JSON value, or a str as it is."""
        await self.websocket.send_message(frame if isinstance(frame, str) else json.dumps(frame))

    async def receive(self) -> Any:
        """The next frame."""
        return json.loads(await self.websocket.get_message())

    async def call(self, action: str, payload: Payload, message_id: str | None = None) -> Payload:
        """Send a CALL and return its answer's payload. Raises Refused."""
        sent = message_id or f"m{next(self._ids)}"
        await self.send([2, sent, action, payload])
        kind, answered, *rest = await self.receive()
        assert answered == sent
        if kind == 4:
            raise Refused(*rest[:2])
        assert kind == 3
        return dict(rest[0])

    async def boot(self) -> Payload:
        """A BootNotification."""
        return await self.call("BootNotification", BOOT)

    async def start(self, **changes: Any) -> Payload:
        """A StartTransaction on connector 1 with the tag TAG."""
        payload = {
            "connectorId": 1,
            "idTag": "TAG",
            "meterStart": 1000,
            "timestamp": "2026-11-23T08:00:00Z",
        }
        return await self.call("StartTransaction", payload | changes)

    async def meter(self, transaction_id: int | None, wh: int, minute: int = 1) -> Payload:
        """MeterValues with one register reading."""
        sampled = [{"value": str(wh), "measurand": "Energy.Active.Import.Register", "unit": "Wh"}]
        value = {"timestamp": f"2026-11-23T08:{minute:02}:00Z", "sampledValue": sampled}
        payload: Payload = {"connectorId": 1, "meterValue": [value]}
        if transaction_id is not None:
            payload["transactionId"] = transaction_id
        return await self.call("MeterValues", payload)

    async def stop(self, transaction_id: int, **changes: Any) -> Payload:
        """A StopTransaction at 3500 Wh."""
        payload = {
            "transactionId": transaction_id,
            "meterStop": 3500,
            "timestamp": "2026-11-23T09:00:00Z",
        }
        return await self.call("StopTransaction", payload | changes)

    async def close_code(self) -> int:
        """Wait until the server closes; its code."""
        while True:
            try:
                await self.websocket.get_message()
            except ConnectionClosed as closed:
                return closed.reason.code if closed.reason else 0


async def connect(
    listener: Listener,
    nursery: trio.Nursery,
    path: str = "/CP001",
    subprotocols: tuple[str, ...] = ("ocpp1.6",),
    headers: list[tuple[bytes, bytes]] | None = None,
) -> TestStation:
    """A station on a memory stream; raises trio_websocket.ConnectionRejected if it is refused."""
    ours, theirs = memory_stream_pair()
    nursery.start_soon(listener.serve_stream, theirs)
    websocket = await wrap_client_stream(
        nursery,
        ours,  # type: ignore[arg-type]
        "test",
        path,
        subprotocols=subprotocols,
        extra_headers=headers,
    )
    return TestStation(websocket)


@asynccontextmanager
async def connected(
    listener: Listener, path: str = "/CP001", **options: Any
) -> AsyncIterator[TestStation]:
    """A station that is connected while the block runs."""
    async with trio.open_nursery() as nursery:
        station = await connect(listener, nursery, path, **options)
        yield station
        await station.websocket.aclose()
        await wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()


async def refusal(listener: Listener, path: str = "/CP001", **options: Any) -> int:
    """The HTTP status with which a handshake is refused."""
    status = 0
    try:
        async with connected(listener, path, **options):
            raise AssertionError("the handshake was accepted")
    except* ConnectionRejected as group:
        error = group.exceptions[0]
        assert isinstance(error, ConnectionRejected)
        status = error.status_code
    return status
