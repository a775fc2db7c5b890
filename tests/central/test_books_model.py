"""Any history of messages, repeats, cuts and restarts leaves the books as a simple model has them."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from ocpp_trio.config import Settings
from ocpp_trio.domain.times import format_timestamp
from ocpp_trio.store import migrate
from tests.conftest import MakeSettings
from tests.support.clock import DAY, MINUTE, START, FakeNow
from tests.support.model import Moment, Tag
from tests.support.world import (
    BOOT,
    KILLED,
    NOW,
    QUEUED,
    UNANSWERED,
    Sent,
    World,
    register_reading,
    world,
)

STATIONS = ("CP1", "CP2", "CP3")
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
            return own[self.which % len(own)]
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
class Again(Operation):
    """A station repeats one of its newest messages, with the same message id or a new one."""

    back: int
    same_id: bool
    how: str

    async def run(self, world: World) -> None:
        if not world.history:
            return
        sent = world.history[-1 - self.back % len(world.history)]
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


station = st.sampled_from(STATIONS)
how = st.sampled_from((NOW, NOW, NOW, NOW, QUEUED, UNANSWERED, KILLED))
tag = st.sampled_from(("GOOD", "GOOD", "good", "ONE", "BLOCKED", "EXPIRED", "NOBODY"))
say = {"station": station, "how": how, "fixed_id": st.sampled_from((False, False, True))}
about = say | {
    "which": st.integers(0, 3),
    "alien": st.sampled_from((None, None, None, 0, 1, 2, 3, 4)),
    "clock": st.sampled_from(CLOCKS),
    "minute": st.integers(0, 3),
    "meter": st.sampled_from((0, 100, 100, 200, 300, 20_000_000)),
}
again = st.builds(Again, back=st.integers(0, 7), same_id=st.booleans(), how=how)
start = st.builds(
    Start,
    tag=tag,
    connector=st.sampled_from((1, 1, 1, 2, 0)),
    clock=st.sampled_from(CLOCKS),
    minute=st.integers(0, 3),
    meter=st.sampled_from((0, 100, 100)),
    **say,
)
stop = st.builds(
    Stop,
    tag=st.one_of(st.none(), tag),
    reason=st.sampled_from((None, "Local", "EVDisconnected")),
    data=st.booleans(),
    **about,
)
meter = st.builds(Meter, loose=st.sampled_from((False, False, True)), **about)
operation = st.one_of(
    start,
    start,
    meter,
    meter,
    stop,
    again,
    again,
    again,
    st.builds(Flush, station=station, order=st.integers(0, 5)),
    st.builds(Connect, station=station),
    st.builds(Cut, station=station),
    st.builds(Boot, **say),
    st.builds(Authorize, tag=tag, **say),
    st.builds(Restart, orderly=st.booleans()),
    st.builds(
        Change,
        tag=st.sampled_from(("GOOD", "ONE", "BLOCKED")),
        status=st.sampled_from(("Accepted", "Blocked", "Expired")),
        limit=st.sampled_from((None, 1, 2)),
    ),
    st.builds(Pass, minutes=st.sampled_from((1, 60, 3 * 24 * 60))),
)
# Of any length, and not mostly short: a list's own choice of length is about six.
histories = st.integers(1, 60).flatmap(
    lambda size: st.lists(operation, min_size=size, max_size=size)
)


async def play(opened: Settings, history: list[Operation]) -> None:
    """Stations that are there and have booted, then the history, compared after every step."""
    async with world(opened, FakeNow()) as played:
        for name in STATIONS[:2]:
            await played.connect(name)
            await played.deliver(Sent(name, "BootNotification", BOOT, played.message_id(False)))
        for each in history:
            await each.run(played)
            played.check()


@pytest.fixture(scope="module")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file with its schema."""
    path = tmp_path_factory.mktemp("empty") / "ocpp.db"
    migrate.migrate_sqlite(path)
    return path


@pytest.fixture
def run_history(make_settings: MakeSettings, empty_database: Path) -> partial[None]:
    """Runs one history on a new database."""
    opened = make_settings()

    def run(history: list[Operation]) -> None:
        path = Path(opened.db_sqlite_path)
        for old in path.parent.glob(f"{path.name}*"):
            old.unlink()
        shutil.copyfile(empty_database, path)
        trio.run(play, opened, history, clock=MockClock(autojump_threshold=0))

    return partial(run)


SHORT = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
LONG = settings(SHORT, max_examples=1_000)


@SHORT
@given(histories)
def test_any_history(run_history: partial[None], history: list[Operation]) -> None:
    run_history(history)


@pytest.mark.slow
@LONG
@given(histories)
def test_any_of_many_histories(run_history: partial[None], history: list[Operation]) -> None:
    run_history(history)
