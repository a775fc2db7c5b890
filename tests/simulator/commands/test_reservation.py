"""Commands of the profile Reservation, and how a reservation is used."""

from __future__ import annotations

from typing import Any

import pytest
import trio
import trio.testing
from trio.testing import MockClock

from tests.simulator.central import Central
from tests.simulator.conftest import PlayFleet, Present


async def reserve(central: Central, number: int = 1, **fields: Any) -> str:
    request = {
        "connectorId": 1,
        "expiryDate": "2026-11-23T09:00:00Z",
        "idTag": "MINE",
        "reservationId": number,
        **fields,
    }
    return await central.status("ReserveNow", **request)


@pytest.mark.parametrize("connector", [0, 1])
async def test_reserved_used_and_available_again(
    autojump_clock: MockClock, central: Central, idle: PlayFleet, present: Present, connector: int
) -> None:
    async with idle():
        assert await reserve(central, 42, connectorId=connector) == "Accepted"
        await central.until("1 Reserved")
        assert await present("OTHER") == "Rejected"
        assert await central.status("RemoteStartTransaction", idTag="OTHER") == "Rejected"
        assert await present("mine") == "Accepted"
        start = await central.until("StartTransaction")
        assert start["reservationId"] == 42
        await present("MINE")
        await central.until("1 Available")
        assert central.actions().count("1 Reserved") == 1
        assert await central.status("CancelReservation", reservationId=42) == "Rejected"


async def test_a_reservation_expires(
    autojump_clock: MockClock, central: Central, idle: PlayFleet
) -> None:
    async with idle():
        await reserve(central, expiryDate="2026-11-23T08:30:00Z")
        await central.until("1 Available")
        assert trio.current_time() == pytest.approx(1800)
        assert await central.status("CancelReservation", reservationId=1) == "Rejected"


async def test_cancelled_replaced_and_refused(
    autojump_clock: MockClock, central: Central, idle: PlayFleet, present: Present
) -> None:
    async with idle():
        assert await reserve(central, expiryDate="2026-11-23T07:00:00Z") == "Rejected"
        assert await reserve(central, connectorId=2) == "Rejected"
        await reserve(central)
        assert await reserve(central, 2) == "Occupied"
        assert await reserve(central, 1, idTag="YOURS") == "Accepted"
        assert await present("MINE") == "Rejected"
        assert await central.status("CancelReservation", reservationId=2) == "Rejected"
        assert await central.status("CancelReservation", reservationId=1) == "Accepted"
        await central.until("1 Available")
        assert central.actions() == ["1 Reserved", "1 Available"]
        await central.status("ChangeAvailability", connectorId=1, type="Inoperative")
        assert await reserve(central) == "Unavailable"


async def test_a_session_makes_it_occupied(
    autojump_clock: MockClock, central: Central, idle: PlayFleet, present: Present
) -> None:
    async with idle():
        await present("TAG")
        await central.until("MeterValues")
        assert await reserve(central) == "Occupied"


@pytest.mark.parametrize("remote", [True, False])
async def test_whoever_has_the_parent_may_use_it(
    autojump_clock: MockClock, central: Central, idle: PlayFleet, present: Present, remote: bool
) -> None:
    async def begin(id_tag: str) -> str:
        if remote:
            return await central.status("RemoteStartTransaction", idTag=id_tag)
        return await present(id_tag)

    central.answers["Authorize"] = lambda request: {
        "idTagInfo": {
            "status": "Accepted",
            "parentIdTag": "FAMILY" if request["idTag"] == "CHILD" else "STRANGERS",
        }
    }
    async with idle():
        await reserve(central, 3, parentIdTag="family")
        assert await begin("STRANGER") == "Accepted"
        await central.until("1 Reserved", 2)
        assert central.actions() == ["1 Reserved", "1 Preparing", "Authorize", "1 Reserved"]
        assert await begin("CHILD") == "Accepted"
        assert (await central.until("StartTransaction"))["reservationId"] == 3


async def test_a_planned_session_waits_for_the_end_of_the_reservation(
    autojump_clock: MockClock, central: Central, staying: PlayFleet
) -> None:
    async with staying(sessions=2, interval=10.0):
        await central.until("StopTransaction")
        # The last report of the session hangs: time for a reservation before the next one.
        central.answers["StatusNotification"] = None
        await central.until("1 Available", 2)
        assert await reserve(central, expiryDate="2026-11-23T08:30:00Z") == "Accepted"
        central.answers["StatusNotification"] = {}
        await central.until("StartTransaction", 2)
        assert trio.current_time() == pytest.approx(1800, abs=40)


async def test_a_reservation_is_shown_after_the_availability_changed(
    autojump_clock: MockClock, central: Central, idle: PlayFleet
) -> None:
    async with idle():
        await reserve(central)
        await central.status("ChangeAvailability", connectorId=1, type="Inoperative")
        await central.until("1 Unavailable")
        await central.status("ChangeAvailability", connectorId=1, type="Operative")
        await central.until("1 Reserved", 2)
