"""Energy of a transaction: final register, else the newest, else nothing yet."""

from __future__ import annotations

import pytest

from ocpp_trio.domain.energy import MAX_PLAUSIBLE_WH, delivered_wh, flags


@pytest.mark.parametrize(
    ("start", "stop", "newest", "wh"),
    [
        (1000, 4500, None, 3500),
        (1000, 4500, 9999, 3500),
        (1000, None, 2500, 1500),
        (1000, None, None, 0),
        (1000, 0, None, -1000),
        (1000, None, 0, -1000),
        (0, 0, 5, 0),
        (-(2**63), 2**63 - 1, None, 2**64 - 1),
    ],
)
def test_delivered(start: int, stop: int | None, newest: int | None, wh: int) -> None:
    assert delivered_wh(start, stop, newest) == wh


@pytest.mark.parametrize(
    ("wh", "words"),
    [
        (0, ()),
        (-1, ("negative-energy",)),
        (MAX_PLAUSIBLE_WH, ()),
        (MAX_PLAUSIBLE_WH + 1, ("absurd-energy",)),
    ],
)
def test_flags(wh: int, words: tuple[str, ...]) -> None:
    assert flags(wh) == words
