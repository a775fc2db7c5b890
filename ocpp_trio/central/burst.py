"""Counting what may happen now and then, but not often in a short time."""

from __future__ import annotations

import trio

WINDOW = 60.0


class Burst:
    """Counts events; tells when `limit` of them fall into one window (seconds)."""

    __slots__ = ("count", "limit", "since", "window")

    def __init__(self, limit: int, window: float = WINDOW) -> None:
        self.limit = limit
        self.window = window
        self.count = 0
        self.since = 0.0

    def hit(self) -> bool:
        """One more; whether that is too many."""
        now = trio.current_time()
        if now - self.since > self.window:
            self.since, self.count = now, 0
        self.count += 1
        return self.count >= self.limit
