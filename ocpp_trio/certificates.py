"""Certificates and certificate requests, read.

Hash data as the Security Whitepaper's CertificateHashDataType wants it: the hashes of the issuer's
name (DER) and public key (the bits of its key), as OCSP does (RFC 6960 section 4.1.1).
"""

from __future__ import annotations

import datetime
import hashlib
import re
import warnings
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

HASHES = {"SHA256": hashlib.sha256, "SHA384": hashlib.sha384, "SHA512": hashlib.sha512}
MIN_RSA_BITS = 2048
MIN_EC_BITS = 224
MAX_SERVER_CERTIFICATE = 2048
"""Bytes that every charge point must take (OCPP-J 1.6 section 6.2.1)."""
DAY = 86_400_000
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


class HashData(NamedTuple):
    """CertificateHashDataType: hex, as stations spell it."""

    hash_algorithm: str
    issuer_name_hash: str
    issuer_key_hash: str
    serial_number: str


class Certificate(NamedTuple):
    """What is worth knowing of a certificate; moments in ms. `key`: SHA-256 of its public key, in
    hex.
    """

    subject: str
    not_before: int
    not_after: int
    hashes: tuple[HashData, ...]
    key: str


class ClientCertificate(NamedTuple):
    """The certificate that a charge point proves itself with, or that such a one is signed with.

    `fingerprint`: SHA-256 of its DER, in hex; moments in ms.
    """

    fingerprint: str
    subject: str
    common_names: tuple[str, ...]
    organizations: tuple[str, ...]
    issuer: str
    serial_number: str
    not_before: int
    not_after: int
    pem: str


class Request(NamedTuple):
    """A certificate request: its subject, what is wrong with it (None if nothing is), and the
    SHA-256 of its public key, in hex.
    """

    subject: str | None
    problem: str | None
    common_names: tuple[str, ...] = ()
    organizations: tuple[str, ...] = ()
    key: str | None = None


def read_certificate(pem: str) -> Certificate:
    """The first certificate of a PEM text. Raises ValueError in words for its reader."""
    found = _PEM.search(pem)
    if found is None:
        raise ValueError("is no PEM certificate")
    try:
        with warnings.catch_warnings():
            # Stations are not held to what the library warns about (serial numbers, old encodings).
            warnings.simplefilter("ignore")
            certificate = x509.load_pem_x509_certificate(found[0].encode("ascii", "replace"))
            issuer_key = _issuer_key(certificate)
            return Certificate(
                certificate.subject.rfc4514_string(),
                _milliseconds(certificate.not_valid_before_utc),
                _milliseconds(certificate.not_valid_after_utc),
                tuple(
                    HashData(
                        name,
                        make(certificate.issuer.public_bytes()).hexdigest(),
                        make(issuer_key).hexdigest(),
                        f"{certificate.serial_number:x}",
                    )
                    for name, make in HASHES.items()
                ),
                _key_fingerprint(certificate.public_key()),
            )
    except Exception as error:  # the library raises many kinds on hostile input
        raise ValueError("is no certificate that can be read") from error


def _issuer_key(certificate: x509.Certificate) -> bytes:
    """The bits of the issuer's public key: known where the certificate is its own issuer, as roots
    are; else those of its own key, which then match no list.
    """
    info = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return _bit_string(info)


def _bit_string(info: bytes) -> bytes:
    """The subjectPublicKey of a SubjectPublicKeyInfo, without its tag, length and unused bits."""
    _, body = _element(info)
    header, _ = _element(body)
    _, key = _element(body[header:])
    return key[1:]


def _element(der: bytes) -> tuple[int, bytes]:
    """One DER element: its whole length, and its content."""
    length, start = der[1], 2
    if length & 0x80:
        size = length & 0x7F
        length, start = int.from_bytes(der[2 : 2 + size], "big"), 2 + size
    return start + length, der[start : start + length]


def read_request(pem: str) -> Request:
    """A certificate request as SignCertificate brings it; never raises."""
    try:
        request = x509.load_pem_x509_csr(pem.encode("ascii", "replace"))
        subject = request.subject.rfc4514_string()
        is_signed = request.is_signature_valid
        key = request.public_key()
        facts = Request(
            subject,
            None,
            _texts(request.subject, NameOID.COMMON_NAME),
            _texts(request.subject, NameOID.ORGANIZATION_NAME),
            _key_fingerprint(key),
        )
    except Exception:  # the library raises many kinds on hostile input
        return Request(None, "is no certificate request that can be read")
    if not is_signed:
        return Request(subject, "is not signed by its own key")
    problem = _key_problem(key)
    if problem is not None:
        return Request(subject, problem)
    if not request.subject.get_attributes_for_oid(NameOID.COMMON_NAME):
        return Request(subject, "has no common name")
    return facts


