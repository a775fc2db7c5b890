"""Certificates and requests, read."""

from __future__ import annotations

import hypothesis
import hypothesis.strategies as st
import pytest

from ocpp_trio.certificates import read_certificate, read_chain, read_request
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
