"""The certificate authority: made, read, refused, and what it signs."""

from __future__ import annotations

import datetime
import os
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from structlog.testing import capture_logs

from ocpp_trio import authority
from ocpp_trio.authority import Authority, Files, create
from ocpp_trio.config import Settings
from ocpp_trio.errors import AuthorityError
from tests.conftest import MakeSettings
from tests.support.certificates import pem, root

NOW = datetime.datetime(2026, 11, 23, 8, tzinfo=datetime.UTC)
DAY = datetime.timedelta(days=1)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path / "ca.pem", tmp_path / "ca-key.pem")


def made(files: Files, kind: str = "ec", days: int = 3650) -> Authority:
    create(files, "Example CPO", kind, days, NOW)
    return Authority(files)


def csr(*names: tuple[x509.ObjectIdentifier, str], key: object = None) -> str:
    builder = x509.CertificateSigningRequestBuilder().subject_name(
        x509.Name([x509.NameAttribute(*each) for each in names])
    )
    secret = key or ec.generate_private_key(ec.SECP256R1())
    assert isinstance(secret, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey)
    return builder.sign(secret, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


@pytest.mark.parametrize(("kind", "size"), [("rsa", 3072), ("ec", 256)])
def test_an_authority_is_made(files: Files, kind: str, size: int) -> None:
    found = made(files, kind)
    certificate = x509.load_pem_x509_certificate(files.certificate.read_bytes())
    certificate.verify_directly_issued_by(certificate)
    assert certificate.subject.rfc4514_string() == ("CN=Example CPO charge points CA,O=Example CPO")
    assert certificate.not_valid_after_utc == NOW + 3650 * DAY
    assert found.key().key_size == size
    assert found.pem == files.certificate.read_text()
    assert dict(found.described())["subject"] == certificate.subject.rfc4514_string()


def test_nobody_else_may_read_its_key(files: Files) -> None:
    old = os.umask(0)
    try:
        found = made(files)
    finally:
        os.umask(old)
    assert files.key.stat().st_mode & 0o777 == 0o600
    assert not found.is_exposed()
    files.key.chmod(0o640)
    assert found.is_exposed()


def test_nothing_is_overwritten(files: Files) -> None:
    files.key.write_text("precious")
    with pytest.raises(AuthorityError, match=f"{files.key} exists already"):
        made(files)
    assert files.key.read_text() == "precious"
    assert not files.certificate.exists()


def test_an_organization_that_no_certificate_can_have(files: Files) -> None:
    with pytest.raises(AuthorityError, match="the name of an organization has 1 to 64"):
        create(files, "x" * 65, "ec", 1, NOW)
    assert not files.key.exists()


@pytest.mark.parametrize("kind", ["rsa", "ec"])
def test_a_request_is_signed_for_its_subject_and_key(files: Files, kind: str) -> None:
    found = made(files, kind)
    for key in (ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, 2048)):
        asked = csr(
            (NameOID.ORGANIZATION_NAME, "Example CPO"),
            (NameOID.ORGANIZATIONAL_UNIT_NAME, "admin"),
            (NameOID.COMMON_NAME, "CP001"),
            key=key,
        )
        signed = found.sign_request(asked, 365, NOW)
        certificate = x509.load_pem_x509_certificate(signed.pem.encode())
        certificate.verify_directly_issued_by(found.certificate)
        assert certificate.public_key() == key.public_key()
        # What else it wrote of itself is not vouched for.
        assert signed.subject == "CN=CP001,O=Example CPO"
        assert certificate.not_valid_before_utc == NOW - datetime.timedelta(hours=1)
        assert certificate.not_valid_after_utc == NOW + 365 * DAY
        extensions = certificate.extensions
        assert not extensions.get_extension_for_class(x509.BasicConstraints).value.ca
        usage = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]
        assert len(certificate.public_bytes(serialization.Encoding.DER)) < 2048
        # The root is not in the chain: the station has it, or need not.
        assert found.chain_of(signed.pem) == signed.pem


def test_nothing_outlives_its_authority(files: Files) -> None:
    found = made(files, days=10)
    asked = csr((NameOID.COMMON_NAME, "CP001"))
    signed = found.sign_request(asked, 365, NOW)
    assert signed.not_after == (NOW + 10 * DAY).timestamp() * 1000
    with pytest.raises(AuthorityError, match="the authority has expired"):
        found.sign_request(asked, 365, NOW + 10 * DAY)


