"""Cases of the Security Whitepaper: TLS with the server's certificate, and with one's own."""

from __future__ import annotations

import datetime
import socket
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from ocpp_trio.authority import Authority, Files, create
from tests.conformance.station import Station
from tests.support.tls_server import TlsServer, openssl, tls_server

pytestmark = pytest.mark.real

HOST = "127.0.0.1"
SUITES = {
    "ec": ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384"),
    "rsa": ("AES128-GCM-SHA256", "AES256-GCM-SHA384"),
}


def own_certificates(folder: Path) -> tuple[Authority, dict[str, str]]:
    """Certificates for the server, RSA and elliptic curve, as `ocpp-trio ca server` makes them;
    the authority, and the settings that name them.
    """
    now = datetime.datetime.now(datetime.UTC)
    files = Files(folder / "own-ca.pem", folder / "own-ca-key.pem")
    create(files, "Example CPO", "rsa", 3650, now)
    authority, variables = Authority(files), {"OCPP_TLS_LEGACY": "true"}
    for kind, name in (("rsa", "OCPP"), ("ec", "OCPP_SECOND")):
        chain, key = authority.make_server_certificate([HOST], kind, 365, now)
        for part, content in (("CERT", chain.encode()), ("KEY", key)):
            path = folder / f"{kind}-{part}.pem"
            path.write_bytes(content)
            variables[f"{name}_{part}_FILE"] = str(path)
    return authority, variables


def shown(server: TlsServer, suite: str, trusting: ssl.SSLContext) -> x509.Certificate:
    """The certificate that the server shows to a charge point that knows one cipher suite."""
    trusting.maximum_version = ssl.TLSVersion.TLSv1_2
    trusting.set_ciphers(suite)
    with (
        socket.create_connection((HOST, server.wss_port), 5) as sock,
        trusting.wrap_socket(sock, server_hostname=HOST) as secure,
    ):
        assert secure.version() == "TLSv1.2"
        cipher = secure.cipher()
        assert cipher is not None
        assert cipher[0] == suite
        der = secure.getpeercert(binary_form=True)
    assert der is not None
    return x509.load_der_x509_certificate(der)


def test_tc_086_tls_server_certificate(tmp_path: Path) -> None:
    authority, variables = own_certificates(tmp_path)
    with tls_server(tmp_path, **variables) as server:
        for kind, suites in SUITES.items():
            for suite in suites:
                trusting = ssl.create_default_context(cadata=authority.pem)
                found = shown(server, suite, trusting)
                key = found.public_key()
                assert isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey)
                assert key.key_size >= (2048 if kind == "rsa" else 224)
                assert found.serial_number > 0
                (name,) = found.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
                assert name.value == HOST
                assert found.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
        for version in ("-tls1", "-tls1_1"):
            assert "Cipher is (NONE)" in openssl(server, version, "-cipher", "ALL:@SECLEVEL=0")
        assert "Compression: NONE" in openssl(server, "-tls1_2", "-comp")

        station = Station(server, "TC_086")
        station.tls = (server.wss, ssl.create_default_context(cadata=authority.pem))
        made = server.request("POST", "/api/charge-points", {"id": station.name})
        assert made.status == 201
        made = server.request("POST", f"/api/charge-points/{station.name}/key", {})
        station.key = bytes.fromhex(made.body["key"])
        station.booted()
        assert station.shown()["securityProfile"] == 2
        station.disconnect()


def test_tc_087_tls_client_certificate(tmp_path: Path) -> None:
    with tls_server(tmp_path) as server:
        station = Station(server, "TC_087")
        made = server.request(
            "POST", "/api/charge-points", {"id": station.name, "minimumProfile": 3}
        )
        assert made.status == 201
        station.tls = (server.wss, server.trusting())
        assert station.refused_connection() == 401
        station.tls = (server.wss, server.showing("ANOTHER"))
        assert station.refused_connection() == 403
        station.tls = (server.wss, server.showing(station.name))
        station.booted()
        assert station.shown()["securityProfile"] == 3
        (used,) = station.listed("/api/client-certificates")
        assert used["lastUsedAt"] is not None
        station.disconnect()
