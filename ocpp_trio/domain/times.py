"""Timestamps: milliseconds since 1970 in UTC inside, RFC 3339 text outside.

The parser is total: charge points write time in many ways (OCPP 1.6 section 3.15), and a message is
never lost because of its clock. What cannot be read is None; what cannot be true is implausible.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

Now = Callable[[], int]
"""A clock for stored timestamps: milliseconds since 1970, UTC."""

DAY_MS = 86_400_000

# No OCPP 1.6 charge point worked before 2010; an earlier date is a clock that was never set.
EARLIEST_PLAUSIBLE_MS = 1_262_304_000_000
LATEST_AHEAD_MS = DAY_MS

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SPELLING = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?\s*"
    r"(?:([Zz])|([+-])(\d\d):?(\d\d)?)?",
    re.ASCII,
)


def system_now() -> int:
    """The wall clock, in milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def parse_timestamp(text: object) -> int | None:
    """Milliseconds since 1970 of an ISO 8601 spelling, or None; never raises.

    Accepts fractions of any length, lower-case `t` and `z`, offsets with or without colon, a
    missing zone (taken as UTC), seconds of 60 and the hour 24.
    """
    if not isinstance(text, str) or len(text) > 64:
        return None
    # The common spellings, 2026-11-23T08:00:00Z and with milliseconds, 20 times faster.
    if len(text) in {20, 24} and (text[7], text[10], text[13], text[-1]) == ("-", "T", ":", "Z"):
        try:
            return round(datetime.fromisoformat(text).timestamp() * 1000)
        except (ValueError, OverflowError):
            pass
    match = _SPELLING.fullmatch(text.strip())
    if match is None:
        return None
    year, month, day, hour, minute = (int(part) for part in match.group(1, 2, 3, 4, 5))
    second = int(match[6] or 0)
    if hour > 24 or (hour == 24 and (minute or second)) or minute > 59 or second > 60:
        return None
    zone: timezone = UTC
    if match[9]:
        offset = timedelta(hours=int(match[10]), minutes=int(match[11] or 0))
        if offset >= timedelta(hours=24):
            return None
        zone = timezone(-offset if match[9] == "-" else offset)
    try:
        moment = datetime(year, month, day, tzinfo=zone)
        # Added, not constructed: 24:00 and :60 then roll over to the next day or minute.
        moment += timedelta(hours=hour, minutes=minute, seconds=second)
        fraction = int((match[7] or "0")[:3].ljust(3, "0"))
        return (moment - _EPOCH) // timedelta(milliseconds=1) + fraction
    except (ValueError, OverflowError):
        return None


def is_plausible(moment: int | None, now: int) -> bool:
    """Whether a charge point's clock can be believed: from 2010 until a day ahead of ours."""
    return moment is not None and EARLIEST_PLAUSIBLE_MS <= moment <= now + LATEST_AHEAD_MS


def format_timestamp(moment: int | None) -> str | None:
    """`2026-11-23T08:00:00.123Z`, or None for None. Whole seconds are written without fraction."""
    if moment is None:
        return None
    seconds, millis = divmod(moment, 1000)
    try:
        text = (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")
    except OverflowError:
        return None
    return f"{text.zfill(19)}.{millis:03d}Z" if millis else f"{text.zfill(19)}Z"