def test_a_certificate_for_a_server(files: Files) -> None:
    found = made(files)
    for kind, cls in (("rsa", rsa.RSAPrivateKey), ("ec", ec.EllipticCurvePrivateKey)):
        chain, secret = found.make_server_certificate(
            ["csms.example.com", "192.0.2.1"], kind, 90, NOW
        )
        certificate = x509.load_pem_x509_certificate(chain.encode())
        certificate.verify_directly_issued_by(found.certificate)
        key = serialization.load_pem_private_key(secret, None)
        assert isinstance(key, cls)
        assert certificate.public_key() == key.public_key()
        assert certificate.subject.rfc4514_string() == "CN=csms.example.com,O=Example CPO"
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert names.get_values_for_type(x509.DNSName) == ["csms.example.com"]
        assert [str(each) for each in names.get_values_for_type(x509.IPAddress)] == ["192.0.2.1"]


def test_one_between_goes_with_what_it_signs(files: Files, tmp_path: Path) -> None:
    upper = made(Files(tmp_path / "root.pem", tmp_path / "root-key.pem"))
    key = ec.generate_private_key(ec.SECP256R1())
    between = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Between")]))
        .issuer_name(upper.certificate.subject)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(NOW - DAY)
        .not_valid_after(NOW + 1000 * DAY)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(upper.key(), hashes.SHA256())
    )
    files.certificate.write_text(pem(between) + upper.pem)
    files.key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    found = Authority(files)
    signed = found.sign_request(csr((NameOID.COMMON_NAME, "CP001")), 10, NOW)
    chain = x509.load_pem_x509_certificates(found.chain_of(signed.pem).encode())
    assert [each.subject.rfc4514_string() for each in chain] == ["CN=CP001", "CN=Between"]
    chain[0].verify_directly_issued_by(between)


def test_files_that_cannot_be_used_are_named(files: Files) -> None:
    with pytest.raises(AuthorityError, match=f"{files.certificate}: no such file"):
        Authority(files)
    files.certificate.write_text("nonsense")
    with pytest.raises(AuthorityError, match=r"is no PEM file that can be read"):
        Authority(files)
    files.certificate.write_text(pem(root()))
    with pytest.raises(AuthorityError, match="this certificate may not sign others"):
        Authority(files)
    files.certificate.unlink()
    found = made(files)
    other = ec.generate_private_key(ec.SECP256R1())
    secrets: dict[str, bytes] = {
        "the key is not that of the certificate": as_pem(other),
        "neither RSA nor an elliptic curve": as_pem(ed25519.Ed25519PrivateKey.generate()),
        "is no PEM file that can be read": b"nonsense",
    }
    for words, content in secrets.items():
        files.key.write_bytes(content)
        with pytest.raises(AuthorityError, match=words):
            found.key()
    files.key.unlink()
    with pytest.raises(AuthorityError, match=f"{files.key}: no such file"):
        found.key()


def as_pem(key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def own(settings: Settings) -> Files:
    return authority.files_of(settings)


def test_at_start(make_settings: MakeSettings, tmp_path: Path) -> None:
    settings = make_settings()
    assert own(settings) == Files(tmp_path / "ca.pem", tmp_path / "ca-key.pem")
    assert authority.prepare(settings, NOW) is None
    assert authority.find(settings) is None

    created = authority.prepare(make_settings(OCPP_CA="create", OCPP_CPO_NAME="A; B"), NOW)
    assert created is not None
    assert created.certificate.subject.rfc4514_string() == "CN=A charge points CA,O=A"
    again = authority.prepare(make_settings(OCPP_CA="create"), NOW)
    assert again is not None
    assert again.certificate == created.certificate
    assert authority.is_there(settings)
    assert not authority.is_there(make_settings(OCPP_CA="off"))
    assert authority.find(make_settings(OCPP_CA="off")) is None

    own(settings).key.chmod(0o644)
    with capture_logs() as told:
        assert authority.prepare(settings, NOW) is not None
    assert "chmod 600" in told[0]["event"]
    own(settings).key.unlink()
    with pytest.raises(AuthorityError, match=r"ca-key\.pem"):
        authority.prepare(settings, NOW)
    elsewhere = make_settings(OCPP_CA_CERT_FILE=str(tmp_path / "no.pem"))
    with pytest.raises(AuthorityError, match=r"OCPP_CA_CERT_FILE: there is no file .*no\.pem"):
        authority.prepare(elsewhere, NOW)
