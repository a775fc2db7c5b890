"""Who is told of readable sockets, how often, and who has a turn meanwhile."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import ExitStack

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from ocpp_trio.central.poller import EVENTS, Poller

pytestmark = pytest.mark.real


class Heard:
    """Is told of a socket, and reads it if that is wanted."""

    def __init__(self, sock: socket.socket | None = None) -> None:
        self._socket = sock
        self.times: list[float] = []
        self.data = b""

    def on_readable(self, now: float) -> None:
        self.times.append(now)
        if self._socket is not None:
            self.data += self._socket.recv(1)


@pytest.fixture
async def poller() -> AsyncIterator[Poller]:
    running = Poller()
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(running.run)
            await wait_all_tasks_blocked()
            yield running
            nursery.cancel_scope.cancel()


async def test_a_stream_is_told_until_nothing_is_left_and_again_for_what_comes(
    poller: Poller,
) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        heard = Heard(ours)
        poller.watch(ours.fileno(), heard)
        for sent in (b"abc", b"abcd"):
            theirs.send(sent[len(heard.data) :])
            await wait_all_tasks_blocked()
            assert heard.data == sent
        assert len(heard.times) == 4
        assert heard.times == sorted(heard.times)
        poller.unwatch(ours.fileno())
        theirs.send(b"e")
        await wait_all_tasks_blocked()
        assert len(heard.times) == 4


async def test_a_number_that_was_let_go_is_somebody_elses(poller: Poller) -> None:
    first, other = socket.socketpair()
    heard = Heard()
    number = first.fileno()
    poller.watch(number, heard)
    poller.unwatch(number)
    first.close()
    other.close()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert ours.fileno() == number
        newer = Heard(ours)
        poller.watch(number, newer)
        theirs.send(b"x")
        await wait_all_tasks_blocked()
        assert (newer.data, heard.times) == (b"x", [])
        poller.unwatch(number)


async def test_a_socket_that_was_closed_before_may_be_let_go(poller: Poller) -> None:
    ours, theirs = socket.socketpair()
    number = ours.fileno()
    poller.watch(number, Heard())
    ours.close()
    poller.unwatch(number)
    theirs.close()
    assert poller.is_running


async def test_a_peer_that_is_gone_is_told_of(poller: Poller) -> None:
    ours, theirs = socket.socketpair()
    with ours:
        heard = Heard(ours)
        theirs.close()
        poller.watch(ours.fileno(), heard)
        while not heard.times:
            await trio.lowlevel.checkpoint()
        poller.unwatch(ours.fileno())


async def test_all_are_told_and_other_tasks_have_their_turn(poller: Poller) -> None:
    """Also while more are readable than are looked at in one go, and nobody reads."""
    with ExitStack() as stack:
        told = []
        for _ in range(3 * EVENTS):
            ours, theirs = (stack.enter_context(each) for each in socket.socketpair())
            theirs.send(b"x")
            heard = Heard()
            poller.watch(ours.fileno(), heard)
            stack.callback(poller.unwatch, ours.fileno())
            told.append(heard)
        turns = 0
        while not all(heard.times for heard in told):
            before = sum(len(heard.times) for heard in told)
            await trio.lowlevel.checkpoint()
            turns += 1
            # Trio mixes the order of tasks, so that the poller may come twice between two of ours.
            assert sum(len(heard.times) for heard in told) - before <= 2 * EVENTS
        assert max(len(heard.times) for heard in told) <= 2
        assert turns > 1


async def test_after_its_end_streams_are_let_go_and_none_is_taken() -> None:
    poller = Poller()
    seen = [poller.is_running]
    ours, theirs = socket.socketpair()
    with ours, theirs:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(poller.run)
            await wait_all_tasks_blocked()
            seen.append(poller.is_running)
            poller.watch(ours.fileno(), Heard())
            nursery.cancel_scope.cancel()
        seen.append(poller.is_running)
        assert seen == [False, True, False]
        poller.unwatch(ours.fileno())
