"""How far a charge point's clock is off, from the timestamps of its messages.

A message that was queued or slow on its way makes a clock look behind, never ahead. So the largest
difference seen in a while is the one that counts.
"""

from __future__ import annotations

from collections import deque

from ocpp_trio.domain.times import EARLIEST_PLAUSIBLE_MS

WINDOW = 3600.0
"""Seconds for which a difference counts: a clock that was set right shows it after that."""

_SLOT = 60.0
LATE = 600.0
"""Seconds after it connected in which a station may still be sending what it had queued."""


class SkewMeter:
    """The largest difference of the last hour, to the minute: at most 61 numbers are kept."""

    __slots__ = ("_largest",)

    def __init__(self) -> None:
        # (slot, ms), later slots and smaller differences to the right
        self._largest: deque[tuple[int, int]] = deque()

    def observe(self, ahead_ms: int, at: float) -> int:
        """Take in how far ahead a timestamp was (ms) of the moment `at` (s, any steady clock) it
        came; the skew in ms, positive if the station is ahead.
        """
        largest, slot = self._largest, int(at // _SLOT)
        while largest and largest[0][0] <= slot - WINDOW / _SLOT:
            largest.popleft()
        while largest and largest[-1][1] <= ahead_ms:
            largest.pop()
        if not largest or largest[-1][0] != slot:
            largest.append((slot, ahead_ms))
        return largest[0][1]


def is_certain(skew_ms: int, moment: int, connected_for: float) -> bool:
    """Whether a skew can only be the clock's, with `moment` the timestamp that came last (ms).

    No message is ahead because it is late, and none is of a year before there were any stations; a
    message that lies a little back may have been queued, unless the station has been connected for
    long enough (s) to have delivered all of that.
    """
    return skew_ms > 0 or moment < EARLIEST_PLAUSIBLE_MS or connected_for >= LATE
