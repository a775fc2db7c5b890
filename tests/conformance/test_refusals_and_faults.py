"""Cases of tags that may not charge, of stations that refuse, and of power and lines that fail."""

from __future__ import annotations

from datetime import timedelta

from tests.conformance.station import Payload, Station, moment, parsed


def denied(station: Station, tag: str, status: str) -> Payload:
    """Authorize is answered so, and nothing is stored of it."""
    station.booted()
    info = station.authorize(tag)
    assert info["status"] == status
    assert station.transactions() == []
    return info


def test_tc_023_1_authorize_invalid(station: Station) -> None:
    denied(station, station.tag, "Invalid")
    answer = station.server.request(
        "GET", f"/api/authorizations?idTag={station.tag.replace(' ', '%20')}"
    )
    assert answer.status == 404
    (seen,) = station.listed("/api/authorizations/unknown")
    assert seen["idTag"] == station.tag


def test_tc_023_2_authorize_expired(station: Station) -> None:
    station.know(station.tag, expiryDate="2026-01-01T00:00:00Z")
    info = denied(station, station.tag, "Expired")
    assert parsed(info["expiryDate"]) == parsed("2026-01-01T00:00:00Z")


def test_tc_023_3_authorize_blocked(station: Station) -> None:
    station.know(station.tag, status="Blocked")
    denied(station, station.tag, "Blocked")


def test_tc_024_lock_failure(station: Station) -> None:
    station.booted()
    station.authorized()
    station.status(1, "Preparing")
    station.status(1, "Faulted", "ConnectorLockFailure")
    assert station.connector(1) == ("Faulted", "ConnectorLockFailure")
    station.status(1, "Available")
    assert station.connector(1) == ("Available", "NoError")
    assert station.transactions() == []


def test_tc_026_remote_start_rejected(station: Station) -> None:
    station.know(station.tag)
    station.booted()
    wanted = {"idTag": station.tag, "connectorId": 1}
    commanded = station.command("remote-start", wanted, {"status": "Rejected"})
    assert commanded.sent == wanted
    assert station.transactions() == []
    (refused,) = station.listed("/api/remote-starts")
    assert (refused["state"], refused["transactionId"]) == ("refused", None)


def test_tc_028_remote_stop_rejected(station: Station) -> None:
    station.booted()
    number = station.charging()
    unknown = {"transactionId": number + 1_000_000}
    commanded = station.command("remote-stop", unknown, {"status": "Rejected"})
    assert commanded.sent == unknown
    station.is_running(number)
    assert station.transaction(number)["remoteStopReason"] is None
    assert len(station.transactions()) == 1


def test_tc_032_1_power_failure_stops_transactions(station: Station) -> None:
    station.booted()
    number = station.charging()
    station.disconnect()
    station.connect()
    station.boot()
    station.is_running(number)
    station.status(0, "Available")
    station.status(1, "Finishing")
    station.stop(number, "PowerLoss")
    station.status(1, "Available")
    assert len(station.transactions()) == 1


def test_tc_037_1_offline_start_valid_tag(station: Station) -> None:
    station.know(station.tag)
    station.booted()
    station.disconnect()
    began = moment(minutes=-10)
    station.connect()
    number = station.start(timestamp=began)
    station.status(1, "Charging")
    station.is_running(number)
    assert near(station.transaction(number)["startTimestamp"], began)


def test_tc_037_3_offline_start_invalid_tag(station: Station) -> None:
    station.booted()
    station.disconnect()
    began = moment(minutes=-10)
    station.connect()
    number, info = station.start_any(station.tag, timestamp=began)
    assert info["status"] == "Invalid"
    station.status(1, "Charging")
    station.stop(number, "DeAuthorized")
    station.status(1, "Finishing")
    (kept,) = station.transactions()
    assert (kept["idTag"], kept["authorizationStatus"]) == (station.tag, "Invalid")
    assert near(kept["startTimestamp"], began)


def test_tc_039_offline_transaction(station: Station) -> None:
    station.know(station.tag)
    station.booted()
    station.disconnect()
    began, ended = moment(minutes=-30), moment(minutes=-10)
    station.connect()
    number = station.start(timestamp=began)
    station.stop(number, "Local", timestamp=ended, idTag=station.tag)
    (kept,) = station.transactions()
    assert (kept["idTag"], kept["stopIdTag"]) == (station.tag, station.tag)
    assert near(kept["startTimestamp"], began)
    assert near(kept["stopTimestamp"], ended)


def near(stored: str, said: str) -> bool:
    """Whether a stored moment is the one the station said, whose fractions may be cut."""
    return abs(parsed(stored) - parsed(said)) < timedelta(seconds=1)
