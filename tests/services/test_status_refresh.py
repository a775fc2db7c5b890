"""Status refresh: asks about connectors that have been silent for an hour."""

from __future__ import annotations

import trio
from trio.testing import MockClock

from ocpp_trio.services.status_refresh import SOURCE, StatusRefresh
from tests.services.support import Obedient, Watched, told

STATUS = {"status": "Available", "errorCode": "NoError"}


async def reporting(watched: Watched, *connectors: int) -> Obedient:
    station = await watched.connect()
    for connector in connectors:
        await station.call("StatusNotification", STATUS | {"connectorId": connector})
    obedient = Obedient(station, watched.central)
    watched.nursery.start_soon(obedient.run)
    return obedient


async def test_a_silent_connector_is_asked_about_after_an_hour(
    autojump_clock: MockClock, watched: Watched
) -> None:
    station = await reporting(watched, 0, 1, 2)
    watched.run(600, StatusRefresh(watched.central, watched.asking()).tick)
    await trio.sleep(3500)
    assert station.asked == []
    await trio.sleep(900)
    assert station.questions == [
        {"requestedMessage": "StatusNotification", "connectorId": 1},
        {"requestedMessage": "StatusNotification", "connectorId": 2},
    ]
    rows = await watched.fetch("SELECT * FROM connectors ORDER BY connector_id")
    assert [row["status"] for row in rows] == ["Available", "Charging", "Charging"]
    await trio.sleep(2000)
    assert len(station.asked) == 2
    assert "why: no news of its status for 70 min" in told(SOURCE)[0][2]
    commands = await watched.fetch("SELECT DISTINCT actor FROM commands")
    assert [row["actor"] for row in commands] == ["status-refresh"]


async def test_one_that_will_not_tell_is_asked_once_an_hour(
    autojump_clock: MockClock, watched: Watched
) -> None:
    station = await reporting(watched, 1)
    station.answer = [3, {"status": "Rejected"}]
    watched.run(600, StatusRefresh(watched.central, watched.asking()).tick)
    await trio.sleep(5 * 3600)
    assert 3 <= len(station.asked) <= 4


async def test_one_that_is_gone_is_not_asked(autojump_clock: MockClock, watched: Watched) -> None:
    station = await reporting(watched, 1)
    await station.station.websocket.aclose()
    watched.run(600, StatusRefresh(watched.central, watched.asking()).tick)
    await trio.sleep(7200)
    assert (station.asked, told(SOURCE)) == ([], [])
