"""Secrets for one process: only that one reads them."""

from __future__ import annotations

import pytest
from cryptography.exceptions import InvalidTag

from ocpp_trio.sealing import Seal, seal

SECRET = b'{"key":"AuthorizationKey","value":"0001020304"}'


def test_only_who_it_is_for_can_read_it() -> None:
    reader, other = Seal(), Seal()
    sealed = seal(reader.public_key, SECRET)
    assert reader.open(sealed) == SECRET
    assert SECRET.hex() not in sealed
    assert seal(reader.public_key, SECRET) != sealed
    with pytest.raises(InvalidTag):
        other.open(sealed)


def test_what_was_changed_on_the_way_is_not_read() -> None:
    reader = Seal()
    sealed = seal(reader.public_key, SECRET)
    with pytest.raises(InvalidTag):
        reader.open(sealed[:-2] + f"{int(sealed[-2:], 16) ^ 1:02x}")
