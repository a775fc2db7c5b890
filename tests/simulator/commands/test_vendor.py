"""DataTransfer with the simulator's own vendor id."""

from __future__ import annotations

from typing import Any

import pytest
import trio.testing
from trio.testing import MockClock

from tests.simulator.central import Central
from tests.simulator.conftest import PlayFleet

VENDOR = "ocpp-trio.simulator"


async def transfer(central: Central, message: str, data: str | None = None) -> Any:
    fields = {} if data is None else {"data": data}
    return await central.command("DataTransfer", vendorId=VENDOR, messageId=message, **fields)


async def test_faults_are_set_and_taken_away(
    autojump_clock: MockClock, central: Central, idle: PlayFleet
) -> None:
    async with idle(faults=("DataTransfer=refuse",)):
        assert await central.status("DataTransfer", vendorId="Other") == "Rejected"
        answer = await transfer(central, "fault", "ClearCache=callerror:GenericError")
        assert answer == {
            "status": "Accepted",
            "data": "ClearCache=callerror:GenericError\nDataTransfer=refuse",
        }
        assert await central.command("ClearCache") == "GenericError"
        await transfer(central, "fault", "ClearCache=none")
        assert await transfer(central, "faults") == {
            "status": "Accepted",
            "data": "DataTransfer=refuse",
        }
        assert await central.status("ClearCache") == "Accepted"


async def test_it_sends_what_it_is_told_to(
    autojump_clock: MockClock, central: Central, idle: PlayFleet
) -> None:
    async with idle():
        data = 'DataTransfer {"vendorId": "V", "data": "x"}'
        assert await transfer(central, "send", data) == {"status": "Accepted"}
        await transfer(central, "send", "Heartbeat")
        await central.until("Heartbeat")
        assert central.received == [
            ("DataTransfer", {"vendorId": "V", "data": "x"}),
            ("Heartbeat", {}),
        ]


@pytest.mark.parametrize(
    ("message", "data", "words"),
    [
        ("fault", "Reset", "ACTION=KIND"),
        ("send", "Reset", "no action of a charge point"),
        ("send", "Authorize {}", "idTag"),
        ("send", "Authorize []", "object"),
        ("send", "Authorize {", "line 1"),
        ("send", "Authorize " + "[" * 100_000, ""),
        ("present", "T" * 21, "1 to 20 characters"),
    ],
)
async def test_what_it_cannot_do_is_said(
    autojump_clock: MockClock,
    central: Central,
    idle: PlayFleet,
    message: str,
    data: str,
    words: str,
) -> None:
    async with idle():
        answer = await transfer(central, message, data)
        assert answer["status"] == "Rejected"
        assert words in answer["data"]
        await trio.testing.wait_all_tasks_blocked()
        assert central.received == []


async def test_others_are_not_known(
    autojump_clock: MockClock, central: Central, idle: PlayFleet
) -> None:
    async with idle():
        assert await central.status("DataTransfer", vendorId="Other") == "UnknownVendorId"
        assert await transfer(central, "dance") == {"status": "UnknownMessageId"}
        assert await central.status("DataTransfer", vendorId=VENDOR) == "UnknownMessageId"
