"""The clocks of the stations: measured from their messages, stored with their presence.

StatusNotification, StartTransaction and StopTransaction are dated when they happen; MeterValues may
be dated to the reading they carry, and are too many.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

import structlog
import trio

from ocpp_trio.domain.clocks import SkewMeter, is_certain
from ocpp_trio.domain.times import parse_timestamp

if TYPE_CHECKING:
    from ocpp_trio.central.session import Session

log = structlog.get_logger(source="clocks")

MAX_METERS = 20_000


class Clocks:
    """One meter for each station, which outlives its connections."""

    def __init__(self) -> None:
        # By station, the one heard longest ago first.
        self._meters: OrderedDict[str, SkewMeter] = OrderedDict()

    def observe(self, session: Session, timestamp: object) -> None:
        """A message came, dated by its station; what cannot be read says nothing."""
        moment = parse_timestamp(timestamp)
        if moment is None:
            return
        central, point = session.central, session.charge_point_id
        meter = self._meters.get(point)
        if meter is None:
            meter = self._meters[point] = SkewMeter()
            if len(self._meters) > MAX_METERS:
                self._meters.popitem(last=False)
        self._meters.move_to_end(point)
        now, steady = central.now(), trio.current_time()
        skew = meter.observe(moment - now, steady)
        central.presence.clock(point, now, skew)
        limit = central.settings.clock_skew_warning * 1000
        if (
            abs(skew) > limit
            and not session.clock_warned
            and is_certain(skew, moment, steady - session.connected_at)
        ):
            session.clock_warned = True
            log.warning(
                "the charge point's clock is off",
                charge_point=point,
                seconds=f"{skew / 1000:+.3f}",
                where="ahead of ours" if skew > 0 else "behind ours",
            )
