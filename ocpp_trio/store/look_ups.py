"""Questions that a key answers, many of them on one snapshot and with one turn of a thread.

When thousands of charge points come at once each is looked up; a thread of its own for each, for
some microseconds of work, costs more than the work, and keeps all readers from others.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import trio

from ocpp_trio.errors import StoreUnavailable
from ocpp_trio.store.batch import Job, Reader, Runner

if TYPE_CHECKING:
    from ocpp_trio.store.database import Tx

AT_ONCE = 50


class LookUps:
    """Those of one database; `run` is the task."""

    def __init__(self, reader: Reader, run_reader: Runner) -> None:
        self._reader = reader
        self._run_reader = run_reader
        self._waiting: deque[Job] = deque()
        self._wake = trio.Event()

    async def ask(self, unit: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        """The answer. Raises what the unit raises, or StoreUnavailable."""
        job = Job(unit, arguments)
        self._waiting.append(job)
        self._wake.set()
        await job.wait()
        if job.error is not None:
            raise job.error
        return job.result

    async def run(self) -> None:
        """Answer until cancelled; who still waits then is refused."""
        try:
            while True:
                if not self._waiting:
                    self._wake = trio.Event()
                    await self._wake.wait()
                await trio.lowlevel.checkpoint_if_cancelled()
                await self._answer(self._take())
        finally:
            self._refuse(self._waiting)

    def _take(self) -> list[Job]:
        taken: list[Job] = []
        while self._waiting and len(taken) < AT_ONCE:
            job = self._waiting.popleft()
            if not job.withdrawn:
                job.taken = True
                taken.append(job)
        return taken

    async def _answer(self, jobs: Sequence[Job]) -> None:
        try:
            with trio.CancelScope(shield=True):
                try:
                    await self._run_reader(self._reader.run_read, _all, (jobs,))
                except StoreUnavailable as error:
                    for job in jobs:
                        job.error = error
                except Exception:
                    # Whose fault it was is found out by asking one by one.
                    for job in jobs:
                        await self._answer_one(job)
        finally:
            for job in jobs:
                job.wake()

    async def _answer_one(self, job: Job) -> None:
        try:
            job.result = await self._run_reader(self._reader.run_read, job.unit, job.arguments)
        except Exception as error:
            job.error = error

    def _refuse(self, jobs: deque[Job]) -> None:
        for job in jobs:
            if not job.withdrawn:
                job.error = StoreUnavailable("the server is stopping")
                job.wake()
        jobs.clear()


def _all(tx: Tx, jobs: Sequence[Job]) -> None:
    for job in jobs:
        job.result = job.unit(tx, *job.arguments)
