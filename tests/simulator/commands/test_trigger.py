"""Messages that the central system asks for."""

from __future__ import annotations

import pytest
import trio
import trio.testing
from trio.testing import MockClock

from ocpp_trio.errors import CallRefused
from tests.simulator.central import Central
from tests.simulator.conftest import PlayFleet


@pytest.mark.parametrize(
    ("message", "connector", "sent"),
    [
        ("BootNotification", None, ["BootNotification"]),
        ("DiagnosticsStatusNotification", None, ["DiagnosticsStatusNotification"]),
        ("FirmwareStatusNotification", None, ["FirmwareStatusNotification"]),
        ("Heartbeat", None, ["Heartbeat"]),
        ("MeterValues", 1, ["MeterValues"]),
        ("StatusNotification", None, ["0 Available", "1 Available"]),
        ("StatusNotification", 0, ["0 Available"]),
        ("StatusNotification", 1, ["1 Available"]),
        ("StatusNotification", 2, None),
        ("MeterValues", 2, None),
    ],
)
async def test_trigger_message(
    autojump_clock: MockClock,
    central: Central,
    staying: PlayFleet,
    message: str,
    connector: int | None,
    sent: list[str] | None,
) -> None:
    async with staying():
        await central.until("1 Available")
        await trio.testing.wait_all_tasks_blocked()
        central.received.clear()
        where = {} if connector is None else {"connectorId": connector}
        status = await central.status("TriggerMessage", requestedMessage=message, **where)
        await trio.testing.wait_all_tasks_blocked()
        assert status == ("Rejected" if sent is None else "Accepted")
        assert central.actions() == (sent or [])


async def test_triggered_meter_values_name_the_transaction(
    autojump_clock: MockClock, central: Central, staying: PlayFleet
) -> None:
    async with staying(sessions=1, interval=10.0):
        await central.until("MeterValues")
        await central.status("TriggerMessage", requestedMessage="MeterValues")
        values = await central.until("MeterValues", 2)
        assert values["transactionId"] == 1
        assert values["meterValue"][0]["sampledValue"][0]["context"] == "Trigger"


async def test_a_triggered_boot_ends_the_wait_for_the_next(
    autojump_clock: MockClock, central: Central, staying: PlayFleet, said: list[str]
) -> None:
    accepted = central.answers["BootNotification"]
    assert isinstance(accepted, dict)
    central.answers["BootNotification"] = accepted | {"status": "Pending", "interval": 500}
    async with staying(boot_wait=50.0):
        await central.until("BootNotification")
        await trio.testing.wait_all_tasks_blocked()
        assert await central.status("RemoteStartTransaction", idTag="R1") == "Rejected"
        central.answers["BootNotification"] = accepted
        await central.status("TriggerMessage", requestedMessage="BootNotification")
        await central.until("1 Available")
        assert trio.current_time() < 1
        assert said == ["SIM0001: boot Pending, the next in 50 s"]


async def test_a_triggered_boot_that_is_refused_is_said(
    autojump_clock: MockClock, central: Central, staying: PlayFleet, said: list[str]
) -> None:
    async with staying():
        await central.until("1 Available")
        await trio.testing.wait_all_tasks_blocked()
        central.answers["BootNotification"] = CallRefused("InternalError", "no")
        await central.status("TriggerMessage", requestedMessage="BootNotification")
        await trio.testing.wait_all_tasks_blocked()
        assert said == ["SIM0001: BootNotification: InternalError: no"]


@pytest.mark.parametrize(
    ("message", "sent"),
    [
        ("BootNotification", ["BootNotification"]),
        ("FirmwareStatusNotification", ["SignedFirmwareStatusNotification"]),
        ("Heartbeat", ["Heartbeat"]),
        ("LogStatusNotification", ["LogStatusNotification"]),
        ("MeterValues", ["MeterValues"]),
        ("SignChargePointCertificate", ["SignCertificate"]),
        ("StatusNotification", ["0 Available", "1 Available"]),
    ],
)
async def test_extended_trigger_message(
    autojump_clock: MockClock, central: Central, idle: PlayFleet, message: str, sent: list[str]
) -> None:
    async with idle():
        assert await central.status("ExtendedTriggerMessage", requestedMessage=message) == (
            "Accepted"
        )
        await trio.testing.wait_all_tasks_blocked()
        assert central.actions() == sent
        answer = await central.status(
            "ExtendedTriggerMessage", requestedMessage=message, connectorId=2
        )
        assert answer == "Rejected"
