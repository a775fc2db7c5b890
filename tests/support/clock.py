"""The wall clock of a test: it only moves when told."""

from __future__ import annotations

START = 1_795_420_800_000
"""2026-11-23T08:00:00Z, in milliseconds since 1970."""

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR


class FakeNow:
    """A `now` callable; set `ms`, or add to it."""

    def __init__(self, ms: int = START) -> None:
        self.ms = ms

    def __call__(self) -> int:
        return self.ms
