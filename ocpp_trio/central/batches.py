"""Batches on their way: one command for many charge points, so many at once."""

from __future__ import annotations

import structlog
import trio

from ocpp_trio.central.context import Central
from ocpp_trio.central.queue import order_of, ready
from ocpp_trio.central.wakeups import owner_of, sent_elsewhere
from ocpp_trio.errors import ChargePointOffline, CommandFailed, StoreUnavailable
from ocpp_trio.store import charge_points, command_batches, commands, node_messages, nodes
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
            if self._central.node.leads:
                await self.take_up()
            task_status.started()
            await trio.sleep_forever()

    async def take_up(self) -> None:
        """Go on with what was handed out by nodes that are no more."""
        grace = int(self._central.settings.batch_grace * 1000)
        for batch_id, concurrency in await self._central.database.write(
            command_batches.take_up, self._central.node.id, self._central.now() + grace
        ):
            log.info("batch taken up again", batch=batch_id)
            self.start(batch_id, concurrency)

    def start(self, batch_id: int, concurrency: int) -> None:
        """Begin to send a batch that is in the database."""
        assert self._nursery is not None
        if self._nursery.cancel_scope.cancel_called:
            # The server is stopping: the next start, or another node, goes on.
            return
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
        if not central.hub.connected(point):
            stored = await central.database.read(charge_points.find, point)
            owner = None if stored is None else owner_of(central, stored)
            if owner is not None:
                await self._send_elsewhere(row, owner)
                return
        order = order_of(row)
        try:
            session = ready(central, point, row["action"])
            await session.carrier.hand_over(order)
        except trio.BrokenResourceError:
            failure: CommandFailed = ChargePointOffline(
                "the charge point disconnected before the command was sent"
            )
        except CommandFailed as error:
            failure = error
        else:
            if not order.claimed:
                # Cancelled meanwhile, or the claim failed: the next pass sees what is left.
                self._is_whole = False
            return
        if row["expires_at"] is not None:
            central.queue.add(point)
            return
        await central.database.write(
            commands.finish,
            row["id"],
            failure.state,
            None,
            str(failure),
            central.now(),
            failure.kind,
        )

    async def _send_elsewhere(self, row: Row, owner: str) -> None:
        """Leave a command to the node where its station is. One that is kept is among those that
        go out there anyway, and is not waited for if that is not soon.
        """
        central, number, timeout = self._central, row["id"], row["answer_timeout"] / 1000
        with central.queue.waiting(number) as waiter:
            if row["expires_at"] is None:
                await central.database.write(nodes.address, number, owner)
                await sent_elsewhere(central, waiter, timeout)
                return
            await central.database.write(node_messages.tell, owner, row["charge_point_id"])
            with trio.move_on_after(timeout):
                await waiter.begun.wait()
            if waiter.begun.is_set():
                await sent_elsewhere(central, waiter, timeout)
