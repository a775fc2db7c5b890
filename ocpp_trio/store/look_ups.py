"""Questions that a key answers, many of them on one snapshot and with one turn of a thread.

When thousands of charge points come at once each is looked up; a thread of its own for each, for
some microseconds of work, costs more than the work, and keeps all readers from others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import trio

from ocpp_trio.errors import StoreUnavailable
from ocpp_trio.store.batch import Job, Reader, Runner
from ocpp_trio.store.job_queue import JobQueue

if TYPE_CHECKING:
    from ocpp_trio.store.database import Tx

AT_ONCE = 50


class LookUps:
    """Those of one database; `run` is the task."""

    def __init__(self, reader: Reader, run_reader: Runner) -> None:
        self._reader = reader
        self._run_reader = run_reader
        self._queue = JobQueue()

    async def ask(self, unit: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        """The answer. Raises what the unit raises, or StoreUnavailable."""
        return await self._queue.outcome(Job(unit, arguments))

    async def run(self) -> None:
        """Answer until cancelled; who still waits then is refused."""
        stopping = StoreUnavailable("the server is stopping")
        try:
            while True:
                await self._queue.holds(1)
                await trio.lowlevel.checkpoint_if_cancelled()
                jobs = self._queue.take(AT_ONCE)
                if jobs:
                    await self._answer(jobs)
        finally:
            self._queue.close(stopping)

    async def _answer(self, jobs: Sequence[Job]) -> None:
        try:
            with trio.CancelScope(shield=True):
                await self._find(jobs)
        except BaseException as error:
            # Nothing found is an answer too, which nobody has given.
            for job in jobs:
                job.error = StoreUnavailable(f"the look-ups failed: {type(error).__name__}")
            raise
        finally:
            for job in jobs:
                job.wake()

    async def _find(self, jobs: Sequence[Job]) -> None:
        try:
            await self._run_reader(self._reader.run_read, _all, (jobs,))
        except StoreUnavailable as error:
            for job in jobs:
                job.error = error
        except Exception:
            # Whose fault it was is found out by asking one by one.
            for job in jobs:
                await self._answer_one(job)

    async def _answer_one(self, job: Job) -> None:
        try:
            job.result = await self._run_reader(self._reader.run_read, job.unit, job.arguments)
        except Exception as error:
            job.error = error


def _all(tx: Tx, jobs: Sequence[Job]) -> None:
    for job in jobs:
        job.result = job.unit(tx, *job.arguments)
