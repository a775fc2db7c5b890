"""A charge point that acts by itself, for tests of a central system: it obeys every command.

async with open_charge_point("ws://localhost:9000", "CP001") as point:
    point.faults.set("Reset=silent")
    point.present("RFID123")
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import trio

from ocpp_trio.domain.times import Now, system_now
from ocpp_trio.simulator.charge_point import ChargePoint
from ocpp_trio.simulator.endpoint import CannotConnect, Endpoint, endpoint_of
from ocpp_trio.simulator.plan import Plan, Run
from ocpp_trio.simulator.summary import Tally

JOB_STEP = 0.05


@asynccontextmanager
async def open_charge_point(
    target: str | Endpoint,
    charge_point_id: str,
    *,
    faults: Sequence[str] = (),
    job_step: float = JOB_STEP,
    key: bytes | None = None,
    secure: Endpoint | None = None,
    timeout: float = 30.0,  # noqa: ASYNC109 - of the handshake and of every answer
    now: Now = system_now,
    say: Callable[[str], None] = lambda _: None,
) -> AsyncIterator[ChargePoint]:
    """Connect a charge point to a ws:// or wss:// URL; it is booted and idle when the block begins.

    `key`: what it presents. `secure`: where it goes with TLS. `faults`: ACTION=KIND
    (ocpp_trio.simulator.faults). `job_step`: seconds for each step of an upload or installation.
    `say` is given every command and every complaint. The end of the block is a power cut. Raises
    CannotConnect, ValueError for a fault that is none.
    """
    plan = Plan(
        sessions=0,
        stay=True,
        faults=tuple(faults),
        job_step=job_step,
        timeout=timeout,
        key=key,
    )
    endpoint = endpoint_of(target) if isinstance(target, str) else target
    run = Run(plan, endpoint, Tally(say), now=now, tell=say, secure_endpoint=secure)
    point = ChargePoint(run, charge_point_id, plan.tag(1))
    with run.scope:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(point.operate)
            await point.bell.until(lambda: point.uplink.online)
            yield point
            nursery.cancel_scope.cancel()
    if run.unreachable is not None:
        raise CannotConnect(run.unreachable)
