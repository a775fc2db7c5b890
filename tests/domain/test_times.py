"""Timestamps as charge points write them: read without ever raising, written in one spelling."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpp_trio.domain.times import (
    EARLIEST_PLAUSIBLE_MS,
    LATEST_AHEAD_MS,
    format_timestamp,
    is_plausible,
    parse_timestamp,
    system_now,
)
from tests.support.clock import DAY, HOUR, MINUTE, SECOND, START

NEXT_MIDNIGHT = START + 16 * HOUR
YEAR_1 = -62_135_596_800_000
YEAR_9999_END = 253_402_300_799_999

SPELLINGS = {
    # with a zone
    "2026-11-23T08:00:00Z": START,
    "2026-11-23T08:00:00.123Z": START + 123,
    "2026-11-23T08:00:00,5Z": START + 500,
    "2026-11-23T08:00:00.1Z": START + 100,
    "2026-11-23T08:00:00.12Z": START + 120,
    "2026-11-23T08:00:00.123999Z": START + 123,
    "2026-11-23T08:00:00.123456789012Z": START + 123,
    "2026-11-23t08:00:00z": START,
    "2026-11-23T08:00:00.123z": START + 123,
    "2026-11-23 08:00:00Z": START,
    "2026-11-23 08:00:00 Z": START,
    "2026-11-23T08:00Z": START,
    " 2026-11-23T08:00:00Z\n": START,
    # with an offset
    "2026-11-23T09:00:00+01:00": START,
    "2026-11-23T09:00:00+0100": START,
    "2026-11-23T09:00:00+01": START,
    "2026-11-23T09:00:00.250 +01:00": START + 250,
    "2026-11-23T13:30:00+05:30": START,
    "2026-11-22T22:00:00-10:00": START,
    "2026-11-23T08:00:00+00:00": START,
    "2026-11-23T08:00:00-00:00": START,
    # without a zone: UTC
    "2026-11-23T08:00:00": START,
    "2026-11-23T08:00:00.007": START + 7,
    "2026-11-23T08:00": START,
    # beyond the last second
    "2026-11-23T08:00:60Z": START + MINUTE,
    "2026-11-23T07:59:60.500Z": START + 500,
    "2026-11-23T24:00:00Z": NEXT_MIDNIGHT,
    "2026-11-23T24:00:00.000Z": NEXT_MIDNIGHT,
    # the ends of the calendar
    "1970-01-01T00:00:00Z": 0,
    "1969-12-31T23:59:59.999Z": -1,
    "0001-01-01T00:00:00Z": YEAR_1,
    "0001-01-01T00:00:00+14:00": YEAR_1 - 14 * HOUR,
    "9999-12-31T23:59:59.999Z": YEAR_9999_END,
    "2028-02-29T00:00:00Z": 1_835_395_200_000,
}

UNREADABLE = [
    "",
    "now",
    "1795420800",
    "2026-11-23",
    "2026-11-23T08",
    "2026-13-01T00:00:00Z",
    "2026-02-29T00:00:00Z",
    "2026-00-10T00:00:00Z",
    "2026-11-23T25:00:00Z",
    "2026-11-23T24:00:01Z",
    "2026-11-23T24:01:00Z",
    "2026-11-23T08:60:00Z",
    "2026-11-23T08:00:61Z",
    "2026-11-23T08:00:00.Z",
    "2026-11-23T08:00:00+24:00",
    "2026-11-23T08:00:00+99:99",
    "2026-11-23T08:00:00ZZ",
    "9999-12-31T24:00:00Z",
    "20261123T080000Z",
    "2026-W01-1T08:00:00Z",  # as long as the common spelling
    "2026-W01-1T08:00:00.123Z",
    "2026-11-23T080000.12345Z",
    "\uff12\uff10\uff12\uff16-11-23T08:00:00Z",
    "2026-11-23T08:00:00.000Z" + "0" * 64,
    None,
    0,
    1795420800.5,
    ["2026-11-23T08:00:00Z"],
]


@pytest.mark.parametrize(("text", "moment"), SPELLINGS.items())
def test_spelling(text: str, moment: int) -> None:
    assert parse_timestamp(text) == moment


@pytest.mark.parametrize("text", UNREADABLE)
def test_unreadable_is_none(text: object) -> None:
    assert parse_timestamp(text) is None


@given(st.one_of(st.text(), st.from_regex(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d([.,]\d+)?)?[Zz]?")))
def test_any_text_is_a_moment_or_none(text: str) -> None:
    moment = parse_timestamp(text)
    assert moment is None or YEAR_1 <= moment <= YEAR_9999_END + DAY


@given(st.integers(YEAR_1, YEAR_9999_END))
def test_what_is_written_reads_the_same(moment: int) -> None:
    text = format_timestamp(moment)
    assert text is not None
    assert parse_timestamp(text) == moment


@given(st.integers(YEAR_1, YEAR_9999_END // SECOND * SECOND), st.integers(-1439, 1439))
def test_an_offset_moves_the_moment(moment: int, offset_minutes: int) -> None:
    text = format_timestamp(moment)
    assert text is not None
    sign = "-" if offset_minutes < 0 else "+"
    hours, minutes = divmod(abs(offset_minutes), 60)
    zoned = f"{text[:-1]}{sign}{hours:02}:{minutes:02}"
    assert parse_timestamp(zoned) == moment - offset_minutes * MINUTE


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (START, "2026-11-23T08:00:00Z"),
        (START + 7, "2026-11-23T08:00:00.007Z"),
        (-1, "1969-12-31T23:59:59.999Z"),
        (YEAR_1, "0001-01-01T00:00:00Z"),
        (YEAR_1 - 1, None),
        (YEAR_9999_END + 1, None),
        (2**63 - 1, None),
        (-(2**63), None),
        (None, None),
    ],
)
def test_format(moment: int | None, text: str | None) -> None:
    assert format_timestamp(moment) == text


@pytest.mark.parametrize(
    ("moment", "plausible"),
    [
        (None, False),
        (0, False),
        (EARLIEST_PLAUSIBLE_MS - 1, False),
        (EARLIEST_PLAUSIBLE_MS, True),
        (START, True),
        (START + LATEST_AHEAD_MS, True),
        (START + LATEST_AHEAD_MS + 1, False),
    ],
)
def test_plausible(moment: int | None, plausible: bool) -> None:
    assert is_plausible(moment, START) is plausible


def test_the_wall_clock_is_in_milliseconds() -> None:
    assert len(str(system_now())) == len(str(START))
