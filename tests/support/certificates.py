"""Certificates and requests made for a test."""

from __future__ import annotations

import datetime
import hashlib
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import NameOID

NOT_BEFORE = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
NOT_AFTER = datetime.datetime(2031, 1, 1, tzinfo=datetime.UTC)


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


@cache
def root(common_name: str = "Root", serial: int = 0xABC123) -> x509.Certificate:
    """A certificate that signed itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    return (
        x509.CertificateBuilder()
        .subject_name(_name(common_name))
        .issuer_name(_name(common_name))
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(NOT_BEFORE)
        .not_valid_after(NOT_AFTER)
        .sign(key, hashes.SHA256())
    )


def pem(certificate: x509.Certificate) -> str:
    """As text."""
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def hash_data(certificate: x509.Certificate, algorithm: str = "SHA256") -> dict[str, str]:
    """CertificateHashData as another implementation makes it: by the library's own key identifier
    (the key's bits), not by ours.
    """
    make = {"SHA256": hashlib.sha256, "SHA384": hashlib.sha384, "SHA512": hashlib.sha512}[algorithm]
    point = certificate.public_key().public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )
    return {
        "hashAlgorithm": algorithm,
        "issuerNameHash": make(certificate.issuer.public_bytes()).hexdigest(),
        "issuerKeyHash": make(point).hexdigest(),
        "serialNumber": f"{certificate.serial_number:x}",
    }


@cache
def request(common_name: str = "CP001", kind: str = "ec") -> str:
    """A certificate request as PEM; `kind` is the key: ec, or ed25519, which nobody here signs."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(
        _name(common_name) if common_name else x509.Name([])
    )
    if kind == "ec":
        made = builder.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    else:
        made = builder.sign(ed25519.Ed25519PrivateKey.generate(), None)
    return made.public_bytes(serialization.Encoding.PEM).decode()


def signed_for(csr: str) -> str:
    """A certificate for the key of a request, as PEM, by an authority of its own."""
    asked = x509.load_pem_x509_csr(csr.encode())
    key = ec.generate_private_key(ec.SECP256R1())
    made = (
        x509.CertificateBuilder()
        .subject_name(asked.subject)
        .issuer_name(_name("Authority"))
        .public_key(asked.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOT_BEFORE)
        .not_valid_after(NOT_AFTER)
        .sign(key, hashes.SHA256())
    )
    return pem(made)
