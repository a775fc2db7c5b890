"""Tells which limits were reached: one warning for each stretch of time, however often it was."""

from __future__ import annotations

import structlog

from ocpp_trio.limits import Counts

log = structlog.get_logger(source="limits")


class LimitReport:
    """Compares the counts with what they were."""

    def __init__(self, counts: Counts) -> None:
        self._counts = counts
        self._before = counts.copy()

    async def tick(self) -> None:
        """Warn of what was refused, dropped or delayed since the last tick."""
        rises = self._counts.since(self._before)
        if rises:
            self._before = self._counts.copy()
            log.warning("limits were reached", **rises)
