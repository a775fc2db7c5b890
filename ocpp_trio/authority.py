"""A certificate authority of our own: a certificate and a key in two files, made or given.

The key is read when something is signed, and never kept, logged or stored elsewhere.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import structlog
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ocpp_trio.certificate_parts import (
    PrivateKey,
    authority_key,
    host_name,
    is_authority,
    key_pem,
    key_usage,
    new_key,
)
from ocpp_trio.certificates import ClientCertificate, read_client_certificate
from ocpp_trio.config import Settings
from ocpp_trio.errors import AuthorityError
from ocpp_trio.private_files import PRIVATE, PUBLIC, is_exposed, write_new

log = structlog.get_logger(source="tls")

RSA_BITS = {"authority": 3072, "server": 2048}
CLOCK_SKEW = datetime.timedelta(hours=1)
"""Certificates are valid from a little earlier on: clocks of charge points are seldom right."""
MAX_NAME = 64
"""Characters of an organization or common name (RFC 5280, appendix A)."""
AUTHORITY_DAYS = 3650


class Files(NamedTuple):
    """Where an authority lies."""

    certificate: Path
    key: Path


class Authority:
    """An authority, read from its files."""

    def __init__(self, files: Files) -> None:
        """Raises AuthorityError that says what is wrong with the files."""
        self.files = files
        try:
            text = files.certificate.read_bytes()
            self.chain = x509.load_pem_x509_certificates(text)
        except (OSError, ValueError) as error:
            raise AuthorityError(f"{files.certificate}: {_words(error)}") from None
        self.certificate = self.chain[0]
        if not is_authority(self.certificate):
            raise AuthorityError(f"{files.certificate}: this certificate may not sign others")

    @property
    def pem(self) -> str:
        """Its certificate: what charge points install as CentralSystemRootCertificate."""
        return self.certificate.public_bytes(Encoding.PEM).decode()

    def described(self) -> list[tuple[str, str]]:
        """What a person wants to know of it, by name."""
        found = self.certificate
        return [
            ("subject", found.subject.rfc4514_string()),
            ("issuer", found.issuer.rfc4514_string()),
            ("valid from", f"{found.not_valid_before_utc:%Y-%m-%d %H:%M} UTC"),
            ("valid until", f"{found.not_valid_after_utc:%Y-%m-%d %H:%M} UTC"),
            ("fingerprint", f"SHA-256 {found.fingerprint(hashes.SHA256()).hex(':')}"),
            ("certificate", str(self.files.certificate)),
            ("private key", str(self.files.key)),
        ]

    def key(self) -> PrivateKey:
        """Its private key. Raises AuthorityError."""
        try:
            key = load_pem_private_key(self.files.key.read_bytes(), password=None)
        except (OSError, ValueError, TypeError) as error:
            raise AuthorityError(f"{self.files.key}: {_words(error)}") from None
        if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
            raise AuthorityError(f"{self.files.key}: the key is neither RSA nor an elliptic curve")
        if key.public_key() != self.certificate.public_key():
            raise AuthorityError(f"{self.files.key}: the key is not that of the certificate")
        return key

    def is_exposed(self) -> bool:
        """Whether others than its owner may read or change the key file."""
        return is_exposed(self.files.key)

    def sign_request(self, csr: str, days: int, now: datetime.datetime) -> ClientCertificate:
        """Sign a certificate request that was checked: its subject and key, for a client.

        Raises AuthorityError.
        """
        request = x509.load_pem_x509_csr(csr.encode("ascii", "replace"))
        # Nothing else that a charge point writes of itself is vouched for.
        subject = x509.Name(
            each
            for each in request.subject
            if each.oid in {NameOID.ORGANIZATION_NAME, NameOID.COMMON_NAME}
        )
        made = self._sign(
            self._builder(subject, request.public_key(), days, now)
            .add_extension(key_usage(), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        )
        return read_client_certificate(made.public_bytes(Encoding.DER))

    def make_server_certificate(
        self, hosts: Sequence[str], kind: str, days: int, now: datetime.datetime
    ) -> tuple[str, bytes]:
        """A certificate for a server of these names, the first its common name, with its chain as
        PEM, and its private key. Raises AuthorityError.
        """
        key = new_key(kind, RSA_BITS["server"])
        organization = self.certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
        subject = x509.Name([*organization, x509.NameAttribute(NameOID.COMMON_NAME, hosts[0])])
        made = self._sign(
            self._builder(subject, key.public_key(), days, now)
            .add_extension(key_usage(key_encipherment=kind == "rsa"), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(
                x509.SubjectAlternativeName([host_name(each) for each in hosts]), critical=False
            )
        )
        pem = made.public_bytes(Encoding.PEM).decode()
        return self.chain_of(pem), key_pem(key)

    def _builder(
        self, subject: x509.Name, key: object, days: int, now: datetime.datetime
    ) -> x509.CertificateBuilder:
        ends = min(now + datetime.timedelta(days=days), self.certificate.not_valid_after_utc)
        if ends <= now:
            raise AuthorityError(f"{self.files.certificate}: the authority has expired")
        assert isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.certificate.subject)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - CLOCK_SKEW)
            .not_valid_after(ends)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(authority_key(self.certificate), critical=False)
        )

    def _sign(self, builder: x509.CertificateBuilder) -> x509.Certificate:
        return builder.sign(self.key(), hashes.SHA256())

    def chain_of(self, pem: str) -> str:
        """A certificate that was signed here, and what proves it to whoever has the root: those
        between it and the root, without the root itself.
        """
        between = [each for each in self.chain if each.issuer != each.subject]
        return pem + "".join(each.public_bytes(Encoding.PEM).decode() for each in between)


def files_of(settings: Settings) -> Files:
    """Where the authority lies, if there is one: beside the database file, or where it was put."""
    folder = Path(settings.db_sqlite_path).parent
    return Files(
        Path(settings.ca_cert_file) if settings.ca_cert_file else folder / "ca.pem",
        Path(settings.ca_key_file) if settings.ca_key_file else folder / "ca-key.pem",
    )


def find(settings: Settings) -> Authority | None:
    """The authority that the settings allow, None if there is none. Raises AuthorityError."""
    return Authority(files_of(settings)) if is_there(settings) else None


def is_there(settings: Settings) -> bool:
    """Whether there is an authority that the settings allow."""
    return settings.ca != "off" and files_of(settings).certificate.exists()


def prepare(settings: Settings, now: datetime.datetime) -> Authority | None:
    """At start: the authority, made if OCPP_CA=create and there is none; key and files are checked.

    Raises AuthorityError.
    """
    files = files_of(settings)
    if settings.ca == "create" and not files.certificate.exists():
        create(files, organization_of(settings), "rsa", AUTHORITY_DAYS, now)
        log.info("certificate authority made", certificate=str(files.certificate))
    found = find(settings)
    if found is None:
        if settings.ca != "off" and (settings.ca_cert_file or settings.ca_key_file):
            raise AuthorityError(f"OCPP_CA_CERT_FILE: there is no file {files.certificate}")
        return None
    found.key()
    if found.is_exposed():
        log.warning("the authority's key can be read by others: chmod 600", file=str(files.key))
    return found


def organization_of(settings: Settings) -> str:
    """Whose authority it is."""
    return settings.cpo_name[0] if settings.cpo_name else settings.system_name


def create(files: Files, organization: str, kind: str, days: int, now: datetime.datetime) -> None:
    """Make an authority: `kind` of key rsa or ec. Existing files are never overwritten.

    Raises AuthorityError.
    """
    for each in files:
        if each.exists():
            raise AuthorityError(f"{each} exists already")
    if not 0 < len(organization) <= MAX_NAME:
        raise AuthorityError(f"the name of an organization has 1 to {MAX_NAME} characters")
    key = new_key(kind, RSA_BITS["authority"])
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization),
            x509.NameAttribute(NameOID.COMMON_NAME, f"{organization} charge points CA"[:MAX_NAME]),
        ]
    )
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(key_usage(signs_certificates=True), critical=True)
        .add_extension(identifier, critical=False)
        .sign(key, hashes.SHA256())
    )
    write(files.key, key_pem(key), PRIVATE)
    write(files.certificate, made.public_bytes(Encoding.PEM), PUBLIC)


def write(path: Path, content: bytes, mode: int) -> None:
    """Write a new file. Raises AuthorityError, also if there is one already."""
    try:
        write_new(path, content, mode)
    except OSError as error:
        raise AuthorityError(f"{path}: {_words(error)}") from None


def _words(error: Exception) -> str:
    if isinstance(error, OSError):
        return (error.strerror or str(error)).lower()
    return "is no PEM file that can be read"
