"""BootNotification (OCPP 1.6 section 4.2): the station introduces itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog
import trio

from ocpp_trio.central.handlers.write import Write
from ocpp_trio.domain.times import format_timestamp
from ocpp_trio.errors import CallRefused
from ocpp_trio.ocppj.frames import Payload
from ocpp_trio.ocppj.peer import Request
from ocpp_trio.store import charge_points
from ocpp_trio.store.database import Row
from ocpp_trio.supervise import jittered

if TYPE_CHECKING:
    from ocpp_trio.central.session import Session

log = structlog.get_logger(source="charge point")


def _unit(session: Session, request: Request) -> tuple[Any, ...]:
    now = session.central.now()
    return charge_points.boot, session.charge_point_id, request.call.payload, now


def _answer(session: Session, request: Request, row: Row | None) -> Payload:
    central = session.central
    payload = request.call.payload
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
        "currentTime": format_timestamp(central.now()),
        "interval": interval,
        "status": session.registration,
    }


boot_notification = Write(_unit, _answer)
"""Store what the station says of itself; answer its registration, our time, its interval."""
