"""Services on a running central system, and a station that obeys."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import trio
from trio_websocket import ConnectionClosed

from ocpp_trio import logs
from ocpp_trio.central.context import Central
from ocpp_trio.domain.times import format_timestamp
from ocpp_trio.services.asking import Asking
from ocpp_trio.store.database import Database, Row
from ocpp_trio.supervise import Health, every
from tests.central.conftest import System
from tests.support.statements import execute, fetch
from tests.support.station import TestStation, connect

Payload = dict[str, Any]

ACCEPTED: list[Any] = [3, {"status": "Accepted"}]


@dataclass
class Obedient:
    """A connected station: answers each CALL with `answer`, and sends what it was asked for.

    `asked` holds (moment, action, payload) of each CALL it got.
    """

    station: TestStation
    central: Central
    answer: list[Any] | None = field(default_factory=lambda: ACCEPTED)
    register: int = 2000
    connector_id: int = 1
    transaction_id: int | None = None
    asked: list[tuple[float, str, Payload]] = field(default_factory=list)

    async def run(self) -> None:
        """Until the connection ends."""
        try:
            while True:
                kind, number, *rest = await self.station.receive()
                if kind == 2:
                    self.asked.append((trio.current_time(), *rest))
                    await self._obey(number, rest[1])
        except ConnectionClosed:
            return

    async def _obey(self, number: str, payload: Payload) -> None:
        if self.answer is None:
            return
        await self.station.send([self.answer[0], number, *self.answer[1:]])
        if self.answer == ACCEPTED and "connectorId" in payload:
            await self.send(payload["requestedMessage"], payload["connectorId"])

    async def send(self, action: str, connector_id: int = 1) -> None:
        """MeterValues or StatusNotification, now; the answer is not waited for."""
        moment = format_timestamp(self.central.now())
        payload: Payload = {"connectorId": connector_id}
        if action == "MeterValues":
            self.register += 100
            sampled = [{"value": str(self.register)}]
            payload["meterValue"] = [{"timestamp": moment, "sampledValue": sampled}]
            if self.transaction_id is not None:
                payload["transactionId"] = self.transaction_id
        else:
            payload |= {"status": "Charging", "errorCode": "NoError", "timestamp": moment}
        await self.station.send([2, f"own{self.register}{moment}", action, payload])

    @property
    def questions(self) -> list[Payload]:
        """The payloads of what it was asked."""
        return [payload for _, _, payload in self.asked]


@dataclass
class Watched:
    """A running central system, and services on it."""

    system: System
    nursery: trio.Nursery
    health: Health

    @property
    def central(self) -> Central:
        return self.system.central

    @property
    def database(self) -> Database:
        return self.central.database

    def asking(self) -> Asking:
        """The manners, as all services of a server share them."""
        return Asking(self.central, self.system.commands)

    def run(self, seconds: float, tick: Callable[[], Awaitable[None]]) -> None:
        """Run a service for as long as the test."""
        self.nursery.start_soon(every, seconds, "service", tick, self.health)

    async def connect(self, point: str = "CP001") -> TestStation:
        """A station that has booted."""
        station = await connect(self.system.listener, self.nursery, f"/{point}")
        await station.boot()
        return station

    async def charging(self, point: str = "CP001", **fields: Any) -> Obedient:
        """A station that has booted and started a transaction, and obeys from now on."""
        station = await self.connect(point)
        moment = format_timestamp(self.central.now())
        started = await station.start(timestamp=moment, **fields)
        obedient = Obedient(station, self.central, transaction_id=started["transactionId"])
        self.nursery.start_soon(obedient.run)
        return obedient

    async def fetch(self, text: str) -> Sequence[Row]:
        """All rows of a statement."""
        return await self.database.read(fetch, text)

    async def execute(self, text: str) -> None:
        """Change the database behind the server's back."""
        await self.database.write(execute, text)


def told(source: str) -> list[tuple[str | None, str, str]]:
    """What a service has logged so far: charge point, level and message, as /api/logs has them."""
    entries = logs.ENTRIES.take()
    logs.ENTRIES.give_back(entries)
    return [
        (entry.charge_point_id, entry.level, entry.message)
        for entry in entries
        if entry.source == source
    ]
