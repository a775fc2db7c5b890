"""Certificates and requests, read."""

from __future__ import annotations

import base64
from contextlib import suppress

import hypothesis
import hypothesis.strategies as st
import pytest
from cryptography.hazmat.primitives import serialization

from ocpp_trio.certificates import (
    read_certificate,
    read_chain,
    read_client_certificate,
    read_request,
    server_certificate_findings,
)
from tests.support.certificates import NOT_AFTER, NOT_BEFORE, hash_data, pem, request, root


def test_a_certificate_tells_its_subject_validity_and_hashes() -> None:
    found = read_certificate("text before\n" + pem(root()) + pem(root("Other")))
    assert found.subject == "CN=Root"
    assert found.not_before == NOT_BEFORE.timestamp() * 1000
    assert found.not_after == NOT_AFTER.timestamp() * 1000
    for hashes in found.hashes:
        assert list(hash_data(root(), hashes.hash_algorithm).values()) == list(hashes)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        pem(root())[:-40],
        pem(root()).replace("M", "!", 3),
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
    ],
)
def test_what_is_no_certificate_is_said_to_be_none(text: str) -> None:
    with pytest.raises(ValueError, match="certificate"):
        read_certificate(text)
    with pytest.raises(ValueError, match="certificate"):
        read_chain(text)


def test_a_chain_is_counted() -> None:
    assert read_chain(pem(root()) + pem(root("Other"))) == 2


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (request(), None),
        (request(kind="ed25519"), "has a key that is neither RSA nor of an elliptic curve"),
        (request(""), "has no common name"),
        ("x", "is no certificate request that can be read"),
        (pem(root()), "is no certificate request that can be read"),
    ],
)
def test_a_request_that_cannot_be_signed_says_why(text: str, problem: str | None) -> None:
    assert read_request(text).problem == problem


@hypothesis.given(st.text() | st.binary().map(lambda raw: raw.decode("latin-1")))
def test_no_text_ends_anything(text: str) -> None:
    assert read_request(text).problem is not None
    with pytest.raises(ValueError, match="certificate"):
        read_certificate(f"-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----")


def _pem(der: bytes) -> str:
    text = base64.b64encode(der).decode()
    return f"-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----"


DER = root().public_bytes(serialization.Encoding.DER)
KEY_OID, VERSION = bytes.fromhex("06072a8648ce3d0201"), bytes.fromhex("a003020102")


@pytest.mark.parametrize(
    ("part", "instead"),
    [
        (KEY_OID, "06072a8648ce3d020f"),  # a kind of key nobody knows
        (VERSION, "a00302016f"),  # version 112
    ],
)
def test_a_certificate_the_library_cannot_use_is_none(part: bytes, instead: str) -> None:
    assert part in DER
    with pytest.raises(ValueError, match="is no certificate that can be read"):
        read_certificate(_pem(DER.replace(part, bytes.fromhex(instead))))


@hypothesis.given(st.data())
def test_no_certificate_ends_anything(data: st.DataObject) -> None:
    """One that is nearly right gets further than noise does."""
    der = bytearray(DER)
    for _ in range(data.draw(st.integers(1, 3))):
        der[data.draw(st.integers(0, len(der) - 1))] = data.draw(st.integers(0, 255))
    with suppress(ValueError):
        read_certificate(_pem(bytes(der))).subject.encode()
    with suppress(ValueError):
        read_client_certificate(bytes(der)).subject.encode()
    list(server_certificate_findings([("file", _pem(bytes(der)))], 0, 0))
