"""Orphan detection: connectors and transactions that do not fit together are told once."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from ocpp_trio.services.orphan_detection import OrphanDetection
from tests.services.support import Watched, told
from tests.support.station import TestStation

SOURCE = "orphan detection"


async def report(station: TestStation, status: str, connector: int = 1) -> None:
    payload = {"connectorId": connector, "status": status, "errorCode": "NoError"}
    await station.call("StatusNotification", payload)


def detect(watched: Watched) -> None:
    watched.run(600, OrphanDetection(watched.central).tick)


@pytest.mark.parametrize("status", ["Charging", "SuspendedEV", "SuspendedEVSE"])
async def test_charging_without_a_transaction(
    autojump_clock: MockClock, watched: Watched, status: str
) -> None:
    station = await watched.connect()
    await report(station, status)
    await report(station, "Charging", 0)
    detect(watched)
    await trio.sleep(3600)
    assert told(SOURCE) == [
        (
            "CP001",
            "WARNING",
            f"a connector is {status} and no transaction runs on it (connector: 1)",
        )
    ]
    await report(station, "Available")
    await trio.sleep(1200)
    await report(station, status)
    await trio.sleep(3600)
    assert len(told(SOURCE)) == 2


async def test_a_transaction_on_a_free_connector(
    autojump_clock: MockClock, watched: Watched
) -> None:
    station = await watched.connect()
    await station.start()
    await report(station, "Available")
    detect(watched)
    await trio.sleep(7200)
    assert told(SOURCE) == [
        (
            "CP001",
            "WARNING",
            "a transaction runs and its connector is Available (connector: 1, transaction: 1)",
        )
    ]


async def test_what_fits_or_soon_will_is_not_told(
    autojump_clock: MockClock, watched: Watched
) -> None:
    station = await watched.connect()
    await station.start()
    await report(station, "Charging")
    await report(station, "Available", 2)
    detect(watched)
    await trio.sleep(3550)
    # Shortly before a look the transaction ends; the connector says so a little later.
    await station.stop(1)
    await trio.sleep(200)
    await report(station, "Finishing")
    await trio.sleep(3600)
    assert told(SOURCE) == []


async def test_of_a_station_that_is_offline_nothing_is_known(
    autojump_clock: MockClock, watched: Watched
) -> None:
    station = await watched.connect()
    await report(station, "Charging")
    await station.websocket.aclose()
    detect(watched)
    await trio.sleep(7200)
    assert told(SOURCE) == []
