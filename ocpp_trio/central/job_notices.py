"""Notifications about jobs: four actions, one way to keep them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from ocpp_trio.domain.jobs import FAILED, FINISHED
from ocpp_trio.ocppj.peer import Request
from ocpp_trio.store import jobs

if TYPE_CHECKING:
    from ocpp_trio.central.session import Session

log = structlog.get_logger(source="charge point")


async def note(session: Session, request: Request) -> None:
    """Store the status and move its job; the end of a job is logged."""
    central, call = session.central, request.call
    job = await central.database.write(
        jobs.notified, session.charge_point_id, call.action, call.payload, central.now()
    )
    if job is not None and job["state"] in {FINISHED, FAILED}:
        level = log.info if job["state"] == FINISHED else log.warning
        level(
            f"{job['kind']} job {job['state']}",
            charge_point=session.charge_point_id,
            job=job["id"],
            status=call.payload["status"],
        )
