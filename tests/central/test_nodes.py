"""Two servers on one database: stations at one, commands at the other. Nothing wakes them but their
own looks.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Any, cast

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from ocpp_trio.central import keepalive
from ocpp_trio.central.commands import Commands, Outcome
from ocpp_trio.central.context import Central
from ocpp_trio.central.listener import Listener
from ocpp_trio.central.node import Node
from ocpp_trio.central.wakeups import Wakeups
from ocpp_trio.config import Settings
from ocpp_trio.errors import (
    CallErrorReceived,
    ChargePointNotAccepted,
    ChargePointOffline,
    CommandCancelled,
    CommandExpired,
    CommandFailed,
    CommandQueued,
    CommandReplaced,
    CommandTimedOut,
    InvalidAnswer,
    StoreUnavailable,
    TooManyWaiting,
)
from ocpp_trio.services.command_queue import tend_queue
from ocpp_trio.services.membership import Membership
from ocpp_trio.store import charge_points, command_batches, commands, id_tags, nodes
from ocpp_trio.store.command_batches import NewBatch, Selection
from ocpp_trio.store.database import Database, Row
from ocpp_trio.store.station_keys import NOTHING
from ocpp_trio.supervise import Health, every
from tests.conftest import MakeSettings
from tests.support.clock import SECOND, START, FakeNow
from tests.support.station import TestStation, connect

Payload = dict[str, Any]

ACCEPTED = {"status": "Accepted"}


class Line:
    """A server's way to the database, which may be cut."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.kind = database.kind
        self.cut = False
        # A unit that fails, although the others do not.
        self.broken: Any = None
        self.since: float | None = None

    def failing_for(self) -> float:
        return 0.0 if self.since is None else trio.current_time() - self.since

    async def write(self, *work: Any) -> Any:
        return await self._pass(self._database.write, *work)

    async def read(self, *work: Any) -> Any:
        return await self._pass(self._database.read, *work)

    async def look_up(self, *work: Any) -> Any:
        return await self._pass(self._database.look_up, *work)

    async def _pass(self, way: Any, *work: Any) -> Any:
        if self.cut or work[0] is self.broken:
            await trio.lowlevel.checkpoint()
            self.since = trio.current_time() if self.since is None else self.since
            raise StoreUnavailable("cut off")
        self.since = None
        return await way(*work)


