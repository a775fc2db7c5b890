"""Who may charge: charge points are adopted or blocked."""

from __future__ import annotations

from typing import Any

import structlog
from starlette.responses import Response

from ocpp_trio.api.answers import answer
from ocpp_trio.api.auth import ADMIN
from ocpp_trio.api.charge_point_records import TAG, ChargePoint, show, unknown, values
from ocpp_trio.api.operation import Call, operation
from ocpp_trio.api.params import NoQuery, Strict
from ocpp_trio.api.station_keys import issue
from ocpp_trio.store import charge_points
from ocpp_trio.store.database import Row

log = structlog.get_logger()


async def _set_registration(call: Call[Any, None], registration: str) -> Row:
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
    return row


class AdoptQuery(Strict):
    """What comes with it."""

    issue_key: bool = False


class AdoptedChargePoint(ChargePoint):
    """A charge point that is accepted. `key`: the one that was issued, only here."""

    key: str | None


@operation(
    tag=TAG,
    answer=AdoptedChargePoint,
    role=ADMIN,
    query=AdoptQuery,
    problems=("charge-point-unknown",),
)
async def adopt_charge_point(call: Call[AdoptQuery, None]) -> Response:
    """Accept a charge point that waits, or was blocked.

    With `issueKey` it gets a key, which it must present from its next connection on: configure it
    there.
    """
    row = await _set_registration(call, charge_points.ACCEPTED)
    key = await issue(call.context, call.id, call.actor, None) if call.query.issue_key else None
    found = await call.context.database.read(charge_points.find, call.id)
    return answer(AdoptedChargePoint(**values(found or row, call.context), key=key))


@operation(tag=TAG, answer=ChargePoint, role=ADMIN, problems=("charge-point-unknown",))
async def block_charge_point(call: Call[NoQuery, None]) -> Response:
    """Reject a charge point: its next boot is answered Rejected."""
    return answer(show(await _set_registration(call, charge_points.REJECTED), call.context))
