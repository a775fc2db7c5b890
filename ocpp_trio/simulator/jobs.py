"""Work that a charge point does beside charging and tells of in steps: uploads, new firmware.

A job is a task; a newer job of the same kind takes the place of one that still runs. Nothing is
transferred: the simulator says what a charge point says that does it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import trio

from ocpp_trio.domain.times import parse_timestamp
from ocpp_trio.ocppj.frames import Payload

if TYPE_CHECKING:
    from ocpp_trio.simulator.charge_point import ChargePoint

IDLE = "Idle"
SUCCESS = frozenset({"Installed", "Uploaded"})
WHITEPAPER = frozenset({"LogStatusNotification", "SignedFirmwareStatusNotification"})


class Job:
    """One piece of work. `status` is the last that was told."""

    def __init__(self, point: ChargePoint, action: str, request_id: int | None) -> None:
        """`action`: what carries its status; `request_id` goes with it."""
        self.point = point
        self._action = action
        self._request_id = request_id
        self.status = IDLE
        self.scope = trio.CancelScope()

    def message(self) -> Payload:
        """The status as it is told, again if asked for."""
        payload: Payload = {"status": self.status}
        if self._request_id is not None:
            payload["requestId"] = self._request_id
        return payload

    async def tell(self, status: str) -> None:
        """Go on to this status and tell of it."""
        self.status = status
        await self.point.reports.send(self._action, self.message())

    async def step(self, status: str) -> None:
        """Tell a status, then work for a while."""
        await self.tell(status)
        await trio.sleep(self.point.run.plan.job_step)

    async def until(self, timestamp: object, waiting: str | None = None) -> None:
        """Wait for the moment of `timestamp`, telling `waiting` before it if there is time."""
        moment = parse_timestamp(timestamp)
        seconds = 0.0 if moment is None else (moment - self.point.run.now()) / 1000
        if seconds > 0:
            if waiting is not None:
                await self.tell(waiting)
            await trio.sleep(seconds)


class Jobs:
    """The jobs of one charge point, by the action that carries their status."""

    def __init__(self, point: ChargePoint) -> None:
        self._point = point
        self._running: dict[str, Job] = {}
        self._ended: dict[str, Job] = {}

    def busy(self, action: str) -> bool:
        """Whether a job is under way."""
        return action in self._running

    def status(self, action: str) -> Payload:
        """The status message for someone who asks: Idle where nothing is under way.

        By the Security Whitepaper a failure is told again, until something succeeds (L01.FR.29).
        """
        job = self._running.get(action)
        if job is None and action in WHITEPAPER:
            job = self._ended.get(action)
            if job is not None and job.status in SUCCESS:
                job = None
        return {"status": IDLE} if job is None else job.message()

    def begin(
        self, action: str, work: Callable[[Job], Awaitable[None]], request_id: int | None = None
    ) -> None:
        """Begin a job in the background; one of its kind that is under way is broken off."""
        before = self._running.get(action)
        if before is not None:
            before.scope.cancel()
        job = self._running[action] = Job(self._point, action, request_id)
        self._point.spawn(self._do, action, job, work)

    async def _do(self, action: str, job: Job, work: Callable[[Job], Awaitable[None]]) -> None:
        try:
            with job.scope:
                await work(job)
        finally:
            if self._running.get(action) is job:
                self._ended[action] = self._running.pop(action)
