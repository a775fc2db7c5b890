"""What is wrong with a station's messages: counted, and said once, not for each of them."""

from __future__ import annotations

import structlog
import trio

from ocpp_trio.central.burst import Burst
from ocpp_trio.central.context import Central
from ocpp_trio.ocppj.frames import Call
from ocpp_trio.ocppj.quirks import Tolerance

log = structlog.get_logger(source="charge point")

MAX_FAULTS = 5
OVERFLOW_INTERVAL = 3600.0
"""Seconds between two warnings that messages of a station are no longer kept."""


class Complaints:
    """Those about one connection."""

    __slots__ = (
        "_central",
        "_charge_point_id",
        "_faults",
        "_repairs",
        "_unusable",
        "_warned_of_overflow",
        "_warned_of_throttle",
    )

    def __init__(self, central: Central, charge_point_id: str) -> None:
        self._central = central
        self._charge_point_id = charge_point_id
        self._repairs: set[tuple[str, str]] = set()
        self._unusable = Burst(central.settings.max_unusable)
        self._faults = Burst(MAX_FAULTS)
        self._warned_of_overflow: float | None = None
        self._warned_of_throttle = False

    def repaired(self, call: Call, tolerance: Tolerance) -> None:
        """A message broke the schema, and was taken all the same."""
        for repair in call.repairs:
            self._repaired(call.action, repair, tolerance)

    def _repaired(self, action: str, repair: str, tolerance: Tolerance) -> None:
        central = self._central
        central.presence.repaired(self._charge_point_id, action, repair, central.now())
        if (action, repair) not in self._repairs:
            self._repairs.add((action, repair))
            # A known quirk is counted, but is no news.
            is_known = (action, repair) in tolerance.known
            (log.debug if is_known else log.warning)(
                "message breaks the schema and was repaired",
                charge_point=self._charge_point_id,
                action=action,
                repair=repair,
            )

    def unusable(self, why: str) -> bool:
        """A message could not be used; whether it was one too many."""
        self._central.counts.messages_unusable += 1
        if self._unusable.count == 0:
            log.warning("unusable message ignored", charge_point=self._charge_point_id, why=why)
        return self._unusable.hit()

    def failed(self, action: str, error: BaseException) -> bool:
        """A handler failed; whether that was one too many."""
        log.error(
            "handler failed", charge_point=self._charge_point_id, action=action, exc_info=error
        )
        return self._faults.hit()

    def overflow(self) -> None:
        """A message for a person was answered, but not kept; said once an hour."""
        now, before = trio.current_time(), self._warned_of_overflow
        if before is None or now - before >= OVERFLOW_INTERVAL:
            self._warned_of_overflow = now
            log.warning(
                "too many review items are open: what comes now is only counted",
                charge_point=self._charge_point_id,
            )

    def throttled(self) -> None:
        """The station was made to wait."""
        if not self._warned_of_throttle:
            self._warned_of_throttle = True
            log.warning(
                "the station sends more than OCPP_MESSAGE_RATE: it is made to wait",
                charge_point=self._charge_point_id,
            )
