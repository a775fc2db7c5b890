"""Waking a task that waits for work."""

from __future__ import annotations

import trio


class Bell:
    """Rung by anybody, heard by one task; rings that nobody waits for are heard later, as one."""

    def __init__(self) -> None:
        self._rung = trio.Event()

    def ring(self) -> None:
        """There is work."""
        self._rung.set()

    async def wait(self) -> None:
        """Wait for the next ring, or return at once if there was one since the last wait."""
        await self._rung.wait()
        self._rung = trio.Event()
