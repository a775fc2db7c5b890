"""Cases of the Security Whitepaper: passwords and security profiles."""

from __future__ import annotations

from pathlib import Path

from tests.conformance.station import Station
from tests.support.tls_server import tls_server

ACCEPTED = {"status": "Accepted"}
ROOT = "CentralSystemRootCertificate"


def given_key(station: Station) -> bytes:
    """A key that the operator has made for the charge point."""
    made = station.server.request("POST", f"/api/charge-points/{station.name}/key", {})
    assert made.status == 200, made
    return bytes.fromhex(made.body["key"])


def test_tc_073_new_basic_auth_password(station: Station) -> None:
    station.booted()
    old = given_key(station)
    station.key = old
    station.booted()

    sent = station.configured("key/rotate", {}, ACCEPTED).sent
    assert sent["key"] == "AuthorizationKey"
    assert 32 <= len(sent["value"]) <= 40
    station.key = bytes.fromhex(sent["value"])
    assert 16 <= len(station.key) <= 20
    station.booted()
    assert station.shown()["securityProfile"] == 1
    station.key = old
    assert station.refused_connection() == 401


def test_tc_083_raise_the_security_profile(tmp_path: Path) -> None:
    with tls_server(tmp_path) as server:
        station = Station(server, "TC_083")
        station.booted()
        station.key = given_key(station)
        station.booted()
        assert station.shown()["securityProfile"] == 1
        station.command(
            "install-certificate",
            {
                "certificateType": ROOT,
                "certificate": server.authority.cert_pem.bytes().decode(),
            },
            ACCEPTED,
        )

        sent = station.configured("security-profile", {"profile": 2}, ACCEPTED).sent
        assert sent == {"key": "SecurityProfile", "value": "2"}
        station.command("reset", {"type": "Hard"}, ACCEPTED)
        station.disconnect()
        # Until it has come with the new one it may come as before.
        assert (station.shown()["minimumProfile"], station.shown()["nextProfile"]) == (0, 2)

        station.tls = (server.wss, server.trusting())
        station.booted()
        shown = station.shown()
        assert (shown["securityProfile"], shown["minimumProfile"]) == (2, 2)
        assert shown["nextProfile"] is None
        station.tls = None
        assert station.refused_connection() == 401


def test_tc_085_basic_authentication(station: Station) -> None:
    station.booted()
    key = given_key(station)
    for wrong in (None, b"wrong", key[:-1], key + b"x"):
        station.key = wrong
        assert station.refused_connection() == 401
    station.key = key
    station.booted()
