"""BootNotification (OCPP 1.6 section 4.2): the station introduces itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
import trio

from ocpp_trio.domain.times import format_timestamp
from ocpp_trio.errors import CallRefused
from ocpp_trio.ocppj.frames import Payload
from ocpp_trio.ocppj.peer import Request
from ocpp_trio.store import charge_points
from ocpp_trio.supervise import jittered

if TYPE_CHECKING:
    from ocpp_trio.central.session import Session

log = structlog.get_logger(source="charge point")


async def boot_notification(session: Session, request: Request) -> Payload:
    """Store what the station says of itself; answer its registration, our time, its interval."""
    central = session.central
    payload = request.call.payload
    now = central.now()
    row = await central.database.write(charge_points.boot, session.charge_point_id, payload, now)
    if row is None:
        raise CallRefused("InternalError", "the charge point was removed")
    session.registration = row["registration"]
    session.booted = True
    session.quiet_since = trio.current_time()
    session.heartbeat_interval = row["heartbeat_interval"]
    session.set_tolerance(row["vendor"], row["model"], row["firmware_version"], row["conformance"])
    central.queue.feed(session)
    log.info(
        "boot",
        charge_point=session.charge_point_id,
        registration=session.registration,
        vendor=payload["chargePointVendor"],
        model=payload["chargePointModel"],
    )
    if session.registration == charge_points.ACCEPTED:
        interval = session.heartbeat_interval or central.settings.heartbeat_interval
    else:
        # Until when it tries again: spread out, so that a site does not come back all at once.
        interval = max(1, round(jittered(central.settings.pending_retry)))
        central.hints.not_accepted(session.charge_point_id, session.registration)
    return {
        "currentTime": format_timestamp(now),
        "interval": interval,
        "status": session.registration,
    }
