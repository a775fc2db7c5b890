"""Cases of the remote trigger profile."""

from __future__ import annotations

from typing import Any

from tests.conformance.station import Payload, Station, moment
from tests.support.waiting import until

ACCEPTED = {"status": "Accepted"}


def trigger(station: Station, message: str, **connector: int) -> None:
    """TriggerMessage with exactly this, taken by the station."""
    wanted: Payload = {"requestedMessage": message} | connector
    assert station.command("trigger-message", wanted, ACCEPTED).sent == wanted


def meter_values(number: int, wh: int) -> Payload:
    """One reading of the register that a trigger has asked for."""
    sampled: dict[str, Any] = {
        "value": str(wh),
        "context": "Trigger",
        "measurand": "Energy.Active.Import.Register",
        "unit": "Wh",
    }
    value = {"timestamp": moment(), "sampledValue": [sampled]}
    return {"connectorId": 1, "transactionId": number, "meterValue": [value]}


def test_tc_054_trigger_message(station: Station) -> None:
    station.booted()
    number = station.charging()

    trigger(station, "MeterValues", connectorId=1)
    assert station.call("MeterValues", meter_values(number, 1750)) == {}
    assert station.transaction(number)["energyDelivered"] == 0.75
    (kept,) = station.listed("/api/meter-values", transactionId=number)
    assert (kept["value"], kept["context"], kept["connectorId"]) == ("1750", "Trigger", 1)

    trigger(station, "Heartbeat")
    assert station.shown()["lastHeartbeat"] is None
    station.call("Heartbeat")
    until(lambda: station.shown()["lastHeartbeat"] is not None)

    trigger(station, "StatusNotification", connectorId=1)
    station.status(1, "SuspendedEVSE")

    # Nothing was asked for: the reports are answered, and no job comes from them.
    for message in ("DiagnosticsStatusNotification", "FirmwareStatusNotification"):
        trigger(station, message)
        assert station.call(message, {"status": "Idle"}) == {}
    assert station.listed("/api/jobs") == []
    station.is_running(number)


def test_tc_055_trigger_rejected(station: Station) -> None:
    station.booted()
    wanted = {"requestedMessage": "MeterValues", "connectorId": 1}
    commanded = station.command("trigger-message", wanted, {"status": "Rejected"})
    assert commanded.sent == wanted
