"""Commands of the profile Core."""

from __future__ import annotations

from typing import Any

import pytest
import trio
import trio.testing
from trio.testing import MockClock

from ocpp_trio.errors import CallRefused
from tests.simulator.central import Central
from tests.simulator.conftest import PlayFleet, Present


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
            ("MeterValuesSampledData", "Frequency", "Rejected"),
            ("MeterValuesSampledData", "Voltage, SoC", "Accepted"),
            ("CpoName", "Example", "Accepted"),
            ("ConnectorPhaseRotation", "1.RTS", "RebootRequired"),
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


async def test_clear_cache_and_an_action_that_is_none(
    autojump_clock: MockClock, central: Central, staying: PlayFleet
) -> None:
    async with staying():
        await central.until("1 Available")
        assert await central.status("ClearCache") == "Accepted"
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


async def test_a_key_that_counts_after_a_reboot(
    autojump_clock: MockClock, central: Central, idle: PlayFleet
) -> None:
    async def value() -> str:
        answer = await central.command("GetConfiguration", key=["ConnectorPhaseRotation"])
        assert isinstance(answer, dict)
        return str(answer["configurationKey"][0]["value"])

    async with idle():
        await central.status("ChangeConfiguration", key="ConnectorPhaseRotation", value="1.SRT")
        assert await value() == "1.RST"
        await central.status("Reset", type="Soft")
        event = await central.until("SecurityEventNotification")
        assert (event["type"], event["techInfo"]) == ("ResetOrReboot", "Soft reset")
        assert await value() == "1.SRT"


async def test_only_the_measurands_that_are_configured_are_sent(
    autojump_clock: MockClock, central: Central, idle: PlayFleet
) -> None:
    async with idle():
        await central.status("ChangeConfiguration", key="MeterValuesSampledData", value="SoC")
        await central.status("TriggerMessage", requestedMessage="MeterValues")
        values = await central.until("MeterValues")
        assert [each["measurand"] for each in values["meterValue"][0]["sampledValue"]] == ["SoC"]


async def test_a_central_system_without_the_security_messages_is_no_trouble(
    autojump_clock: MockClock, central: Central, idle: PlayFleet, said: list[str]
) -> None:
    central.answers["SecurityEventNotification"] = CallRefused("NotSupported", "what is that?")
    async with idle():
        await central.status("Reset", type="Hard")
        await central.until("SecurityEventNotification")
        await trio.testing.wait_all_tasks_blocked()
        assert said == []
        central.answers["SecurityEventNotification"] = CallRefused("InternalError", "no")
        await central.status("Reset", type="Hard")
        await central.until("SecurityEventNotification", 2)
        await trio.testing.wait_all_tasks_blocked()
        assert said == ["SIM0001: SecurityEventNotification: InternalError: no"]


def tx_profile(**fields: Any) -> dict[str, Any]:
    """A profile for one transaction: 6 A."""
    return {
        "chargingProfileId": 1,
        "stackLevel": 0,
        "chargingProfilePurpose": "TxProfile",
        "chargingProfileKind": "Relative",
        "chargingSchedule": {
            "chargingRateUnit": "A",
            "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 6.0}],
        },
        **fields,
    }


async def test_a_remote_start_with_a_profile_charges_by_it(
    autojump_clock: MockClock, central: Central, idle: PlayFleet
) -> None:
    async with idle():
        wrong = tx_profile(chargingProfilePurpose="TxDefaultProfile")
        start = "RemoteStartTransaction"
        assert await central.status(start, idTag="R", chargingProfile=wrong) == "Rejected"
        assert await central.status(start, idTag="R", chargingProfile=tx_profile()) == "Accepted"
        values = await central.until("MeterValues")
        sampled = values["meterValue"][0]["sampledValue"]
        (current,) = (each for each in sampled if each["measurand"] == "Current.Import")
        assert 5.8 <= float(current["value"]) <= 6.0
        await central.status("RemoteStopTransaction", transactionId=1)
        await central.until("1 Available")
        assert await central.status("ClearChargingProfile") == "Unknown"


async def test_a_person_starts_and_stops_with_a_tag(
    autojump_clock: MockClock, central: Central, idle: PlayFleet, present: Present
) -> None:
    async with idle():
        assert await present("TAG") == "Accepted"
        await central.until("MeterValues", 3)
        assert await present("OTHER") == "Rejected"
        assert await present("tag") == "Accepted"
        stop = await central.until("StopTransaction")
        assert (stop["reason"], stop["idTag"]) == ("Local", "TAG")
        assert "Authorize" in central.actions()
