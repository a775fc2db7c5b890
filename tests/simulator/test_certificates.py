"""Certificates, compared with what the `cryptography` package makes of them."""

from __future__ import annotations

import hashlib

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ocpp_trio.simulator.certificates import CENTRAL_SYSTEM, CertificateStore, hash_data
from ocpp_trio.simulator.signing import KeyPair
from tests.support.certificates import NOT_AFTER, NOT_BEFORE, pem, root, signed_for
from tests.support.clock import FakeNow


def test_the_hash_data_is_that_of_ocsp() -> None:
    text = trustme.CA(key_type=trustme.KeyType.RSA).cert_pem.bytes()
    certificate = x509.load_pem_x509_certificate(text)
    hashed = hash_data(text.decode())
    assert hashed["hashAlgorithm"] == "SHA256"
    assert hashed["serialNumber"] == f"{certificate.serial_number:x}"
    assert hashed["issuerNameHash"] == hashlib.sha256(certificate.issuer.public_bytes()).hexdigest()


def test_there_is_room_for_so_many(now: FakeNow) -> None:
    store = CertificateStore("CP1", 1, now)
    one, two = pem(root("One")), pem(root("Two"))
    assert store.install(CENTRAL_SYSTEM, one) == "Accepted"
    assert store.install(CENTRAL_SYSTEM, one) == "Accepted"
    assert store.install(CENTRAL_SYSTEM, two) == "Rejected"
    assert len(store.installed(CENTRAL_SYSTEM)) == 1
    assert store.roots() == [one]


def test_only_what_is_for_the_newest_key_and_valid_is_taken(now: FakeNow) -> None:
    store = CertificateStore("CP1", 1, now)
    assert store.take_signed(pem(root())) == "it is not for the key of this charge point"
    older = signed_for(store.request("Example"))
    newer = signed_for(store.request("Example"))
    assert store.take_signed(older) == "it is not for the key of this charge point"
    assert store.take_signed("nonsense") == "it is no PEM certificate"
    for moment in (NOT_BEFORE.timestamp() * 1000 - 1, NOT_AFTER.timestamp() * 1000):
        now.ms = int(moment)
        assert store.take_signed(newer) == "it is not valid now"
    now.ms = int(NOT_BEFORE.timestamp() * 1000)
    assert store.take_signed(newer) is None
    assert store.own is not None
    key = serialization.load_pem_private_key(store.own.key.encode(), None)
    assert key.public_key() == x509.load_pem_x509_certificate(newer.encode()).public_key()


def test_a_request_is_signed_with_its_key() -> None:
    pair = KeyPair("DE*ÄÖ*1")
    csr = x509.load_pem_x509_csr(pair.signing_request("Example").encode())
    assert csr.is_signature_valid
    assert csr.subject.rfc4514_string() == "CN=DE*ÄÖ*1,O=Example"
    assert isinstance(csr.signature_hash_algorithm, hashes.SHA256)
    key = serialization.load_pem_private_key(pair.private_pem.encode(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    assert key.public_key() == csr.public_key()
