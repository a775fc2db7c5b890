"""What none of the cases asks for, where no other test shows it on a real connection."""

from __future__ import annotations

from tests.conformance.station import VENDOR, Station, moment


def test_rejected_boot(station: Station) -> None:
    station.know(station.tag)
    station.booted()
    register(station, "block", "Rejected")
    boot = {"chargePointVendor": VENDOR, "chargePointModel": "Test station"}
    answer = station.call("BootNotification", boot)
    assert answer["status"] == "Rejected"
    assert answer["interval"] > 0
    start = {"connectorId": 1, "idTag": station.tag, "meterStart": 0, "timestamp": moment()}
    assert station.refused("StartTransaction", start) == "SecurityError"
    # The station must not charge, but what it said is not lost.
    assert station.transactions() == []
    (kept,) = station.listed("/api/review")
    assert (kept["action"], kept["message"]["idTag"]) == ("StartTransaction", station.tag)
    command = {"chargePointId": station.name, "idTag": station.tag}
    answered = station.server.request("POST", "/api/commands/remote-start", command)
    assert (answered.status, answered.body["type"]) == (409, "charge-point-not-accepted")
    register(station, "adopt", "Accepted")
    station.boot()
    station.charging()


def register(station: Station, decision: str, registration: str) -> None:
    """The operator's word about the charge point."""
    path = f"/api/charge-points/{station.name}/{decision}"
    answer = station.server.request("POST", path)
    assert (answer.status, answer.body["registration"]) == (200, registration)
    assert station.shown()["registration"] == registration
