"""Cases of boot and charging sessions, started at the station and from afar."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.conformance.station import Commanded, Station, parsed
from tests.support.waiting import until


def test_tc_001_cold_boot(station: Station) -> None:
    answer = station.booted(connectors=2)
    shown = station.shown()
    assert shown["heartbeatInterval"] == answer["interval"]
    assert shown["lastBootNotification"] is not None
    assert len(shown["connectors"]) == 3
    for _ in range(2):
        heartbeat = station.call("Heartbeat")
        assert abs(parsed(heartbeat["currentTime"]) - datetime.now(UTC)) < timedelta(seconds=5)
    until(lambda: station.shown()["lastHeartbeat"] is not None)


def test_tc_003_charging_plug_in_first(station: Station) -> None:
    station.booted()
    station.status(1, "Preparing")
    station.authorized()
    number = station.start()
    station.status(1, "Charging")
    station.is_running(number)
    assert station.connector(1) == ("Charging", "NoError")


def test_tc_004_1_charging_identification_first(station: Station) -> None:
    station.booted()
    station.authorized()
    assert station.transactions() == []
    station.status(1, "Preparing")
    number = station.start()
    station.status(1, "Charging")
    station.is_running(number)


def test_tc_004_2_identification_first_connection_time_out(station: Station) -> None:
    station.booted()
    station.authorized()
    station.status(1, "Preparing")
    station.status(1, "Available")
    assert station.transactions() == []


def test_tc_005_1_ev_side_disconnected(station: Station) -> None:
    station.booted()
    number = station.charging()
    station.status(1, "SuspendedEV")
    station.stop(number, "EVDisconnected")
    station.status(1, "Finishing")
    station.status(1, "Available")
    assert [each["stopReason"] for each in station.transactions()] == ["EVDisconnected"]


def test_tc_007_cached_id(station: Station) -> None:
    station.know(station.tag)
    station.booted()
    station.status(1, "Preparing")
    number = station.start()
    station.status(1, "Charging")
    station.is_running(number)


def test_tc_010_remote_start_cable_first(station: Station) -> None:
    station.booted()
    station.status(1, "Preparing")
    commanded = remote_start(station)
    station.authorized(commanded.sent["idTag"])
    number = station.start(commanded.sent["idTag"])
    station.status(1, "Charging")
    station.is_running(number)
    assert station.transaction(number)["remoteStartCommandId"] == commanded.answer["commandId"]
    assert outcome(station) == ("started", number)


def test_tc_011_1_remote_start_first(station: Station) -> None:
    station.booted()
    commanded = remote_start(station)
    station.authorized(commanded.sent["idTag"])
    station.status(1, "Preparing")
    number = station.start(commanded.sent["idTag"])
    station.status(1, "Charging")
    station.is_running(number)
    assert outcome(station) == ("started", number)
    remote_stop(station, number)
    station.stop(number, "Remote")
    station.status(1, "Finishing")
    station.status(1, "Available")


def test_tc_011_2_remote_start_time_out(station: Station) -> None:
    station.booted()
    commanded = remote_start(station)
    station.authorized(commanded.sent["idTag"])
    station.status(1, "Preparing")
    station.status(1, "Available")
    assert station.transactions() == []
    assert outcome(station) == ("pending", None)


def test_tc_012_remote_stop(station: Station) -> None:
    station.booted()
    number = station.charging()
    remote_stop(station, number)
    # It is the charge point that ends a transaction, not its word that it will.
    station.is_running(number)
    station.stop(number, "Remote")
    station.status(1, "Finishing")
    station.status(1, "Available")
    assert station.transaction(number)["remoteStopReason"] == "Completed"


def remote_start(station: Station) -> Commanded:
    station.know(station.tag)
    wanted = {"idTag": station.tag, "connectorId": 1}
    commanded = station.command("remote-start", wanted, {"status": "Accepted"})
    assert commanded.sent == wanted
    return commanded


def remote_stop(station: Station, number: int) -> None:
    wanted = {"transactionId": number, "reason": "Completed"}
    commanded = station.command("remote-stop", wanted, {"status": "Accepted"})
    assert commanded.sent == {"transactionId": number}


def outcome(station: Station) -> tuple[str, int | None]:
    """What became of the one remote start."""
    (found,) = station.listed("/api/remote-starts")
    return found["state"], found["transactionId"]
