"""A message cut off at any step of the write path is stored whole or not at all, and its retry is
answered as the first would have been.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from ocpp_trio.central.stream import WatchedStream
from ocpp_trio.central.transport import Transport
from tests.conftest import MakeSettings
from tests.support.clock import MINUTE, START, FakeNow
from tests.support.faults import Killed, Steps
from tests.support.model import Moment, Payload
from tests.support.world import BOOT, Sent, World, register_reading, world

KILL, CUT = "the process is killed", "the connection is cut"

Arm = Callable[[Callable[[], None]], None]
Make = Callable[[World, int], tuple[str, Payload]]


def at(world: World, minute: int) -> Moment:
    """A moment on record."""
    text = f"2026-11-23T08:{minute:02}:00Z"
    world.moments[text] = Moment(text, START + minute * MINUTE)
    return world.moments[text]


def start_of(world: World, number: int) -> tuple[str, Payload]:
    return "StartTransaction", {
        "connectorId": 1,
        "idTag": "GOOD",
        "meterStart": number,
        "timestamp": at(world, number).text,
    }


def meter_values_of(world: World, number: int) -> tuple[str, Payload]:
    value = register_reading(at(world, number), 1000 + number)
    return "MeterValues", {
        "connectorId": 1,
        "transactionId": max(world.books.transactions),
        "meterValue": [value],
    }


def stop_of(world: World, number: int) -> tuple[str, Payload]:
    return "StopTransaction", {
        "transactionId": max(world.books.transactions),
        "meterStop": 2000 + number,
        "timestamp": at(world, number).text,
        "transactionData": [register_reading(at(world, number), 2000 + number)],
    }


MESSAGES = {"start": start_of, "meter values": meter_values_of, "stop": stop_of}


@pytest.fixture
async def played(
    autojump_clock: MockClock, make_settings: MakeSettings, now: FakeNow
) -> AsyncIterator[World]:
    """A world whose station CP1 has booted."""
    async with world(make_settings(), now) as opened:
        await opened.connect("CP1")
        await say(opened, "BootNotification", BOOT)
        yield opened


async def say(world: World, action: str, payload: Payload) -> None:
    """CP1 sends a message and is answered."""
    await world.deliver(Sent("CP1", action, payload, world.message_id(False)))


async def prepare(world: World, make: Make, number: int) -> Sent:
    """The next message of a kind; what it is about is begun anew."""
    if make is not start_of:
        await say(world, *start_of(world, number))
    return Sent("CP1", *make(world, number), world.message_id(False))


async def lose(
    world: World, sent: Sent, arm: Callable[[Callable[[], None]], None], how: str
) -> bool:
    """Send a message; at the step that `arm` chooses its answer is lost. Whether it is stored."""
    link = world.links["CP1"]
    happened = trio.Event()

    def deed() -> None:
        happened.set()
        if how == KILL:
            raise Killed
        link.cut()

    arm(deed)
    await link.websocket.send_message(sent.text)
    with trio.fail_after(5):
        await happened.wait()
        if how == KILL:
            await world.stopped.wait()
    if how == CUT:
        del world.links["CP1"]
    await wait_all_tasks_blocked()
    stored = world.learn(sent, perhaps=True)
    world.check()
    if how == KILL:
        await world.start_server()
    return stored


async def retry(world: World, sent: Sent, *, same_id: bool) -> None:
    """The station comes back and repeats what was not answered, and then once more."""
    await world.connect("CP1")
    if not same_id:
        sent = sent._replace(id=world.message_id(False))
    for _ in range(2):
        await world.deliver(sent)
        world.check()
    await world.deliver(sent._replace(id=world.message_id(False)))
    world.check()


@pytest.mark.parametrize("same_id", [True, False], ids=["same id", "new id"])
@pytest.mark.parametrize("how", [KILL, CUT])
@pytest.mark.parametrize("kind", MESSAGES)
async def test_at_every_statement(played: World, kind: str, how: str, same_id: bool) -> None:
    make = MESSAGES[kind]
    counted = await prepare(played, make, 0)
    steps = Steps(played.central.database)
    await played.deliver(counted)
    statements = steps.count
    assert statements >= 3, "BEGIN, the unit, COMMIT"
    for step in range(statements + 1):
        sent = await prepare(played, make, step + 1)

        def arm(deed: Callable[[], None], step: int = step) -> None:
            Steps(played.central.database, step, deed)

        stored = await lose(played, sent, arm, how)
        assert stored == (how == CUT or step == statements), f"step {step} of {statements}"
        await retry(played, sent, same_id=same_id)


@pytest.mark.parametrize("same_id", [True, False], ids=["same id", "new id"])
@pytest.mark.parametrize("how", [KILL, CUT])
@pytest.mark.parametrize("place", ["before the answer is sent", "in the middle of the answer"])
@pytest.mark.parametrize("kind", MESSAGES)
async def test_at_the_answer(
    played: World, kind: str, place: str, how: str, same_id: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = await prepare(played, MESSAGES[kind], 1)
    with monkeypatch.context() as patched:

        def arm(deed: Callable[[], None]) -> None:
            send, send_all = Transport.send, WatchedStream.send_all

            async def before(transport: Transport, text: str) -> None:
                deed()
                await send(transport, text)

            async def halfway(stream: WatchedStream, data: bytes) -> None:
                await send_all(stream, data[: len(data) // 2])
                deed()
                raise trio.BrokenResourceError

            if place == "before the answer is sent":
                patched.setattr(Transport, "send", before)
            else:
                patched.setattr(WatchedStream, "send_all", halfway)

        stored = await lose(played, sent, arm, how)
    assert stored
    await retry(played, sent, same_id=same_id)
