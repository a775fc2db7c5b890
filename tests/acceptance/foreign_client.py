"""A charge point written with the `ocpp` package and `websockets`, on asyncio: not our code.

    python -m tests.acceptance.foreign_client ws://127.0.0.1:9000/CP001 FRAMES < settings

Boots, and then does what it is told; see tests.acceptance.every_command. Every frame is written to
the file FRAMES, as JSON lines ["in" or "out", text].
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import websockets
from ocpp.charge_point import camel_to_snake_case
from ocpp.routing import after, create_route_map, on
from ocpp.v16 import ChargePoint, call, call_result
from ocpp.v16.enums import (
    Action,
    AuthorizationStatus,
    ChargePointErrorCode,
    ChargePointStatus,
    RegistrationStatus,
)


def _now() -> str:
    return datetime.now(UTC).isoformat()


class Recorded:
    """A connection whose frames are written down."""

    def __init__(self, connection: Any, path: Path) -> None:
        self._connection = connection
        self._file = path.open("a", encoding="utf-8")

    async def recv(self) -> str:
        """The next frame."""
        text: str = await self._connection.recv()
        self._write("in", text)
        return text

    async def send(self, text: str) -> None:
        """Send a frame."""
        self._write("out", text)
        await self._connection.send(text)

    def _write(self, direction: str, text: str) -> None:
        print(json.dumps([direction, text]), file=self._file, flush=True)


class Station(ChargePoint):  # type: ignore[misc]
    """One connector; one session."""

    def __init__(self, name: str, connection: object, settings: dict[str, Any]) -> None:
        super().__init__(name, connection)
        self._follow_ups: dict[str, tuple[str, dict[str, Any]]] = settings["followUps"]
        self._id_tag = ""
        self._meter = 1000
        self.transaction_id = 0
        self._metered = asyncio.Event()
        self._stopped = asyncio.Event()
        self.done = asyncio.Event()
        for action, payload in settings["answers"].items():
            self._answer(action, payload)
        self.route_map = create_route_map(self)

    def _answer(self, action: str, payload: dict[str, Any]) -> None:
        """Answer this action so, and do afterwards what it asks for."""
        answer = getattr(call_result, action)(**camel_to_snake_case(payload))

        def respond(**_: object) -> object:
            return answer

        async def follow(**fields: Any) -> None:
            if action in self._follow_ups:
                name, request = self._follow_ups[action]
                await self.send(getattr(call, name)(**camel_to_snake_case(request)))
            special: dict[str, Callable[..., Any]] = {
                "RemoteStartTransaction": self._begin,
                "RemoteStopTransaction": self._finish,
                "Reset": self._reboot,
            }
            if action in special:
                await special[action](**fields)

        # The package finds its handlers by the names of the functions.
        respond.__name__, follow.__name__ = f"respond_{action}", f"follow_{action}"
        setattr(self, respond.__name__, on(Action(action))(respond))
        setattr(self, follow.__name__, after(Action(action))(follow))

    async def send(self, request: object) -> Any:
        """Send a CALL; its answer must be no CALLERROR."""
        return await self.call(request, suppress=False)

    async def _begin(self, id_tag: str, **_: object) -> None:
        self._id_tag = id_tag
        await self.report(ChargePointStatus.preparing)
        authorized = await self.send(call.Authorize(id_tag=id_tag))
        assert authorized.id_tag_info["status"] == AuthorizationStatus.accepted
        started = await self.send(
            call.StartTransaction(
                connector_id=1, id_tag=id_tag, meter_start=self._meter, timestamp=_now()
            )
        )
        assert started.id_tag_info["status"] == AuthorizationStatus.accepted
        self.transaction_id = started.transaction_id
        await self.report(ChargePointStatus.charging)
        for _round in range(3):
            self._meter += 250
            sampled = [
                {"value": str(self._meter), "unit": "Wh"},
                {"value": "230.1", "unit": "V", "measurand": "Voltage"},
            ]
            await self.send(
                call.MeterValues(
                    connector_id=1,
                    transaction_id=self.transaction_id,
                    meter_value=[{"timestamp": _now(), "sampledValue": sampled}],
                )
            )
        self._metered.set()

    async def _finish(self, transaction_id: int) -> None:
        assert transaction_id == self.transaction_id
        await self._metered.wait()
        await self.send(
            call.StopTransaction(
                transaction_id=transaction_id,
                meter_stop=self._meter,
                timestamp=_now(),
                id_tag=self._id_tag,
                reason="Remote",
            )
        )
        await self.report(ChargePointStatus.available)
        self._stopped.set()

    async def _reboot(self, **_: object) -> None:
        await self._stopped.wait()
        await self.boot()
        self.done.set()

    async def boot(self) -> None:
        """Introduce itself and report the connector."""
        boot = await self.send(
            call.BootNotification(charge_point_model="Foreign", charge_point_vendor="ocpp")
        )
        assert boot.status == RegistrationStatus.accepted
        await self.report(ChargePointStatus.available)
        assert (await self.send(call.Heartbeat())).current_time

    async def report(self, status: ChargePointStatus) -> None:
        """A StatusNotification of connector 1."""
        await self.send(
            call.StatusNotification(
                connector_id=1, error_code=ChargePointErrorCode.no_error, status=status
            )
        )


async def main(url: str, frames: Path, settings: dict[str, Any]) -> None:
    """One session, told from outside."""
    async with websockets.connect(url, subprotocols=["ocpp1.6"]) as connection:  # type: ignore[list-item]
        station = Station(url.rsplit("/", 1)[1], Recorded(connection, frames), settings)
        reader = asyncio.create_task(station.start())
        await station.boot()
        print("booted", flush=True)
        async with asyncio.timeout(60):
            await station.done.wait()
        reader.cancel()
        print(f"done {station.transaction_id}", flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), json.loads(sys.stdin.readline())))
