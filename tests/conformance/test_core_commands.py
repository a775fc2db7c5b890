"""Cases of the core profile's commands, and of data transfer."""

from __future__ import annotations

from tests.conformance.station import Payload, Station


def test_tc_013_hard_reset(station: Station) -> None:
    reset(station, "Hard")


def test_tc_014_soft_reset(station: Station) -> None:
    reset(station, "Soft")


def reset(station: Station, kind: str) -> None:
    """The reset, and the boot that follows on a new connection."""
    station.booted(connectors=2)
    before = station.shown()["lastBootNotification"]
    commanded = station.command("reset", {"type": kind}, {"status": "Accepted"})
    assert commanded.sent == {"type": kind}
    station.booted(connectors=2)
    assert station.shown()["lastBootNotification"] > before


def unlock(station: Station, connector: int, status: str) -> None:
    """UnlockConnector goes out as asked; the operator reads the answer."""
    wanted = {"connectorId": connector}
    commanded = station.command("unlock-connector", wanted, {"status": status})
    assert commanded.sent == wanted


def test_tc_017_1_unlock_idle_socket(station: Station) -> None:
    station.booted()
    unlock(station, 1, "Unlocked")


def test_tc_017_2_unlock_idle_fixed_cable(station: Station) -> None:
    station.booted()
    unlock(station, 1, "NotSupported")


def test_tc_018_1_unlock_while_charging(station: Station) -> None:
    station.booted()
    number = station.charging()
    unlock(station, 1, "Unlocked")
    station.status(1, "Finishing")
    station.stop(number, "UnlockCommand")
    station.status(1, "Available")


def test_tc_030_unlock_failure(station: Station) -> None:
    station.booted()
    unlock(station, 1, "UnlockFailed")
    assert station.connector(1) == ("Available", "NoError")


def test_tc_031_unlock_unknown_connector(station: Station) -> None:
    station.booted()
    unlock(station, 99, "NotSupported")
    assert {each["connectorId"] for each in station.listed("/api/connectors")} == {0, 1}


def known(station: Station) -> dict[str, str]:
    """The stored configuration."""
    found = station.get(f"/api/charge-points/{station.name}/configuration")
    return {each["key"]: each["value"] for each in found}


def test_tc_019_1_all_configuration_keys(station: Station) -> None:
    station.booted()
    keys = [
        {"key": f"Key{number:03}", "value": str(number), "readonly": number % 2 == 0}
        for number in range(120)
    ]
    response = {"configurationKey": keys, "unknownKey": []}
    commanded = station.command("get-configuration", {}, response)
    assert commanded.sent.get("key", []) == []
    assert commanded.answer["configurationKey"] == keys
    assert known(station) == {each["key"]: each["value"] for each in keys}


def test_tc_019_2_one_configuration_key(station: Station) -> None:
    station.booted()
    name, value = "SupportedFeatureProfiles", "Core,FirmwareManagement"
    response = {"configurationKey": [{"key": name, "value": value, "readonly": True}]}
    commanded = station.command("get-configuration", {"keys": [name]}, response)
    assert commanded.sent == {"key": [name]}
    assert commanded.answer["unknownKey"] == []
    assert known(station) == {name: value}


def change(station: Station, key: str, value: str, status: str) -> Payload:
    """ChangeConfiguration; the change on record."""
    fields = {"key": key, "value": value}
    commanded = station.command("change-configuration", fields, {"status": status})
    assert commanded.sent == fields
    (recorded,) = station.listed("/api/configuration-changes")
    assert (recorded["key"], recorded["newValue"]) == (key, value)
    assert (recorded["status"], recorded["actor"]) == (status, "local")
    return recorded


def test_tc_021_change_configuration(station: Station) -> None:
    station.booted()
    change(station, "MeterValueSampleInterval", "60", "Accepted")
    assert known(station) == {"MeterValueSampleInterval": "60"}


def test_tc_040_1_configuration_not_supported(station: Station) -> None:
    station.booted()
    change(station, "NoSuchKey", "1", "NotSupported")
    assert known(station) == {}


def test_tc_040_2_configuration_invalid_value(station: Station) -> None:
    station.booted()
    change(station, "MeterValueSampleInterval", "-1", "Rejected")
    assert known(station) == {}


def test_tc_061_clear_cache(station: Station) -> None:
    station.booted()
    assert station.command("clear-cache", {}, {"status": "Accepted"}).sent == {}


def test_tc_064_data_transfer_to_the_central_system(station: Station) -> None:
    station.booted()
    transfer = {"vendorId": "com.example.unknown", "messageId": "Any", "data": "some"}
    answer = station.call("DataTransfer", transfer)
    assert answer == {"status": "UnknownVendorId"}
    (kept,) = station.listed("/api/data-transfers")
    assert {name: kept[name] for name in transfer} == transfer
    assert kept["answer"] == "UnknownVendorId"


def test_data_transfer_to_the_charge_point(station: Station) -> None:
    """No case asks for this direction."""
    station.booted()
    transfer = {"vendorId": "com.example", "messageId": "Ping", "data": '{"a": 1}'}
    response = {"status": "Accepted", "data": "pong"}
    commanded = station.command("data-transfer", transfer, response)
    assert commanded.sent == transfer
    assert commanded.answer["data"] == "pong"
    refused = station.command("data-transfer", transfer, {"status": "UnknownVendorId"})
    assert (refused.answer["success"], refused.answer["data"]) == (False, None)
