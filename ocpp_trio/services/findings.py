"""What a service has found, so that it tells each thing once and not at every look."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class Findings(Generic[K]):
    """Things that hold at the moment, by key: each is news once, when it has held long enough."""

    def __init__(self) -> None:
        self._since: dict[K, float] = {}
        self._told: set[K] = set()

    def news(self, found: Iterable[K], now: float, grace: float = 0) -> list[K]:
        """Which of what was found `now` (s, a steady clock) is to be told: what has been found at
        every look for at least `grace` seconds. What is no longer found is forgotten.
        """
        self._since = {key: self._since.get(key, now) for key in found}
        self._told &= self._since.keys()
        fresh = [
            key
            for key, since in self._since.items()
            if now - since >= grace and key not in self._told
        ]
        self._told.update(fresh)
        return fresh
