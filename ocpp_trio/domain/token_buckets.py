"""Token buckets by name: so many events for each in a window, which come back evenly."""

from __future__ import annotations

from collections import OrderedDict

MAX_NAMES = 10_000


class TokenBuckets:
    """`size` tokens for each name, all of which come back within `window` seconds.

    At most `names` are remembered: beyond that, whoever has taken nothing for longest is forgotten.
    """

    def __init__(self, size: int, window: float, names: int = MAX_NAMES) -> None:
        self._size = size
        self._rate = size / window
        self._names = names
        # name -> tokens that were left, and when (seconds)
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, name: str, now: float) -> float:
        """Seconds until a token is there; 0 if one is."""
        return max(0.0, (1.0 - self._level(name, now)) / self._rate)

    def take(self, name: str, now: float) -> bool:
        """Take a token; False if there is none."""
        level = self._level(name, now)
        if level < 1.0:
            return False
        self._left[name] = (level - 1.0, now)
        self._left.move_to_end(name)
        if len(self._left) > self._names:
            self._left.popitem(last=False)
        return True

    def give_back(self, name: str, now: float) -> None:
        """Put a token back that was taken."""
        if name in self._left:
            self._left[name] = (min(float(self._size), self._level(name, now) + 1.0), now)

    def _level(self, name: str, now: float) -> float:
        left, then = self._left.get(name, (float(self._size), now))
        return min(float(self._size), left + (now - then) * self._rate)
