"""TLS contexts: what they are made of, what they refuse, and how they are made anew."""

from __future__ import annotations

import datetime
import os
import ssl
from functools import partial
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from structlog.testing import capture_logs
from structlog.typing import EventDict

from ocpp_trio import config, tls
from ocpp_trio.certificates import server_certificate_findings
from ocpp_trio.errors import ConfigError
from ocpp_trio.tls import Reloading, Tls, api_source, contexts, make_context, station_source

MONTH = 30 * 86400
NOW = datetime.datetime(2026, 6, 1, tzinfo=datetime.UTC)


def write(folder: Path, name: str, issued: trustme.LeafCert) -> tuple[str, str]:
    """Store a certificate with its chain, and its key."""
    cert, key = folder / f"{name}.pem", folder / f"{name}-key.pem"
    cert.write_bytes(b"".join(each.bytes() for each in issued.cert_chain_pems))
    issued.private_key_pem.write_to_path(key)
    return str(cert), str(key)


def with_files(folder: Path, **variables: str) -> config.Settings:
    """Settings that name a certificate for localhost."""
    cert, key = write(folder, "cert", trustme.CA().issue_cert("localhost"))
    files = {"OCPP_USE_TLS": "true", "OCPP_CERT_FILE": cert, "OCPP_KEY_FILE": key}
    return config.load(files | variables)


def test_the_file_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    settings = config.load(
        {"OCPP_USE_TLS": "true", "OCPP_CERT_FILE": str(cert), "OCPP_KEY_FILE": str(key)}
    )
    with pytest.raises(ConfigError, match=f"OCPP_CERT_FILE: there is no file {cert}"):
        contexts(settings)
    cert.write_text("nonsense")
    with pytest.raises(ConfigError, match="OCPP_KEY_FILE: there is no file"):
        contexts(settings)
    key.write_text("nonsense")
    with pytest.raises(ConfigError, match="OCPP_CERT_FILE, OCPP_KEY_FILE: cannot use this"):
        contexts(settings)


def test_a_key_with_a_password_is_refused_and_not_asked_for(tmp_path: Path) -> None:
    settings = with_files(tmp_path)
    key = ec.generate_private_key(ec.SECP256R1())
    locked = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"secret"),
    )
    Path(settings.key_file).write_bytes(locked)
    with pytest.raises(ConfigError, match="cannot use this certificate and key"):
        make_context(station_source(settings))


def test_without_tls_there_is_none() -> None:
    assert contexts(config.load({})) == (None, None, None)


def test_each_port_has_what_its_variables_say(tmp_path: Path) -> None:
    both, wss, api = contexts(with_files(tmp_path))
    assert both is not None
    assert both is wss
    assert api is not None
    both, wss, api = contexts(with_files(tmp_path, OCPP_USE_TLS="", OCPP_WSS_PORT="0"))
    assert (both, api) == (None, None)
    assert wss is not None
    both, wss, api = contexts(with_files(tmp_path, OCPP_API_USE_TLS="no"))
    assert both is wss is not None
    assert api is None
    settings = with_files(tmp_path, OCPP_API_CERT_FILE="api.pem", OCPP_API_KEY_FILE="api-key.pem")
    with pytest.raises(ConfigError, match=r"OCPP_API_CERT_FILE: there is no file api\.pem"):
        contexts(settings)
    with pytest.raises(ConfigError, match=r"OCPP_API_KEY_FILE: there is no file \(it is not set\)"):
        make_context(api_source(with_files(tmp_path, OCPP_API_CERT_FILE=settings.cert_file)))


def test_cipher_suites(tmp_path: Path) -> None:
    def suites(**variables: str) -> set[str]:
        context = make_context(station_source(with_files(tmp_path, **variables)))
        assert context.minimum_version == ssl.TLSVersion.TLSv1_2
        assert context.options & ssl.OP_NO_COMPRESSION
        return {each["name"] for each in context.get_ciphers() if each["protocol"] == "TLSv1.2"}

    modern, legacy = suites(), suites(OCPP_TLS_LEGACY="true")
    assert {name.split("-")[0] for name in modern} == {"ECDHE"}
    assert {"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384"} <= modern
    assert legacy - modern == {"AES128-GCM-SHA256", "AES256-GCM-SHA384"}