class Server:
    """One node: a central system without ports."""

    def __init__(self, database: Database, settings: Settings, now: FakeNow, name: str) -> None:
        self.line = Line(database)
        self.central = Central(settings, cast(Database, self.line), now, node=Node(name))
        self.listener = Listener(self.central)
        self.commands = Commands(self.central)
        self.membership = Membership(self.central, alone=False)
        self.stations: trio.Nursery
        self._scope = trio.CancelScope()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Live, until it is killed."""
        await self.membership.enter()
        await self.membership.tick()
        with self._scope:
            async with trio.open_nursery() as nursery, trio.open_nursery() as self.stations:
                alive = partial(self.membership.tick, self.commands)
                interval = self.central.settings.node_heartbeat
                nursery.start_soon(every, interval, "membership", alive, Health())
                nursery.start_soon(every, 1, "queue", partial(tend_queue, self.central), Health())
                nursery.start_soon(keepalive.watch, self.central)
                await nursery.start(self.commands.run)
                nursery.start_soon(Wakeups(self.central).run, self.commands.serve)
                task_status.started()
                await trio.sleep_forever()

    def kill(self) -> None:
        """End it as a power cut would: it writes nothing any more."""
        self.line.cut = True
        self._scope.cancel()

    async def station(self, name: str = "CP001", *, boots: bool = True) -> TestStation:
        """A station connects here, and boots."""
        station = await connect(self.listener, self.stations, f"/{name}")
        if boots:
            await station.boot()
        return station

    async def post(
        self, action: str = "ClearCache", payload: Payload | None = None, **options: Any
    ) -> Outcome:
        """A command to CP001 is posted here."""
        return await self.commands.execute("CP001", action, payload or {}, actor="test", **options)

    async def fails(self, kind: type[CommandFailed], **options: Any) -> CommandFailed:
        """A command that is posted here must fail."""
        with pytest.raises(kind) as failed:
            await self.post(**options)
        assert type(failed.value) is kind
        return failed.value


class Two:
    """Two servers, and what is in their database."""

    def __init__(self, database: Database, a: Server, b: Server) -> None:
        self.database = database
        self.a = a
        self.b = b

    async def states(self) -> list[str]:
        """The states of all commands, oldest first."""
        rows = await self.database.read(commands.listing.page, commands.Filter(), None, 100, 0)
        return [row["state"] for row in reversed(rows)]

    async def names(self) -> list[str]:
        """Who is there."""
        return [row["name"] for row in await self.database.read(nodes.everybody)]

    async def point(self) -> Row:
        """What is stored of CP001."""
        row = await self.database.read(charge_points.find, "CP001")
        assert row is not None
        return row


async def _too_long() -> None:
    """Under a clock that jumps, what waits for ever would never end."""
    await trio.sleep(1500)
    raise AssertionError("the test waits for what does not come")


Open = Callable[..., AbstractAsyncContextManager[Two]]


@pytest.fixture
def open_two(make_settings: MakeSettings, database: Database, now: FakeNow) -> Open:
    """Opens two servers, with settings by variable."""

    @asynccontextmanager
    async def open_(**variables: str) -> AsyncIterator[Two]:
        # Some stations here do not read for a while.
        settings = make_settings(OCPP_PING_INTERVAL="3000", **variables)
        await database.write(id_tags.put, "TAG", {}, now())
        a, b = (Server(database, settings, now, name) for name in "ab")
        async with trio.open_nursery() as nursery:
            await nursery.start(a.run)
            now.ms += 1
            await nursery.start(b.run)
            nursery.start_soon(_too_long)
            # The node of the database before it had any is buried.
            await trio.sleep(settings.node_dead_after + 2 * settings.node_heartbeat)
            yield Two(database, a, b)
            nursery.cancel_scope.cancel()

    return open_


@pytest.fixture
async def two(open_two: Open) -> AsyncIterator[Two]:
    async with open_two() as opened:
        yield opened


async def answer(station: TestStation, payload: Payload = ACCEPTED) -> list[Any]:
    """Answer the next command; the command."""
    frame: list[Any] = await station.receive()
    await station.send([3, frame[1], payload])
    await wait_all_tasks_blocked()
    return frame


async def hear_nothing(station: TestStation, seconds: float = 60) -> None:
    with trio.move_on_after(seconds) as quiet:
        await station.receive()
    assert quiet.cancelled_caught


# Commands


async def test_a_command_reaches_a_station_at_the_other_node_and_its_answer_comes_back(
    autojump_clock: MockClock,
    two: Two,
) -> None:
    station = await two.b.station()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(answer, station, {"status": "Accepted"})
        outcome = await two.a.post()
    assert outcome.response == {"status": "Accepted"}
    row = await two.database.read(commands.find, outcome.command_id)
    assert row is not None
    assert (row["state"], row["node_id"], row["from_node_id"]) == (
        "accepted",
        two.b.central.node.id,
        two.a.central.node.id,
    )
    # Where the station is, there is no detour.
    async with trio.open_nursery() as nursery:
        nursery.start_soon(answer, station)
        outcome = await two.b.post()
    row = await two.database.read(commands.find, outcome.command_id)
    assert row is not None
    assert (row["node_id"], row["from_node_id"]) == (two.b.central.node.id, None)


async def test_what_went_wrong_reads_the_same_at_both_nodes(
    autojump_clock: MockClock, two: Two
) -> None:
    station = await two.b.station()
    errors: list[object] = []
    for server in (two.a, two.b):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_refuse, station)
            error = await server.fails(CallErrorReceived)
        assert isinstance(error, CallErrorReceived)
        errors.append((error.code, error.description))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(answer, station, {"status": 1})
            errors.append(str(await server.fails(InvalidAnswer)))
        errors.append(str(await server.fails(CommandTimedOut, timeout=2)))
        await station.receive()
    assert errors[:3] == errors[3:]
    assert errors[0] == ("NotSupported", "no, thanks")
    await two.database.write(
        charge_points.set_registration, "CP001", "Pending", START, two.a.central.node.id
    )
    await trio.sleep(2)
    request: Payload = {"idTag": "TAG"}
    for server in (two.a, two.b):
        await server.fails(ChargePointNotAccepted, action="RemoteStartTransaction", payload=request)


async def _refuse(station: TestStation) -> None:
    _, number, *_ = await station.receive()
    await station.send([4, number, "NotSupported", "no, thanks", {}])


async def test_a_station_that_is_nowhere_is_offline_at_once(
    autojump_clock: MockClock, two: Two
) -> None:
    station = await two.b.station()
    await station.websocket.aclose()
    await wait_all_tasks_blocked()
    with trio.fail_after(1):
        await two.a.fails(ChargePointOffline)
    assert await two.states() == ["expired"]


async def test_too_many_wait_at_the_other_node(autojump_clock: MockClock, open_two: Open) -> None:
    async with open_two(OCPP_COMMAND_QUEUE="1") as two:
        await two.b.station()
        async with trio.open_nursery() as nursery:
            for _ in range(2):
                nursery.start_soon(partial(two.a.fails, CommandTimedOut))
                await trio.sleep(2)
            await two.a.fails(TooManyWaiting)


async def test_who_does_not_wait_finds_the_outcome_in_the_record(
    autojump_clock: MockClock, two: Two
) -> None:
    station = await two.b.station()
    await two.a.fails(CommandQueued, wait=False)
    assert (await answer(station))[2] == "ClearCache"
    assert await two.states() == ["accepted"]


async def test_cancelled_at_one_node_before_the_other_has_sent_it(
    autojump_clock: MockClock, two: Two
) -> None:
    station = await two.b.station()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(two.a.post)
        await trio.sleep(2)
        nursery.start_soon(partial(two.a.fails, CommandCancelled))
        await trio.sleep(2)
        assert await two.states() == ["sent", "queued"]
        assert await two.a.commands.cancel(2, "me") is not None
        await answer(station)
    await hear_nothing(station)
    assert await two.states() == ["accepted", "cancelled"]


async def test_a_node_dies_with_a_command_on_its_way(autojump_clock: MockClock, two: Two) -> None:
    station = await two.b.station()
    began = trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(partial(two.a.fails, CommandReplaced, timeout=600))
        await station.receive()
        nursery.start_soon(partial(two.a.fails, CommandExpired, timeout=600))
        await trio.sleep(2)
        two.b.kill()
    # Within 30 s: nobody knows of the first, and the second was not sent.
    assert trio.current_time() - began < 30
    assert await two.states() == ["unknown", "expired"]
    assert await two.names() == ["a"]
    row = await two.point()
    assert (row["is_connected"], row["disconnect_reason"]) == (0, "the node b is gone")
    station = await two.a.station()
    await hear_nothing(station)


async def test_a_station_moves_with_a_command_on_its_way(
    autojump_clock: MockClock, two: Two
) -> None:
    old = await two.b.station()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(partial(two.a.fails, CommandReplaced))
        await old.receive()
        new = await two.a.station()
        assert await old.close_code() == 1008
    assert await two.states() == ["replaced"]
    await hear_nothing(new)


async def test_a_station_moves_before_its_command_is_sent(
    autojump_clock: MockClock, open_two: Open
) -> None:
    # The node that has lost the station does not know it yet, and must not send.
    async with open_two(OCPP_POLL_INTERVAL="10") as two:
        old = await two.b.station()
        await trio.sleep(11)
        await two.database.write(
            charge_points.admit,
            "CP001",
            "accept",
            9,
            "",
            None,
            START,
            NOTHING,
            two.a.central.node.id,
        )
        await two.b.fails(ChargePointOffline)
        assert await two.states() == ["expired"]
        assert await old.close_code() == 1008


async def test_no_word_from_a_node_that_lives(autojump_clock: MockClock, two: Two) -> None:
    station = await two.b.station()
    began = trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(partial(two.a.fails, CommandTimedOut, timeout=5))
        frame = await station.receive()
        two.b.line.broken = commands.finish
        await station.send([3, frame[1], ACCEPTED])
    assert 25 <= trio.current_time() - began < 30
    assert await two.states() == ["sent"]


async def test_without_the_database_nobody_waits_for_ever(
    autojump_clock: MockClock, two: Two
) -> None:
    await two.b.station()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(partial(two.a.fails, CommandTimedOut, timeout=600))
        await trio.sleep(2)
        two.a.line.cut = True


async def test_a_server_that_stops_tells_who_waits(autojump_clock: MockClock, two: Two) -> None:
    await two.b.station()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(partial(two.a.fails, CommandTimedOut, timeout=600))
        await trio.sleep(2)
        two.a.commands.drain(1)


# What is kept, and batches


async def test_what_is_kept_goes_out_wherever_the_station_is(
    autojump_clock: MockClock, two: Two
) -> None:
    station = await two.b.station()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(answer, station)
        outcome = await two.a.post(expires=600)
    assert outcome.response == ACCEPTED
    await station.websocket.aclose()
    await wait_all_tasks_blocked()
    await two.a.fails(CommandQueued, expires=600, wait=False)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(partial(two.a.post, "Reset", {"type": "Soft"}, expires=600))
        await trio.sleep(2)
        station = await two.b.station()
        assert (await answer(station))[2] == "ClearCache"
        assert (await answer(station))[2] == "Reset"
    assert await two.states() == ["accepted"] * 3


async def test_what_is_kept_expires_once(autojump_clock: MockClock, two: Two, now: FakeNow) -> None:
    await two.b.station("CP002")
    await two.database.write(charge_points.register, "CP001", "Accepted", {}, START)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(partial(two.b.fails, CommandExpired, expires=60, timeout=600))
        await trio.sleep(2)
        now.ms += 61 * SECOND
    assert await two.states() == ["expired"]


@pytest.mark.parametrize("expires_at", [None, START + 600 * SECOND])
async def test_a_batch_over_both_nodes(
    autojump_clock: MockClock, two: Two, expires_at: int | None
) -> None:
    stations = [await two.a.station("A"), await two.b.station("B"), await two.b.station("C")]
    await two.database.write(charge_points.register, "D", "Accepted", {}, START)
    new = NewBatch(
        "ClearCache", "{}", "test", 1, expires_at, 30_000, None, node_id=two.a.central.node.id
    )
    created = await two.database.write(command_batches.create, new, Selection(), 9, START)
    assert created.batch_id is not None
    two.a.commands.batches.start(created.batch_id, 1)
    for station in stations:
        await answer(station)
    await trio.sleep(2)
    rest = "expired" if expires_at is None else "queued"
    assert await two.states() == ["accepted"] * 3 + [rest]
    assert two.a.central.queue.batches == {}


async def test_a_batch_goes_on_without_its_node(autojump_clock: MockClock, two: Two) -> None:
    first, second = await two.b.station("A"), await two.b.station("B")
    new = NewBatch("ClearCache", "{}", "test", 1, None, 30_000, None, node_id=two.a.central.node.id)
    created = await two.database.write(command_batches.create, new, Selection(), 9, START)
    assert created.batch_id is not None
    two.a.commands.batches.start(created.batch_id, 1)
    frame = await first.receive()
    two.a.kill()
    await first.send([3, frame[1], ACCEPTED])
    await answer(second)
    assert await two.states() == ["accepted", "accepted"]
    await hear_nothing(first)


# Stations


async def test_the_newest_connection_wins_across_nodes(autojump_clock: MockClock, two: Two) -> None:
    old = await two.b.station()
    new = await two.a.station()
    with trio.fail_after(2):
        assert await old.close_code() == 1008
    await wait_all_tasks_blocked()
    row = await two.point()
    assert (row["is_connected"], row["connection"], row["node_id"]) == (
        1,
        2,
        two.a.central.node.id,
    )
    # And back again.
    await two.b.station()
    with trio.fail_after(2):
        assert await new.close_code() == 1008


async def test_what_people_change_is_known_where_the_station_is(
    autojump_clock: MockClock, two: Two
) -> None:
    await two.b.station()
    session = two.b.central.hub.get("CP001")
    assert session is not None
    here = two.a.central.node.id
    await two.database.write(charge_points.set_registration, "CP001", "Rejected", START, here)
    await trio.sleep(2)
    assert not session.accepted
    await two.database.write(charge_points.delete, "CP001", here)
    await trio.sleep(2)
    assert two.b.central.hub.get("CP001") is None


# Nodes


async def test_one_of_them_leads_and_the_other_takes_over(
    autojump_clock: MockClock, two: Two
) -> None:
    assert (two.a.central.node.leads, two.b.central.node.leads) == (True, False)
    two.a.kill()
    with trio.fail_after(30):
        while not two.b.central.node.leads:  # noqa: ASYNC110 - by the virtual clock
            await trio.sleep(0.5)
    assert await two.names() == ["b"]


async def test_cut_off_it_leads_no_longer_and_comes_back_as_itself(
    autojump_clock: MockClock, two: Two, now: FakeNow
) -> None:
    kept, moved = await two.a.station(), await two.a.station("CP002")
    # Longer than a station is kept without a database would close both.
    two.a.line.cut = True
    two.a.line.failing_for = lambda: 0.0  # type: ignore[method-assign]
    await trio.sleep(30)
    assert await two.names() == ["b"]
    assert not two.a.central.node.leads
    assert two.b.central.node.leads
    await two.b.station("CP002")
    two.a.line.cut = False
    now.ms += 30 * SECOND
    await trio.sleep(6)
    assert await two.names() == ["b", "a"]
    assert not two.a.central.node.leads
    assert await moved.close_code() == 1008
    assert (await two.point())["is_connected"] == 1
    async with trio.open_nursery() as nursery:
        nursery.start_soon(answer, kept)
        assert (await two.b.post()).response == ACCEPTED


async def test_while_the_database_is_away_nobody_is_taken_for_dead(
    autojump_clock: MockClock, two: Two
) -> None:
    for server in (two.a, two.b):
        server.line.cut = True
    await trio.sleep(600)
    for server in (two.a, two.b):
        server.line.cut = False
    await trio.sleep(60)
    assert await two.names() == ["a", "b"]


async def test_a_stop_leaves_nothing_behind(autojump_clock: MockClock, two: Two) -> None:
    await two.b.station()
    await two.b.membership.leave()
    assert await two.names() == ["a"]
    assert (await two.point())["is_connected"] == 0
