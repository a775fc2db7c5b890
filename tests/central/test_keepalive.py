"""One timer for all connections, which never holds them up."""

from __future__ import annotations

from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import trio
from trio.testing import MockClock

from ocpp_trio.central import keepalive
from tests.conftest import MakeSettings


async def test_others_have_their_turn_while_many_connections_are_looked_at(
    autojump_clock: MockClock, make_settings: MakeSettings
) -> None:
    checked: list[float] = []
    begun = trio.Event()

    def check(now: float) -> None:
        checked.append(now)
        begun.set()

    sessions = [SimpleNamespace(check_link=check)] * (10 * keepalive.AT_ONCE)
    central: Any = SimpleNamespace(
        settings=make_settings(),
        hub=SimpleNamespace(sessions=lambda: sessions),
        database=SimpleNamespace(failing_for=lambda: 0.0),
    )
    seen = {0}
    async with trio.open_nursery() as nursery:
        nursery.start_soon(keepalive.watch, central)
        await begun.wait()
        while len(checked) < len(sessions):
            seen.add(len(checked))
            await trio.lowlevel.checkpoint()
        nursery.cancel_scope.cancel()
    # Trio mixes the order of tasks, so that one may come twice before another.
    seen.add(len(checked))
    assert max(after - before for before, after in pairwise(sorted(seen))) <= 2 * keepalive.AT_ONCE
