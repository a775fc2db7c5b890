"""Units of work on a database: group commit for writes, snapshots for reads.

Callers await; the database runs in worker threads (or, for tests under a virtual clock, inline).
No transaction is ever open across an await, so cancellation cannot leave one behind.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

import trio

from ocpp_trio.errors import StoreLost, StoreUnavailable
from ocpp_trio.store.batch import Job, Reader, Runner, Writer
from ocpp_trio.store.job_queue import JobQueue
from ocpp_trio.store.look_ups import LookUps
from ocpp_trio.store.queries import Statement

CHECK_INTERVAL = 1.0

P = ParamSpec("P")
T = TypeVar("T")


class Row(Protocol):
    """A row of a result: columns by name. `dict(row)` copies it."""

    def __getitem__(self, name: str, /) -> Any: ...
    def keys(self) -> Any: ...


class Tx(Protocol):
    """What a unit of work can do inside its transaction."""

    def one(self, statement: Statement, /, **parameters: Any) -> Row | None:
        """The first row, or None."""

    def all(self, statement: Statement, /, **parameters: Any) -> Sequence[Row]:
        """All rows."""

    def run(self, statement: Statement, /, **parameters: Any) -> int:
        """Execute; the number of rows changed."""

    def many(self, statement: Statement, rows: Sequence[Sequence[Any]], /) -> int:
        """Execute once per row, values in the order in which the parameters appear.

        Returns how many rows were changed in all.
        """

    def attempt(self, unit: Callable[..., Any], /, *arguments: Any) -> Exception | None:
        """Run a unit in a savepoint: an error of its own undoes it alone, and is returned. An
        error of the database is raised as ever: it is the whole transaction's.
        """

    def notify(self, node_id: str, hint: str, /) -> None:
        """Wake another node when the transaction is committed. It may get lost: what the node is to
        do must be in the database, where it looks now and then.
        """


Unit = Callable[Concatenate[Tx, P], T]


def bulk_form(bulk: Callable[[Tx, Sequence[tuple[Any, ...]]], Sequence[Any]]) -> Callable[[T], T]:
    """Give a unit a form that does all of its kind in a batch at once.

    `bulk(tx, many)` takes the argument tuples and returns as many results. The unit itself stays
    the fallback: a batch that fails is run again unit by unit.
    """

    def mark(unit: T) -> T:
        unit.bulk = bulk  # type: ignore[attr-defined]
        return unit

    return mark


class Database:
    """The way in: `await write(unit, ...)`, `await read(unit, ...)`. Its writer is `run`."""

    def __init__(
        self,
        reader: Reader,
        writer: Writer,
        *,
        batch: int,
        run_reader: Runner,
        check: Callable[[Tx], None],
        gather_time: float = 0.0,
    ) -> None:
        """`check` is a unit that writes something: it shows when a failing database is back.
        `gather_time` (seconds): so long a batch may wait for as many as came together before.
        """
        self.kind = reader.kind
        self._reader = reader
        self._writer = writer
        self._batch = batch
        self._check = check
        self._gather_time = gather_time
        self._run_reader = run_reader
        self._look_ups = LookUps(reader, run_reader)
        self._queue = JobQueue()
        self._failing_since: float | None = None
        self._together = 0

    def failing_for(self) -> float:
        """Seconds since when no batch could be written; 0 while all is well."""
        return 0.0 if self._failing_since is None else trio.current_time() - self._failing_since

    async def write(self, unit: Unit[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `unit` in the next batch; returns its result when the commit is durable.

        A cancelled caller either withdraws the unit whole or, once a batch has taken it, waits for
        the outcome. Raises what the unit raised, or StoreUnavailable; then nothing of it is stored.
        """
        assert not kwargs, "units take positional arguments"
        result: T = await self._queue.outcome(Job(unit, args))
        return result

    def submit(
        self, done: Callable[[Job], None], unit: Callable[..., Any], *arguments: Any
    ) -> None:
        """Run `unit` in the next batch, and then call `done`, which must neither wait nor raise,
        with the result or the error. It cannot be withdrawn. Raises StoreUnavailable.
        """
        self._queue.add(Job(unit, arguments, done))

    async def read(self, unit: Unit[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `unit` on a snapshot of what is committed."""
        assert not kwargs, "units take positional arguments"
        result: T = await self._run_reader(self._reader.run_read, unit, args)
        return result

    async def look_up(self, unit: Unit[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The same for what a key finds at once: all that wait share a snapshot, and a thread."""
        assert not kwargs, "units take positional arguments"
        found: T = await self._look_ups.ask(unit, args)
        return found

    async def run_look_ups(self) -> None:
        """The task that `look_up` needs."""
        await self._look_ups.run()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """The writer: take what waits, run it in one transaction, commit, answer, for ever.

        Cancelled, it finishes the batch in hand; what still waits gets StoreUnavailable. Anything
        it raises is a fault after which nothing may be acknowledged, nor refused: who waits gets
        StoreLost.
        """
        task_status.started()
        why: Exception = StoreLost("the writer failed")
        try:
            while True:
                if not self._queue:
                    with trio.move_on_after(CHECK_INTERVAL):
                        await self._queue.holds(1)
                if not self._queue:
                    await self._look_after()
                await self._gather()
                batch = self._queue.take(self._batch)
                if batch:
                    await self._write_batch(batch)
        except trio.Cancelled:
            why = StoreUnavailable("the server is stopping")
            raise
        finally:
            self._queue.close(why)

    async def _look_after(self) -> None:
        """What to do when nobody brings work. While the database fails that may stay so, for
        stations are sent offline: a write of our own finds out when it is back.
        """
        if self._failing_since is not None:
            self._queue.add(Job(self._check, ()))
            return
        with trio.CancelScope(shield=True):
            await self._writer.check()

    async def _gather(self) -> None:
        """Wait a moment for as many as were under way together before: fuller batches, fewer
        commits. With one caller alone this costs nothing.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        if self._gather_time and self._queue:
            with trio.move_on_after(self._gather_time):
                await self._queue.holds(min(self._together, self._batch))

    async def _write_batch(self, batch: list[Job]) -> None:
        began = trio.current_time()
        try:
            # Shielded: a batch that was taken is finished, and its outcome told.
            with trio.CancelScope(shield=True):
                await self._writer.run_batch(batch)
            self._failing_since = None
        except StoreUnavailable as error:
            if self._failing_since is None:
                self._failing_since = began
            for job in batch:
                job.error = error
        except BaseException as error:
            # Nobody is told a success that did not happen, and the writer dies.
            why = str(error) if isinstance(error, StoreLost) else type(error).__name__
            for job in batch:
                job.error = StoreLost(f"the writer failed: {why}")
            raise
        finally:
            self._together = len(batch) + len(self._queue)
            for job in batch:
                job.wake()