def _key_fingerprint(key: PublicKeyTypes) -> str:
    info = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(info).hexdigest()


def read_chain(pem: str) -> int:
    """How many certificates a chain has. Raises ValueError for one that cannot be read."""
    found = _PEM.findall(pem)
    if not found:
        raise ValueError("is no PEM certificate chain")
    for each in found:
        read_certificate(each)
    return len(found)


def read_client_certificate(der: bytes) -> ClientCertificate:
    """A client certificate that TLS has verified. Raises ValueError."""
    try:
        return _described(x509.load_der_x509_certificate(der))
    except Exception as error:  # the library raises many kinds on hostile input
        raise ValueError("is no certificate that can be read") from error


def read_authorities(pem: bytes) -> list[ClientCertificate]:
    """The certificates of authorities in a PEM text. Raises ValueError."""
    return [_described(each) for each in x509.load_pem_x509_certificates(pem)]


def _described(certificate: x509.Certificate) -> ClientCertificate:
    subject = certificate.subject
    return ClientCertificate(
        certificate.fingerprint(hashes.SHA256()).hex(),
        subject.rfc4514_string(),
        _texts(subject, NameOID.COMMON_NAME),
        _texts(subject, NameOID.ORGANIZATION_NAME),
        certificate.issuer.rfc4514_string(),
        f"{certificate.serial_number:x}",
        _milliseconds(certificate.not_valid_before_utc),
        _milliseconds(certificate.not_valid_after_utc),
        certificate.public_bytes(Encoding.PEM).decode(),
    )


def _texts(name: x509.Name, oid: x509.ObjectIdentifier) -> tuple[str, ...]:
    return tuple(str(each.value) for each in name.get_attributes_for_oid(oid))


def _milliseconds(moment: datetime.datetime) -> int:
    return int(moment.timestamp() * 1000)


def server_certificate_findings(
    files: Sequence[tuple[str, str]], now: int, warn_before: float
) -> Iterator[tuple[str, str]]:
    """What charge points may not like of the server's certificates, given as (file, PEM): the file
    and what is wrong with its first certificate. `now` in ms, `warn_before` in seconds.
    """
    found = []
    for file, pem in files:
        try:
            block = _PEM.search(pem)
            certificate = x509.load_pem_x509_certificate(block[0].encode() if block else b"")
            certificate.public_key()
        except Exception:  # OpenSSL, which serves it, takes more than the library does
            yield file, "cannot be looked into"
        else:
            found.append((file, certificate))
    if found and not any(isinstance(each.public_key(), rsa.RSAPublicKey) for _, each in found):
        for file, _ in found[:1]:
            yield (
                file,
                "has no RSA key: charge points need not take any other (OCPP-J 1.6 section 6.2.1)",
            )
    for file, certificate in found:
        for text in _findings(certificate, now, warn_before):
            yield file, text


def _findings(certificate: x509.Certificate, now: int, warn_before: float) -> Iterator[str]:
    size = len(certificate.public_bytes(Encoding.DER))
    if size > MAX_SERVER_CERTIFICATE:
        yield (
            f"is {size} bytes long: charge points need not take more than {MAX_SERVER_CERTIFICATE}"
            " (OCPP-J 1.6 section 6.2.1)"
        )
    problem = _key_problem(certificate.public_key())
    if problem is not None:
        yield problem
    if not certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME):
        yield "has no common name: it must be the server's host name (A00.FR.510)"
    begins, ends = (
        _milliseconds(certificate.not_valid_before_utc),
        _milliseconds(certificate.not_valid_after_utc),
    )
    if now < begins:
        yield f"is not valid before {certificate.not_valid_before_utc:%Y-%m-%d %H:%M} UTC"
    if ends <= now:
        yield f"has expired on {certificate.not_valid_after_utc:%Y-%m-%d %H:%M} UTC"
    elif ends - now < warn_before * 1000:
        yield (
            f"expires on {certificate.not_valid_after_utc:%Y-%m-%d %H:%M} UTC,"
            f" in {(ends - now) // DAY} days"
        )


def _key_problem(key: object) -> str | None:
    """What the Security Whitepaper has against a public key (A00.FR.501 to 503), or None."""
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size < MIN_RSA_BITS:
            return f"has an RSA key of less than {MIN_RSA_BITS} bits"
    elif isinstance(key, ec.EllipticCurvePublicKey):
        if key.curve.key_size < MIN_EC_BITS:
            return f"has an elliptic curve key of less than {MIN_EC_BITS} bits"
    else:
        return "has a key that is neither RSA nor of an elliptic curve"
    return None
