"""Remote starts that nothing follows are given up."""

from __future__ import annotations

from functools import partial

import trio
from trio.testing import MockClock

from ocpp_trio.services.remote_starts import expire_remote_starts
from ocpp_trio.store import remote_starts
from tests.services.conftest import OpenWatched
from tests.services.support import Obedient, Watched, told


async def states(watched: Watched) -> list[tuple[str, int | None]]:
    rows = await watched.database.read(remote_starts.page, None, None, None, 100, 0)
    return [(row["state"], row["transaction_id"]) for row in rows]


async def ask(watched: Watched) -> None:
    await watched.system.commands.execute(
        "CP001", "RemoteStartTransaction", {"idTag": "TAG"}, actor="person"
    )


async def test_a_remote_start_expires(autojump_clock: MockClock, open_watched: OpenWatched) -> None:
    async with open_watched(OCPP_REMOTE_START_EXPIRY="90") as watched:
        station = Obedient(await watched.connect(), watched.central)
        watched.nursery.start_soon(station.run)
        watched.run(10, partial(expire_remote_starts, watched.central))
        await ask(watched)
        await trio.sleep(89)
        assert await states(watched) == [("pending", None)]
        await trio.sleep(20)
        assert await states(watched) == [("expired", None)]
        assert told("remote starts") == [
            ("CP001", "INFO", "no transaction followed a remote start (command: 1)")
        ]


async def test_one_that_was_followed_does_not(autojump_clock: MockClock, watched: Watched) -> None:
    station = await watched.connect()
    watched.run(10, partial(expire_remote_starts, watched.central))
    watched.nursery.start_soon(ask, watched)
    number = (await station.receive())[1]
    # The start comes before the answer.
    started = await station.start(idTag="tag")
    await station.send([3, number, {"status": "Accepted"}])
    await trio.sleep(1000)
    assert await states(watched) == [("started", started["transactionId"])]
    assert told("remote starts") == []
