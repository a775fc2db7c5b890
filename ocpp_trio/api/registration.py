"""Who may charge: charge points are adopted or blocked."""

from __future__ import annotations

import structlog
from starlette.responses import Response

from ocpp_trio.api.answers import answer
from ocpp_trio.api.auth import ADMIN
from ocpp_trio.api.charge_points import TAG, ChargePoint, show, unknown
from ocpp_trio.api.operation import Call, operation
from ocpp_trio.api.params import NoQuery
from ocpp_trio.store import charge_points

log = structlog.get_logger()


async def _set_registration(call: Call[NoQuery, None], registration: str) -> Response:
    context = call.context
    row = await context.database.write(
        charge_points.set_registration, call.id, registration, context.now(), context.node.id
    )
    if row is None:
        raise unknown(call.id)
    context.hub.set_registration(call.id, registration)
    log.info(
        "charge point registration set",
        source="api",
        charge_point=call.id,
        registration=registration,
        by=call.actor,
    )
    return answer(show(row, context))


@operation(tag=TAG, answer=ChargePoint, role=ADMIN, problems=("charge-point-unknown",))
async def adopt_charge_point(call: Call[NoQuery, None]) -> Response:
    """Accept a charge point that waits, or was blocked."""
    return await _set_registration(call, charge_points.ACCEPTED)


@operation(tag=TAG, answer=ChargePoint, role=ADMIN, problems=("charge-point-unknown",))
async def block_charge_point(call: Call[NoQuery, None]) -> Response:
    """Reject a charge point: its next boot is answered Rejected."""
    return await _set_registration(call, charge_points.REJECTED)
