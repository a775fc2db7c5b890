"""What charge points do when the central system asks."""

from __future__ import annotations

import pytest
import trio
import trio.testing
from trio.testing import MockClock

from ocpp_trio.errors import CallRefused
from tests.simulator.central import Central
from tests.simulator.conftest import PlayFleet


async def test_remote_start_and_stop(
    autojump_clock: MockClock, central: Central, staying: PlayFleet
) -> None:
    async with staying() as run:
        await central.until("1 Available")
        await trio.testing.wait_all_tasks_blocked()
        assert await central.status("RemoteStartTransaction", idTag="R1", connectorId=1) == (
            "Accepted"
        )
        assert await central.status("RemoteStartTransaction", idTag="R2") == "Rejected"
        await central.until("MeterValues", 4)
        assert await central.status("RemoteStopTransaction", transactionId=99) == "Rejected"
        assert await central.status("RemoteStopTransaction", transactionId=1) == "Accepted"
        assert await central.status("RemoteStopTransaction", transactionId=1) == "Rejected"
        await central.until("1 Available", 2)
        assert "Authorize" not in central.actions()
        assert central.payloads("StartTransaction")[0]["idTag"] == "R1"
        stop = central.payloads("StopTransaction")[0]
        assert (stop["reason"], stop["transactionId"]) == ("Remote", 1)
        assert "idTag" not in stop
        assert central.actions()[-3:] == ["StopTransaction", "1 Finishing", "1 Available"]
        assert await central.status("RemoteStartTransaction", idTag="R3") == "Accepted"
        await central.until("StartTransaction", 2)
        assert run.tally.as_json(1)["sessionsCompleted"] == 1


async def test_remote_start_on_a_connector_it_does_not_have(
    autojump_clock: MockClock, central: Central, staying: PlayFleet
) -> None:
    async with staying():
        await central.until("1 Available")
        await trio.testing.wait_all_tasks_blocked()
        answer = await central.status("RemoteStartTransaction", idTag="R1", connectorId=2)
        assert answer == "Rejected"


async def test_remote_start_can_be_made_to_authorize(
    autojump_clock: MockClock, central: Central, staying: PlayFleet
) -> None:
    async with staying():
        await central.until("1 Available")
        await trio.testing.wait_all_tasks_blocked()
        await central.status("ChangeConfiguration", key="AuthorizeRemoteTxRequests", value="true")
        await central.status("RemoteStartTransaction", idTag="R1")
        assert (await central.until("Authorize"))["idTag"] == "R1"
        await central.until("StartTransaction")


async def test_a_planned_session_is_stopped_remotely(
    autojump_clock: MockClock, central: Central, staying: PlayFleet
) -> None:
    async with staying(sessions=1, interval=10.0):
        await central.until("MeterValues")
        await trio.sleep(5)
        assert await central.status("RemoteStopTransaction", transactionId=1) == "Accepted"
        stop = await central.until("StopTransaction")
        assert stop["reason"] == "Remote"
        assert stop["timestamp"] == "2026-11-23T08:00:15Z"
        reading = central.payloads("MeterValues")[0]["meterValue"][0]["sampledValue"][0]
        assert stop["meterStop"] > int(reading["value"])


@pytest.mark.parametrize("kind", ["Soft", "Hard"])
async def test_reset_stops_closes_and_boots_again(
    autojump_clock: MockClock, central: Central, staying: PlayFleet, kind: str
) -> None:
    async with staying(sessions=2, interval=10.0) as run:
        await central.until("MeterValues")
        assert await central.status("Reset", type=kind) == "Accepted"
        await central.until("1 Available", 3)
        assert central.payloads("StopTransaction")[0]["reason"] == f"{kind}Reset"
        assert central.connections == 2
        boot = central.actions().index("BootNotification", 1)
        assert central.actions()[boot - 2 : boot + 3] == [
            "1 Finishing",
            "1 Available",
            "BootNotification",
            "0 Available",
            "1 Available",
        ]
        await central.until("StopTransaction", 2)
        await central.until("1 Finishing", 2)
        await trio.testing.wait_all_tasks_blocked()
        assert run.tally.as_json(1)["sessionsCompleted"] == 2
        assert run.tally.close_codes == {}


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


