"""Keys of charge points, byte by byte."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpp_trio.domain import station_keys as keys

KEY = bytes.fromhex("003aff00010203040506070809101112131415fe")
IDS = st.text(st.sampled_from("AZaz09 *+=|@._-"), min_size=1, max_size=48)


def basic(credentials: bytes) -> bytes:
    return b"Basic " + base64.b64encode(credentials)


@given(IDS, st.binary(min_size=1, max_size=64))
def test_what_a_station_sends_is_read_again(point: str, key: bytes) -> None:
    sent = keys.authorization(point, key).encode()
    assert keys.presented(sent, point) == key
    assert key in keys.readings(key)


@pytest.mark.parametrize(
    ("header", "key"),
    [
        (basic(b"CP001:" + KEY), KEY),
        (basic(b"CP001:" + KEY).replace(b"Basic", b"bASIC"), KEY),
        (b"  " + basic(b"CP001:x") + b" ", b"x"),
        (basic(b"CP001:"), b""),
        (basic(b"CP001::"), b":"),
        (basic(b"CP002:" + KEY), None),
        (basic(b"cp001:" + KEY), None),
        (basic(b"CP0011:" + KEY), None),
        (basic(b"CP001"), None),
        (b"Basic", None),
        (b"Basic !!!!", None),
        (b"Basic Q1AwMDE6e", None),
        (b"Basic \xff\xfe", None),
        (b"Bearer \xc3\xa9", None),
        (b"", None),
        (b"\xff" * 10_000, None),
    ],
)
def test_only_a_whole_header_for_this_id_presents_a_key(header: bytes, key: bytes | None) -> None:
    assert keys.presented(header, "CP001") == key


def test_an_id_may_hold_a_colon() -> None:
    assert keys.presented(basic(b"DE*A:1:" + KEY), "DE*A:1") == KEY
    assert keys.presented(basic(b"DE*A:1:" + KEY), "DE*A") == b"1:" + KEY


@pytest.mark.parametrize("spelling", [KEY, KEY.hex().encode(), KEY.hex().upper().encode()])
@pytest.mark.parametrize("scheme", [keys.SHA256, keys.SCRYPT])
def test_a_key_is_known_as_it_is_and_in_its_digits(spelling: bytes, scheme: str) -> None:
    kept = keys.hashed(KEY, scheme)
    assert any(keys.fits(reading, kept) for reading in keys.readings(spelling))
    assert not any(keys.fits(reading, kept) for reading in keys.readings(spelling[:-1] + b"x"))


def test_what_is_kept_does_not_show_the_key_nor_that_two_are_the_same() -> None:
    first, second = keys.hashed(KEY, keys.SHA256), keys.hashed(KEY, keys.SHA256)
    assert first.salt != second.salt
    assert first.digest != second.digest
    assert KEY.hex() not in str(first)


def test_nothing_empty_or_endless_is_tried() -> None:
    assert keys.readings(b"") == ()
    assert keys.readings(b"a" * 65) == ()


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (KEY.hex(), KEY),
        ("00" * 16, bytes(16)),
        ("correct horse batt", b"correct horse batt"),
        ("1234567890123456", b"1234567890123456"),
        ("ab" * 15, b"ab" * 15),
        ("ab" * 21, b"ab" * 21),
        ("schlüssel", "schlüssel".encode()),
    ],
)
def test_a_person_writes_digits_or_characters(text: str, key: bytes) -> None:
    assert keys.read(text) == key


def test_keys_are_16_to_20_bytes() -> None:
    assert keys.weakness(keys.generate()) is None
    assert keys.weakness(b"a" * 16) is None
    assert "fewer than 16" in (keys.weakness(b"a" * 15) or "")
    assert "more than 20" in (keys.weakness(b"a" * 21) or "")
    assert keys.generate() != keys.generate()
