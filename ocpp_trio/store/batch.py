"""A batch of units of work: what each was asked for, what became of it, and who runs them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import trio

if TYPE_CHECKING:
    from ocpp_trio.store.database import Tx

T = TypeVar("T")

Runner = Callable[..., Awaitable[Any]]
"""`await runner(function, *arguments)` runs a synchronous function, in a thread or not."""


class Job:
    """One write that waits for its batch. `taken`: it can no longer be withdrawn."""

    __slots__ = ("arguments", "done", "error", "result", "taken", "task", "unit", "withdrawn")

    def __init__(
        self,
        unit: Callable[..., Any],
        arguments: tuple[Any, ...],
        done: Callable[[Job], None] | None = None,
    ) -> None:
        self.unit = unit
        self.arguments = arguments
        self.done = done
        self.task: trio.lowlevel.Task | None = None
        self.result: Any = None
        self.error: BaseException | None = None
        self.taken = False
        self.withdrawn = False

    async def wait(self) -> None:
        """Sleep until `wake`. Cancelled, a job that no batch has taken is withdrawn; one that was
        taken is waited for. (An Event and a shield would say the same at three times the cost.)
        """

        def cancelled(_: object) -> trio.lowlevel.Abort:
            if self.taken:
                return trio.lowlevel.Abort.FAILED
            self.withdrawn = True
            return trio.lowlevel.Abort.SUCCEEDED

        self.task = trio.lowlevel.current_task()
        await trio.lowlevel.wait_task_rescheduled(cancelled)

    def wake(self) -> None:
        """Tell whoever waits that result or error is there."""
        done = self.done
        if done is not None:
            # Whoever it belongs to may be gone before the job is: its error refers to its batch.
            self.done = None
            done(self)
        elif self.task is not None:
            trio.lowlevel.reschedule(self.task)


def run_units(tx: Tx, jobs: Sequence[Job]) -> None:
    """Run the units of a batch and set their results, those that have a bulk form together."""
    bulks: dict[Any, list[Job]] = {}
    for job in jobs:
        bulk = getattr(job.unit, "bulk", None)
        if bulk is not None:
            bulks.setdefault(bulk, []).append(job)
        else:
            job.result = job.unit(tx, *job.arguments)
    for bulk, same in bulks.items():
        results = bulk(tx, [job.arguments for job in same])
        for job, result in zip(same, results, strict=True):
            job.result = result


class Writer(Protocol):
    """Who runs batches: see Driver."""

    overlaps: bool
    """Whether a batch is run without Python's lock, beside whatever else this process does."""

    async def run_batch(self, jobs: Sequence[Job]) -> None:
        """See Driver.run_batch."""

    async def check(self) -> None:
        """See Driver.check."""


class DriverWriter:
    """A driver, called through a runner: in a thread, or where it is called."""

    overlaps = False

    def __init__(self, driver: Driver, run: Runner) -> None:
        self._driver = driver
        self._run = run

    async def run_batch(self, jobs: Sequence[Job]) -> None:
        """See Driver."""
        await self._run(self._driver.run_batch, jobs)

    async def check(self) -> None:
        """See Driver."""
        await self._run(self._driver.check)


class Reader(Protocol):
    """What a database is read with. Synchronous, and called through a runner."""

    kind: str

    def run_read(self, unit: Callable[..., T], arguments: tuple[Any, ...]) -> T:
        """Run one unit on a snapshot."""


class Driver(Reader, Protocol):
    """One kind of database. All methods are synchronous and called through a runner."""

    def run_batch(self, jobs: Sequence[Job]) -> None:
        """Run the units in one transaction and commit; set each job's result or error.

        Raises StoreUnavailable when the database did not take the batch; then nothing is stored.
        Raises StoreLost when nobody can tell, and the process must end.
        """

    def check(self) -> None:
        """Raise StoreLost if the database that was opened is not the one that is there now."""

    def close(self) -> None:
        """Close every connection."""
