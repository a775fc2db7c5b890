"""Cases of the local authorization list profile."""

from __future__ import annotations

import pytest

from tests.conformance.station import Commanded, Payload, Station

ACCEPTED = {"status": "Accepted"}


def local_list(station: Station) -> Payload:
    """What the server knows of the station's list."""
    found: Payload = station.get(f"/api/local-lists/{station.name}")
    return found


def ask_version(station: Station, version: int, state: str) -> None:
    """GetLocalListVersion, answered with `version`, which is on record then."""
    commanded = station.command("get-local-list-version", {}, {"listVersion": version})
    assert commanded.sent == {}
    assert commanded.answer["listVersion"] == version
    kept = local_list(station)
    assert (kept["version"], kept["state"]) == (version, state)


def test_tc_042_1_local_list_version_not_supported(station: Station) -> None:
    station.booted()
    ask_version(station, -1, "not-supported")


def test_tc_042_2_local_list_version_empty(station: Station) -> None:
    station.booted()
    ask_version(station, 0, "accepted")


def send_list(station: Station, kind: str, tags: list[str] | None, status: str) -> Commanded:
    """SendLocalList of these tags, or of all that the server knows."""
    fields: Payload = {"updateType": kind} | ({"idTags": tags} if tags else {})
    commanded = station.command("send-local-list", fields, {"status": status})
    assert commanded.sent["updateType"] == commanded.answer["updateType"] == kind
    assert commanded.sent["listVersion"] == commanded.answer["listVersion"] > 0
    return commanded


@pytest.fixture
def tags(station: Station) -> list[str]:
    """Two tags that the server knows, one of them with all that can be said of it."""
    plain, rich = f"A {station.name}", f"B {station.name}"
    station.know(plain)
    station.know(rich, expiryDate="2031-01-01T00:00:00Z", parentIdTag=f"P {station.name}")
    return [plain, rich]


def refused(station: Station, tags: list[str], status: str, state: str) -> None:
    """A Full list is answered with `status`: nobody claims that the station has it."""
    station.booted()
    send_list(station, "Full", tags, status)
    kept = local_list(station)
    assert (kept["state"], kept["status"], kept["tags"]) == (state, status, [])


def test_tc_043_1_send_list_not_supported(station: Station, tags: list[str]) -> None:
    refused(station, tags, "NotSupported", "not-supported")


def test_tc_043_3_send_list_failed(station: Station, tags: list[str]) -> None:
    refused(station, tags, "Failed", "failed")


def full(station: Station, tags: list[str]) -> int:
    """A Full list of these tags that the station takes; its version."""
    sent = send_list(station, "Full", tags, "Accepted").sent
    entries = {each["idTag"]: each["idTagInfo"] for each in sent["localAuthorizationList"]}
    assert set(entries) == set(tags)
    assert all(info["status"] == "Accepted" for info in entries.values())
    return holds(station, sent["listVersion"], set(entries))


def holds(station: Station, version: int, tags: set[str]) -> int:
    """The station has these tags in this version, says the server; the version."""
    kept = local_list(station)
    assert (kept["state"], kept["version"]) == ("accepted", version)
    assert {each["idTag"] for each in kept["tags"]} == tags
    return version


def test_tc_043_4_send_list_full(station: Station, tags: list[str]) -> None:
    station.booted()
    version = full(station, tags)
    ask_version(station, version, "accepted")
    (rich,) = (each for each in local_list(station)["tags"] if each["idTag"] == tags[1])
    assert rich["parentIdTag"] == f"P {station.name}"
    assert rich["expiryDate"].startswith("2031-01-01T00:00:00")


def test_tc_043_5_send_list_differential(station: Station, tags: list[str]) -> None:
    station.booted()
    first = send_list(station, "Full", None, "Accepted").sent
    assert all(each["idTagInfo"]["status"] for each in first["localAuthorizationList"])
    every = {each["idTag"] for each in first["localAuthorizationList"]}
    assert every >= set(tags)
    holds(station, first["listVersion"], every)
    new = f"C {station.name}"
    station.know(new)
    sent = send_list(station, "Differential", None, "Accepted").sent
    assert sent["listVersion"] > first["listVersion"]
    assert sent["localAuthorizationList"] == [{"idTag": new, "idTagInfo": {"status": "Accepted"}}]
    holds(station, sent["listVersion"], every | {new})
