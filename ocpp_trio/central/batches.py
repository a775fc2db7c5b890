"""Batches on their way: one command for many charge points, so many at once."""

from __future__ import annotations

import structlog
import trio

from ocpp_trio.central.context import Central
from ocpp_trio.central.queue import order_of, ready
from ocpp_trio.errors import CommandFailed, StoreUnavailable
from ocpp_trio.store import command_batches, commands
from ocpp_trio.store.database import Row
from ocpp_trio.supervise import contained

log = structlog.get_logger(source="commands")

PAGE = 200
RETRY = 1.0


class Batches:
    """Runs batches in a nursery of the server's. Whatever ends it, what was not sent is not lost:
    the next start goes on.
    """

    def __init__(self, central: Central) -> None:
        self._central = central
        self._scope: trio.CancelScope | None = None
        self._nursery: trio.Nursery | None = None

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Go on with what the last process left; run until `stop`."""
        async with trio.open_nursery() as nursery:
            self._nursery, self._scope = nursery, nursery.cancel_scope
            grace = int(self._central.settings.batch_grace * 1000)
            for batch_id, concurrency in await self._central.database.write(
                command_batches.take_up, self._central.now() + grace
            ):
                log.info("batch taken up again", batch=batch_id)
                self.start(batch_id, concurrency)
            task_status.started()
            await trio.sleep_forever()

    def start(self, batch_id: int, concurrency: int) -> None:
        """Begin to send a batch that is in the database."""
        assert self._nursery is not None
        self._central.queue.batches[batch_id] = 0
        self._nursery.start_soon(contained, "batch", Batch(self._central, batch_id, concurrency))

    def stop(self) -> None:
        """Send nothing more; what is on its way gets its answer all the same."""
        if self._scope is not None:
            self._scope.cancel()


class Batch:
    """One batch under way."""

    def __init__(self, central: Central, batch_id: int, concurrency: int) -> None:
        self._central = central
        self._id = batch_id
        self._concurrency = concurrency
        self._is_whole = True

    async def __call__(self) -> None:
        """Send what is queued, so many at once; again, as long as the database did not take it."""
        try:
            while True:
                if await self._pass():
                    break
                await trio.sleep(RETRY)
        finally:
            del self._central.queue.batches[self._id]
        log.info("batch done", batch=self._id)

    async def _pass(self) -> bool:
        self._is_whole = True
        rows, work = trio.open_memory_channel[Row](0)
        async with trio.open_nursery() as nursery:
            for _ in range(self._concurrency):
                nursery.start_soon(self._work, work.clone())
            work.close()
            async with rows:
                try:
                    await self._hand_out(rows)
                except StoreUnavailable:
                    self._is_whole = False
        return self._is_whole

    async def _hand_out(self, rows: trio.MemorySendChannel[Row]) -> None:
        after = 0
        while True:
            page = await self._central.database.read(commands.next_of_batch, self._id, after, PAGE)
            if not page:
                return
            for row in page:
                await rows.send(row)
            after = page[-1]["id"]

    async def _work(self, rows: trio.MemoryReceiveChannel[Row]) -> None:
        async with rows:
            async for row in rows:
                try:
                    await self._send(row)
                except StoreUnavailable:
                    self._is_whole = False

    async def _send(self, row: Row) -> None:
        central, point = self._central, row["charge_point_id"]
        reached = central.queue.batches
        reached[self._id] = max(reached[self._id], row["id"])
        order = order_of(row)
        try:
            session = ready(central, point, row["action"])
            await session.carrier.hand_over(order)
        except trio.BrokenResourceError:
            error = "the charge point disconnected before the command was sent"
            state = "expired"
        except CommandFailed as failure:
            error, state = str(failure), failure.state
        else:
            if not order.claimed:
                # Cancelled meanwhile, or the claim failed: the next pass sees what is left.
                self._is_whole = False
            return
        if row["expires_at"] is not None:
            central.queue.add(point)
            return
        await central.database.write(commands.finish, row["id"], state, None, error, central.now())
