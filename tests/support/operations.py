"""Operations of a history: what stations, the network, the server and people do.

They hold small numbers only; what these refer to is found when they run.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from ocpp_trio.domain.times import format_timestamp
from tests.support.clock import DAY, MINUTE, START
from tests.support.model import Moment, Tag
from tests.support.world import BOOT, NOW, Sent, World, register_reading

STATIONS = ("CP1", "CP2")
STRANGER = "CP3"
ALIEN_IDS = (-1, 0, 2**63 - 1, 999_999)
CLOCKS = ("right", "right", "right", "other zone", "days late", "1970", "2099", "unreadable")


def moment(clock: str, minute: int) -> Moment:
    """A time as a station with such a clock spells it."""
    at = START + minute * MINUTE
    if clock == "unreadable":
        return Moment(f"yesterday, {minute}", None)
    if clock == "other zone":
        return Moment((format_timestamp(at) or "")[:-1] + "+00:00", at)
    if clock == "days late":
        at -= 3 * DAY
    elif clock == "1970":
        at = 0
    elif clock == "2099":
        at = START + 73 * 365 * DAY
    return Moment(format_timestamp(at) or "", at)


class Operation:
    """Something that happens."""

    async def run(self, world: World) -> None:
        raise NotImplementedError


@dataclass(frozen=True)
class Connect(Operation):
    """A station connects, perhaps once more."""

    station: str

    async def run(self, world: World) -> None:
        await world.connect(self.station)


@dataclass(frozen=True)
class Cut(Operation):
    """Its network goes away."""

    station: str

    async def run(self, world: World) -> None:
        await world.cut(self.station)


@dataclass(frozen=True)
class Say(Operation):
    """A station makes a message."""

    station: str
    how: str
    fixed_id: bool

    action = ""

    def payload(self, world: World) -> dict[str, Any]:
        raise NotImplementedError

    async def run(self, world: World) -> None:
        number = world.message_id(self.fixed_id)
        await world.emit(Sent(self.station, self.action, self.payload(world), number), self.how)


@dataclass(frozen=True)
class Boot(Say):
    action = "BootNotification"

    def payload(self, world: World) -> dict[str, Any]:
        return dict(BOOT)


@dataclass(frozen=True)
class Authorize(Say):
    tag: str

    action = "Authorize"

    def payload(self, world: World) -> dict[str, Any]:
        return {"idTag": self.tag}


@dataclass(frozen=True)
class Start(Say):
    tag: str
    connector: int
    clock: str
    minute: int
    meter: int

    action = "StartTransaction"

    def payload(self, world: World) -> dict[str, Any]:
        return {
            "connectorId": self.connector,
            "idTag": self.tag,
            "meterStart": self.meter,
            "timestamp": tell(world, self.clock, self.minute).text,
        }


@dataclass(frozen=True)
class About(Say):
    """A message about a transaction: the station's own (`which`), or one that is not."""

    which: int
    alien: int | None
    clock: str
    minute: int
    meter: int

    def number(self, world: World) -> int:
        own = [
            number
            for number, known in world.books.transactions.items()
            if known.station == self.station
        ]
        if self.alien is None and own:
            return own[-1 - self.which % len(own)]
        others = sorted(set(world.books.transactions) - set(own))
        choices = (*others, *ALIEN_IDS)
        return choices[(self.alien or 0) % len(choices)]


@dataclass(frozen=True)
class Meter(About):
    loose: bool

    action = "MeterValues"

    def payload(self, world: World) -> dict[str, Any]:
        at = tell(world, self.clock, self.minute)
        payload = {"connectorId": 1, "meterValue": [register_reading(at, self.meter)]}
        return payload if self.loose else payload | {"transactionId": self.number(world)}


@dataclass(frozen=True)
class Stop(About):
    tag: str | None
    reason: str | None
    data: bool

    action = "StopTransaction"

    def payload(self, world: World) -> dict[str, Any]:
        at = tell(world, self.clock, self.minute)
        payload: dict[str, Any] = {
            "transactionId": self.number(world),
            "meterStop": self.meter,
            "timestamp": at.text,
        }
        if self.tag is not None:
            payload["idTag"] = self.tag
        if self.reason is not None:
            payload["reason"] = self.reason
        if self.data:
            payload["transactionData"] = [register_reading(at, self.meter)]
        return payload


@dataclass(frozen=True)
class Whole(Operation):
    """A session from start to stop; perhaps the start comes once more."""

    start: Start
    stop: Stop
    again: bool

    async def run(self, world: World) -> None:
        await self.start.run(world)
        await replace(self.stop, station=self.start.station, which=0, alien=None).run(world)
        if self.again:
            await Again("StartTransaction", 0, False, NOW).run(world)


@dataclass(frozen=True)
class Again(Operation):
    """A station repeats one of the newest messages, with the same message id or a new one."""

    action: str
    back: int
    same_id: bool
    how: str

    async def run(self, world: World) -> None:
        choices = [sent for sent in world.history if sent.action == self.action]
        if not choices:
            return
        sent = choices[-1 - self.back % len(choices)]
        if not self.same_id:
            sent = sent._replace(id=world.message_id(False))
        await world.emit(sent, self.how)


@dataclass(frozen=True)
class Flush(Operation):
    """A station sends what it has queued, in an order of its own."""

    station: str
    order: int

    async def run(self, world: World) -> None:
        if self.station not in world.links:
            await world.connect(self.station)
        waiting = world.queues.pop(self.station, [])
        while waiting:
            await world.deliver(waiting.pop(self.order % len(waiting)))


@dataclass(frozen=True)
class Restart(Operation):
    """The server ends, by a signal or in the middle of things, and starts again."""

    orderly: bool

    async def run(self, world: World) -> None:
        await world.end_server(orderly=self.orderly)
        await world.start_server()


@dataclass(frozen=True)
class Change(Operation):
    """A person blocks or accepts a tag, or limits it."""

    tag: str
    status: str
    limit: int | None

    async def run(self, world: World) -> None:
        await world.set_tag(self.tag, Tag(self.status, self.limit))


@dataclass(frozen=True)
class Pass(Operation):
    """Time goes by."""

    minutes: int

    async def run(self, world: World) -> None:
        world.now.ms += self.minutes * MINUTE


def tell(world: World, clock: str, minute: int) -> Moment:
    """A moment, which the model learns to read."""
    told = moment(clock, minute)
    world.moments[told.text] = told
    return told