async def test_configuration(
    autojump_clock: MockClock, central: Central, staying: PlayFleet
) -> None:
    async with staying():
        await central.until("1 Available")
        everything = await central.command("GetConfiguration")
        assert isinstance(everything, dict)
        values = {each["key"]: each for each in everything["configurationKey"]}
        assert values["HeartbeatInterval"] == {
            "key": "HeartbeatInterval",
            "readonly": False,
            "value": "300",
        }
        assert values["NumberOfConnectors"]["readonly"] is True
        assert "unknownKey" not in everything
        assert await central.command("GetConfiguration", key=["Nonsense", "heartbeatinterval"]) == {
            "configurationKey": [values["HeartbeatInterval"]],
            "unknownKey": ["Nonsense"],
        }
        for key, value, status in (
            ("Nonsense", "1", "NotSupported"),
            ("NumberOfConnectors", "2", "Rejected"),
            ("HeartbeatInterval", "-1", "Rejected"),
            ("HeartbeatInterval", "often", "Rejected"),
            ("AuthorizeRemoteTxRequests", "perhaps", "Rejected"),
            ("MeterValueSampleInterval", "30", "Accepted"),
        ):
            assert await central.status("ChangeConfiguration", key=key, value=value) == status


async def test_the_heartbeat_follows_the_boot_and_the_configuration(
    autojump_clock: MockClock, central: Central, staying: PlayFleet
) -> None:
    async with staying():
        await central.until("Heartbeat", 2)
        assert trio.current_time() == pytest.approx(600)
        await central.status("ChangeConfiguration", key="HeartbeatInterval", value="10")
        await central.until("Heartbeat", 5)
        assert trio.current_time() == pytest.approx(630)
        await central.status("ChangeConfiguration", key="HeartbeatInterval", value="0")
        await trio.sleep(1000)
        assert central.actions().count("Heartbeat") == 5


async def test_unlock_connector(
    autojump_clock: MockClock, central: Central, staying: PlayFleet
) -> None:
    async with staying(sessions=1, interval=10.0):
        await central.until("MeterValues")
        assert await central.status("UnlockConnector", connectorId=2) == "NotSupported"
        assert await central.status("UnlockConnector", connectorId=1) == "Unlocked"
        assert (await central.until("StopTransaction"))["reason"] == "UnlockCommand"
        await central.until("1 Available", 2)
        assert await central.status("UnlockConnector", connectorId=1) == "Unlocked"


async def test_change_availability(
    autojump_clock: MockClock, central: Central, staying: PlayFleet
) -> None:
    def change(connector: int, kind: str) -> dict[str, object]:
        return {"connectorId": connector, "type": kind}

    async with staying(sessions=2, interval=10.0):
        await central.until("MeterValues")
        answer = await central.status("ChangeAvailability", **change(1, "Inoperative"))
        assert answer == "Scheduled"
        await central.until("1 Unavailable")
        await trio.sleep(100)
        assert central.actions().count("StartTransaction") == 1
        assert await central.status("RemoteStartTransaction", idTag="R1") == "Rejected"
        assert await central.status("ChangeAvailability", **change(2, "Operative")) == "Rejected"
        assert await central.status("ChangeAvailability", **change(0, "Operative")) == "Accepted"
        await central.until("StopTransaction", 2)
        await central.until("1 Available", 3)
        await trio.testing.wait_all_tasks_blocked()
        assert await central.status("ChangeAvailability", **change(0, "Inoperative")) == "Accepted"
        await central.until("0 Unavailable")
        await central.until("1 Unavailable", 2)


async def test_clear_cache_and_what_is_not_supported(
    autojump_clock: MockClock, central: Central, staying: PlayFleet
) -> None:
    async with staying():
        await central.until("1 Available")
        assert await central.status("ClearCache") == "Accepted"
        assert await central.command("GetLocalListVersion") == "NotSupported"
        assert await central.command("Nonsense") == "NotImplemented"


async def test_a_session_started_from_outside_ends_with_the_run(
    autojump_clock: MockClock, central: Central, staying: PlayFleet
) -> None:
    async with staying(sessions=1, stay=False) as run:
        await central.until("StopTransaction")
        # The last report of the planned session hangs: time for another one to begin.
        central.answers["StatusNotification"] = None
        await central.until("1 Available", 2)
        assert await central.status("RemoteStartTransaction", idTag="R1") == "Accepted"
        central.answers["StatusNotification"] = {}
        await central.until("StopTransaction", 2)
        await central.until("1 Available", 3)
    assert [stop["idTag"] for stop in central.payloads("StopTransaction")] == ["SIM0001TAG", "R1"]
    assert run.tally.as_json(1)["sessionsCompleted"] == 2


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
