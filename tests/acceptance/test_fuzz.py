"""Random bytes on both ports, a few; `python -m tests.acceptance.fuzz` does it for long."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.fuzz import API, STATIONS, fuzz, make

SEED = 20261130


def test_an_input_can_be_made_again() -> None:
    made = [make(SEED, number) for number in range(300)]
    assert made == [make(SEED, number) for number in range(300)]
    assert {each.port for each in made} == {API, STATIONS}
    assert len({b"".join(each.pieces) for each in made}) > 250
    assert make(SEED + 1, 0) != made[0]


@pytest.mark.slow
def test_random_bytes_do_no_harm(tmp_path: Path) -> None:
    assert fuzz(tmp_path, SEED, most=400) == 400


@pytest.mark.slow
def test_more_random_bytes_do_no_harm(tmp_path: Path) -> None:
    assert fuzz(tmp_path, SEED, first=10_000, most=4_000) == 4_000