def test_client_certificates_need_an_authority(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="OCPP_CLIENT_CERTIFICATES=required needs an authority"):
        contexts(with_files(tmp_path, OCPP_CLIENT_CERTIFICATES="required"))
    authority = tmp_path / "authority.pem"
    trustme.CA().cert_pem.write_to_path(authority)
    for asked, mode in {
        "": ssl.CERT_OPTIONAL,
        "off": ssl.CERT_NONE,
        "required": ssl.CERT_REQUIRED,
    }.items():
        settings = with_files(
            tmp_path, OCPP_CLIENT_CERTIFICATES=asked, OCPP_CLIENT_CA_FILE=str(authority)
        )
        assert make_context(station_source(settings)).verify_mode == mode
        # The API knows nobody by a certificate.
        assert make_context(api_source(settings)).verify_mode == ssl.CERT_NONE
    authority.write_text("nonsense")
    with pytest.raises(ConfigError, match="OCPP_CLIENT_CA_FILE: cannot use these certificates"):
        make_context(station_source(settings))


def shown(port: Tls) -> bytes:
    """The certificate that a client is shown, over memory."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_mode = ssl.CERT_NONE
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours, theirs = client.wrap_bio(back, there), port.wrap_bio(there, back, server_side=True)
    for side in (ours, theirs, ours, theirs):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
    found = ours.getpeercert(binary_form=True)
    assert found is not None
    return found


def spoil(file: str) -> None:
    Path(file).write_text("nonsense")


async def test_changed_files_are_used_and_broken_ones_are_not(
    tmp_path: Path, expected_errors: list[EventDict]
) -> None:
    settings = with_files(tmp_path)
    port = Tls("charge points", partial(station_source, settings), MONTH)
    looking = Reloading([port])
    first = shown(port)
    await looking.tick()
    assert shown(port) == first

    with_files(tmp_path)
    await looking.tick()
    second = shown(port)
    assert second != first

    spoil(settings.cert_file)
    await looking.tick()
    await looking.tick()
    assert shown(port) == second
    (told,) = expected_errors
    assert told["event"] == "certificate files cannot be used; the old ones stay in force"
    assert "OCPP_CERT_FILE" in told["why"]
    os.remove(settings.cert_file)
    await looking.now()
    assert shown(port) == second
    assert "there is no file" in expected_errors[1]["why"]

    with_files(tmp_path)
    await looking.now()
    assert shown(port) not in {first, second}


async def test_a_signal_without_tls_is_no_fault() -> None:
    with capture_logs() as told:
        await Reloading([]).now()
    assert told[0]["event"] == "nothing to reload: TLS is not in use"


async def test_what_is_wrong_is_told_again_each_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = Tls("charge points", partial(station_source, with_files(tmp_path)), MONTH)
    with capture_logs() as told:
        looking = Reloading([port])
        await looking.tick()
        assert told == []
        monkeypatch.setattr(tls, "WARNING_INTERVAL", 0.0)
        await looking.tick()
    assert {each["port"] for each in told} == {"charge points"}
    assert all(each["log_level"] == "warning" for each in told)


def made(
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey,
    *,
    name: str = "csms.example.com",
    days: float = 365,
    padding: int = 0,
) -> str:
    """A certificate that signed itself, as PEM."""
    subject = [x509.NameAttribute(NameOID.COMMON_NAME, name)] if name else []
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name(subject))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Root")]))
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW - datetime.timedelta(days=400))
        .not_valid_after(NOW + datetime.timedelta(days=days))
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName("a" * 50) for _ in range(padding)]), False
        )
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


RSA = rsa.generate_private_key(65537, 2048)
EC = ec.generate_private_key(ec.SECP256R1())


@pytest.mark.parametrize(
    ("pems", "findings"),
    [
        ([made(RSA)], []),
        ([made(EC), made(RSA)], []),
        ([made(EC)], ["has no RSA key"]),
        (["nonsense"], ["cannot be looked into"]),
        ([made(RSA, padding=40)], ["is 2"]),
        ([made(RSA, name="")], ["has no common name"]),
        ([made(RSA, days=10)], ["expires on 2026-06-11 00:00 UTC, in 10 days"]),
        ([made(RSA, days=-1)], ["has expired on 2026-05-31 00:00 UTC"]),
        (
            [made(ec.generate_private_key(ec.SECP192R1()))],
            ["has no RSA key", "has an elliptic curve key of less than 224 bits"],
        ),
    ],
)
def test_findings(pems: list[str], findings: list[str]) -> None:
    files = [(f"{number}.pem", pem) for number, pem in enumerate(pems)]
    found = list(server_certificate_findings(files, int(NOW.timestamp() * 1000), MONTH))
    assert len(found) == len(findings)
    for (file, text), expected in zip(found, findings, strict=True):
        assert file == "0.pem"
        assert text.startswith(expected)


def test_a_certificate_of_tomorrow() -> None:
    long_ago = int((NOW - datetime.timedelta(days=500)).timestamp() * 1000)
    ((_, text),) = server_certificate_findings([("a", made(RSA))], long_ago, MONTH)
    assert text.startswith("is not valid before 2025-04-27")
