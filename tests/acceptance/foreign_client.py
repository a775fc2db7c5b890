"""A charge point written with the `ocpp` package and `websockets`, on asyncio: not our code.

    python -m tests.acceptance.foreign_client ws://127.0.0.1:9000/CP001 TAG

Boots, reports its connector, and then does what it is told: starts a session on
RemoteStartTransaction, sends meter values while it runs, stops it on RemoteStopTransaction. Ends
after the first session and prints `done <transactionId>`.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime

import websockets
from ocpp.routing import after, on
from ocpp.v16 import ChargePoint, call, call_result
from ocpp.v16.enums import (
    Action,
    AuthorizationStatus,
    ChargePointErrorCode,
    ChargePointStatus,
    RegistrationStatus,
    RemoteStartStopStatus,
)


def _now() -> str:
    return datetime.now(UTC).isoformat()


class Station(ChargePoint):  # type: ignore[misc]
    """One connector; one session."""

    def __init__(self, name: str, connection: object) -> None:
        super().__init__(name, connection)
        self.meter = 1000
        self.transaction_id = 0
        self.started = asyncio.Event()
        self.stopped = asyncio.Event()
        self.done = asyncio.Event()

    @on(Action.remote_start_transaction)  # type: ignore[untyped-decorator]
    def accept_start(self, id_tag: str, **_: object) -> object:
        self.id_tag = id_tag
        return call_result.RemoteStartTransaction(status=RemoteStartStopStatus.accepted)

    @after(Action.remote_start_transaction)  # type: ignore[untyped-decorator]
    async def begin(self, id_tag: str, **_: object) -> None:
        await self.report(ChargePointStatus.preparing)
        authorized = await self.call(call.Authorize(id_tag=id_tag))
        assert authorized.id_tag_info["status"] == AuthorizationStatus.accepted
        started = await self.call(
            call.StartTransaction(
                connector_id=1, id_tag=id_tag, meter_start=self.meter, timestamp=_now()
            )
        )
        assert started.id_tag_info["status"] == AuthorizationStatus.accepted
        self.transaction_id = started.transaction_id
        await self.report(ChargePointStatus.charging)
        for _round in range(3):
            self.meter += 250
            await self.call(
                call.MeterValues(
                    connector_id=1,
                    transaction_id=self.transaction_id,
                    meter_value=[
                        {
                            "timestamp": _now(),
                            "sampledValue": [
                                {"value": str(self.meter), "unit": "Wh"},
                                {"value": "230.1", "unit": "V", "measurand": "Voltage"},
                            ],
                        }
                    ],
                )
            )
        self.started.set()

    @on(Action.remote_stop_transaction)  # type: ignore[untyped-decorator]
    def accept_stop(self, transaction_id: int) -> object:
        known = transaction_id == self.transaction_id
        status = RemoteStartStopStatus.accepted if known else RemoteStartStopStatus.rejected
        return call_result.RemoteStopTransaction(status=status)

    @after(Action.remote_stop_transaction)  # type: ignore[untyped-decorator]
    async def finish(self, transaction_id: int) -> None:
        if transaction_id != self.transaction_id:
            return
        await self.started.wait()
        await self.call(
            call.StopTransaction(
                transaction_id=transaction_id,
                meter_stop=self.meter,
                timestamp=_now(),
                id_tag=self.id_tag,
                reason="Remote",
            )
        )
        await self.report(ChargePointStatus.available)
        self.done.set()

    async def report(self, status: ChargePointStatus) -> None:
        """A StatusNotification of connector 1."""
        await self.call(
            call.StatusNotification(
                connector_id=1, error_code=ChargePointErrorCode.no_error, status=status
            )
        )


async def main(url: str) -> None:
    """One session, told from outside."""
    async with websockets.connect(url, subprotocols=["ocpp1.6"]) as connection:  # type: ignore[list-item]
        station = Station(url.rsplit("/", 1)[1], connection)
        reader = asyncio.create_task(station.start())
        boot = await station.call(
            call.BootNotification(charge_point_model="Foreign", charge_point_vendor="ocpp")
        )
        assert boot.status == RegistrationStatus.accepted
        await station.report(ChargePointStatus.available)
        assert (await station.call(call.Heartbeat())).current_time
        print("booted", flush=True)
        async with asyncio.timeout(60):
            await station.done.wait()
        reader.cancel()
        print(f"done {station.transaction_id}", flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
