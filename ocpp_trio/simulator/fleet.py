"""Many charge points at once; a fault of one stays its own."""

from __future__ import annotations

import structlog
import trio

from ocpp_trio.simulator.charge_point import ChargePoint
from ocpp_trio.simulator.endpoint import CannotConnect
from ocpp_trio.simulator.plan import Run
from ocpp_trio.simulator.summary import Outcome

log = structlog.get_logger()


async def play(run: Run) -> None:
    """Let every charge point of the plan operate; `run.tally` says what came out of it.

    Cancelling it is a power cut: transactions stay open. Raises CannotConnect if the very first
    attempts fail, before any charge point got through.
    """
    began = trio.current_time()
    plan = run.plan
    try:
        with run.scope:
            async with trio.open_nursery() as nursery:
                for number in range(1, plan.count + 1):
                    point = ChargePoint(run, plan.charge_point_id(number), plan.tag(number))
                    nursery.start_soon(_operate, point, name=point.id)
    finally:
        run.tally.seconds = trio.current_time() - began
    if run.unreachable is not None:
        raise CannotConnect(run.unreachable)


async def _operate(point: ChargePoint) -> None:
    try:
        await point.operate()
    except Exception as error:
        log.exception("charge point failed", charge_point=point.id, source="simulator")
        point.complain(f"fault in the simulator: {error!r}")
    # Whoever gave up has not played the rest; of one in the middle it is not known how it ends.
    missing = point.run.plan.sessions - point.sessions_played
    point.run.tally.outcomes[Outcome.FAILED] += missing
