"""Certificates and certificate requests, read. The only module that imports `cryptography`.

Hash data as the Security Whitepaper's CertificateHashDataType wants it: the hashes of the issuer's
name (DER) and public key (the bits of its key), as OCSP does (RFC 6960 section 4.1.1).
"""

from __future__ import annotations

import hashlib
import re
import warnings
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

HASHES = {"SHA256": hashlib.sha256, "SHA384": hashlib.sha384, "SHA512": hashlib.sha512}
MIN_RSA_BITS = 2048
MIN_EC_BITS = 224
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


class HashData(NamedTuple):
    """CertificateHashDataType: hex, as stations spell it."""

    hash_algorithm: str
    issuer_name_hash: str
    issuer_key_hash: str
    serial_number: str


class Certificate(NamedTuple):
    """What is worth knowing of a certificate; moments in ms."""

    subject: str
    not_before: int
    not_after: int
    hashes: tuple[HashData, ...]


class Request(NamedTuple):
    """A certificate request: its subject, and what is wrong with it, None if nothing is."""

    subject: str | None
    problem: str | None


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
                int(certificate.not_valid_before_utc.timestamp() * 1000),
                int(certificate.not_valid_after_utc.timestamp() * 1000),
                tuple(
                    HashData(
                        name,
                        make(certificate.issuer.public_bytes()).hexdigest(),
                        make(issuer_key).hexdigest(),
                        f"{certificate.serial_number:x}",
                    )
                    for name, make in HASHES.items()
                ),
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
    except Exception:  # the library raises many kinds on hostile input
        return Request(None, "is no certificate request that can be read")
    if not is_signed:
        return Request(subject, "is not signed by its own key")
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size < MIN_RSA_BITS:
            return Request(subject, f"has an RSA key of less than {MIN_RSA_BITS} bits")
    elif isinstance(key, ec.EllipticCurvePublicKey):
        if key.curve.key_size < MIN_EC_BITS:
            return Request(subject, f"has an elliptic curve key of less than {MIN_EC_BITS} bits")
    else:
        return Request(subject, "has a key that is neither RSA nor of an elliptic curve")
    if not request.subject.get_attributes_for_oid(NameOID.COMMON_NAME):
        return Request(subject, "has no common name")
    return Request(subject, None)


def read_chain(pem: str) -> int:
    """How many certificates a chain has. Raises ValueError for one that cannot be read."""
    found = _PEM.findall(pem)
    if not found:
        raise ValueError("is no PEM certificate chain")
    for each in found:
        read_certificate(each)
    return len(found)
