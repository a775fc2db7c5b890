"""Certificates, compared with what the `cryptography` package makes of them."""

from __future__ import annotations

import hashlib

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from hypothesis import given
from hypothesis import strategies as st

from ocpp_trio.simulator.certificates import CertificateStore, hash_data
from ocpp_trio.simulator.der import encode, encode_integer, read_certificate, read_chain, write_pem
from ocpp_trio.simulator.signing import KeyPair

CENTRAL = "CentralSystemRootCertificate"


def test_the_hash_data_is_that_of_ocsp() -> None:
    pem = trustme.CA(key_type=trustme.KeyType.RSA).cert_pem.bytes()
    root = x509.load_pem_x509_certificate(pem)
    key = x509.SubjectKeyIdentifier.from_public_key(root.public_key())
    hashed = hash_data(pem.decode())
    assert hashed["hashAlgorithm"] == "SHA256"
    assert hashed["serialNumber"] == f"{root.serial_number:x}"
    assert hashed["issuerNameHash"] == hashlib.sha256(root.issuer.public_bytes()).hexdigest()
    content = read_chain(pem.decode())[0].key
    # SHA-1 over the same content is the key's identifier (RFC 5280 section 4.2.1.2).
    assert hashlib.sha1(content).digest() == key.digest
    assert hashed["issuerKeyHash"] == hashlib.sha256(content).hexdigest()


def test_a_chain_is_read_in_order() -> None:
    authority = trustme.CA()
    issued = authority.issue_cert("localhost")
    chain = "".join(pem.bytes().decode() for pem in (*issued.cert_chain_pems, authority.cert_pem))
    leaf, root = read_chain(chain)
    assert leaf.issuer == root.subject == root.issuer != leaf.subject


@given(st.binary(max_size=40) | st.lists(st.binary(max_size=8)).map(lambda x: encode(0x30, *x)))
def test_what_is_no_certificate_is_a_value_error(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"element|certificate"):
        read_certificate(data)
    with pytest.raises(ValueError, match=r"element|certificate"):
        read_chain(write_pem("CERTIFICATE", data))


@pytest.mark.parametrize("cut", range(0, 400, 7))
def test_a_certificate_cut_short_is_none(cut: int) -> None:
    der = trustme.CA().cert_pem.bytes()
    whole = x509.load_pem_x509_certificate(der).public_bytes(serialization.Encoding.DER)
    with pytest.raises(ValueError, match=r"element|certificate"):
        read_certificate(whole[: len(whole) - 1 - cut])


def test_there_is_room_for_so_many() -> None:
    store = CertificateStore("CP1", 1)
    one, two = (trustme.CA().cert_pem.bytes().decode() for _ in range(2))
    assert store.install(CENTRAL, one) == "Accepted"
    assert store.install(CENTRAL, one) == "Accepted"
    assert store.install(CENTRAL, two) == "Rejected"
    assert len(store.installed(CENTRAL)) == 1


@given(st.integers(0, 2**200))
def test_integers_are_encoded_as_der_has_them(number: int) -> None:
    encoded = encode_integer(number)
    content = encoded[2:]
    assert int.from_bytes(content, "big", signed=True) == number
    assert len(content) == 1 or content[0] or content[1] & 0x80


def test_a_request_is_signed_with_its_key() -> None:
    pair = KeyPair("DE*ÄÖ*1")
    csr = x509.load_pem_x509_csr(pair.signing_request("Example").encode())
    assert csr.is_signature_valid
    assert csr.subject.rfc4514_string() == "CN=DE*ÄÖ*1,O=Example"
    assert isinstance(csr.signature_hash_algorithm, hashes.SHA256)
    public = csr.public_key().public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )
    assert public == pair.public == KeyPair("DE*ÄÖ*1").public != KeyPair("CP2").public
