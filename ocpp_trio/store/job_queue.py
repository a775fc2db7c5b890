"""Jobs that wait for who runs them: the writer its batches, the look-ups theirs."""

from __future__ import annotations

from collections import deque
from typing import Any

import trio

from ocpp_trio.errors import StoreUnavailable
from ocpp_trio.store.batch import Job


class JobQueue:
    """Oldest first. Whoever runs them takes some, sets result or error of each, and wakes it."""

    def __init__(self) -> None:
        self._waiting: deque[Job] = deque()
        self._wake = trio.Event()
        self._is_closed = False

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, job: Job) -> None:
        """Let a job wait. Raises StoreUnavailable once the queue is closed."""
        if self._is_closed:
            raise StoreUnavailable("the server is stopping")
        self._waiting.append(job)
        self._wake.set()

    async def outcome(self, job: Job) -> Any:
        """Let a job wait, and wait for it: its result, or its error is raised. Cancelled, it is
        withdrawn, or waited for if somebody has taken it.
        """
        self.add(job)
        await job.wait()
        if job.error is not None:
            raise job.error
        return job.result

    async def holds(self, count: int) -> None:
        """Wait until so many wait."""
        while len(self._waiting) < count:
            self._wake = trio.Event()
            await self._wake.wait()

    def take(self, at_most: int) -> list[Job]:
        """The oldest that were not withdrawn; from now on they cannot be."""
        taken: list[Job] = []
        while self._waiting and len(taken) < at_most:
            job = self._waiting.popleft()
            if not job.withdrawn:
                job.taken = True
                taken.append(job)
        return taken

    def close(self, error: Exception) -> None:
        """Give those that still wait this error, and take no more."""
        self._is_closed = True
        for job in self.take(len(self._waiting)):
            job.error = error
            job.wake()
