"""What an operator does by hand."""

from __future__ import annotations

from typing import Annotated

import structlog
from msgspec import Meta
from starlette.responses import Response

from ocpp_trio.api.answers import Energy, Resource, answer
from ocpp_trio.api.auth import OPERATE
from ocpp_trio.api.operation import Call, operation
from ocpp_trio.api.params import AnyQuery, Int64, Lenient
from ocpp_trio.api.problems import Problem
from ocpp_trio.api.transactions import delivered_wh
from ocpp_trio.store import stops

log = structlog.get_logger()

TAG = "Administration"

DEFAULT_REASON = "Administrative"
MAX_ENERGY_KWH = 1e12
"""So that the Wh fit into the database's integers."""


class CloseTransaction(Lenient):
    """Which transaction to end, and with how much energy; without it the last reading counts."""

    transaction_id: Int64
    final_energy: (
        Annotated[float, Meta(ge=0, le=MAX_ENERGY_KWH, description="kWh since the start")] | None
    ) = None
    reason: Annotated[str, Meta(max_length=255)] | None = None


class Closed(Resource):
    """A transaction that was closed."""

    success: bool
    message: str
    transaction_id: int
    energy_delivered: Energy


@operation(
    tag=TAG,
    answer=Closed,
    role=OPERATE,
    query=AnyQuery,
    body=CloseTransaction,
    example={"transactionId": 12345, "finalEnergy": 10.5, "reason": "Administrative"},
    problems=("not-found", "conflict", "out-of-range"),
    idempotent=True,
)
async def close_transaction(call: Call[AnyQuery, CloseTransaction]) -> Response:
    """End a transaction whose charge point will not.

    What the charge point still sends about its end is kept beside it, not over it.
    """
    body, context = call.body, call.context
    number = body.transaction_id
    energy_wh = None if body.final_energy is None else round(body.final_energy * 1000)
    reason = body.reason or DEFAULT_REASON
    try:
        closed = await context.database.write(
            stops.close_by_hand, number, energy_wh, reason, context.now()
        )
    except OverflowError:
        raise Problem(
            "out-of-range", "the meter's last reading would be too large to store"
        ) from None
    if closed is None:
        raise Problem("not-found", f"there is no transaction {number}")
    row, was_running = closed
    if not was_running:
        raise Problem("conflict", f"transaction {number} is over already")
    wh = delivered_wh(row)
    log.info(
        "transaction closed by hand",
        source="api",
        charge_point=row["charge_point_id"],
        transaction=number,
        energy_wh=wh,
        reason=reason,
        by=call.actor,
    )
    return answer(
        Closed(
            success=True,
            message=f"transaction {number} is closed",
            transaction_id=number,
            energy_delivered=wh / 1000,
        )
    )
