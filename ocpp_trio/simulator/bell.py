"""How the tasks of one charge point wait for each other."""

from __future__ import annotations

from collections.abc import Callable

import trio


class Bell:
    """Rung at every change of state; whoever waits looks for itself whether it was the right one.

    One bell for everything: a charge point has a handful of tasks, and no wake-up can be missed.
    """

    def __init__(self) -> None:
        self._next = trio.Event()

    def ring(self) -> None:
        """Say that something has changed."""
        self._next.set()
        self._next = trio.Event()

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Wait until `is_so`; it is asked at once and after every ring."""
        while not is_so():
            await self._next.wait()
