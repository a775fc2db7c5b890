"""Commands to charge points: one way in, whatever becomes of them (OCPP-J section 4.1)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import NamedTuple

import msgspec
import trio

from ocpp_trio.central.batches import Batches
from ocpp_trio.central.carrier import Order
from ocpp_trio.central.context import Central
from ocpp_trio.central.queue import Waiter, idle, order_of, ready
from ocpp_trio.central.session import Session
from ocpp_trio.central.wakeups import owner_of, sealed_for, sent_elsewhere
from ocpp_trio.domain.redaction import redact_json
from ocpp_trio.errors import (
    ChargePointOffline,
    ChargePointUnknown,
    CommandCancelled,
    CommandFailed,
    CommandQueued,
    CommandTimedOut,
    TooManyWaiting,
)
from ocpp_trio.ocppj.frames import Payload
from ocpp_trio.store import charge_points, commands
from ocpp_trio.store.database import Row
from ocpp_trio.store.effects import Effect
from ocpp_trio.supervise import Tick, contained


class Outcome(NamedTuple):
    """A station's answer: its payload, and the command's record."""

    command_id: int
    response: Payload


class Commands:
    """Sends commands and keeps a record of each."""

    def __init__(self, central: Central) -> None:
        self._central = central
        self._scopes: set[trio.CancelScope] = set()
        self._nursery: trio.Nursery | None = None
        self._serving: set[int] = set()
        self.batches = Batches(central)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """What goes on without a caller: kept commands, batches, callers who do not wait."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            await nursery.start(self.batches.run)
            self._central.queue.open(self._central, nursery)
            task_status.started()
            await trio.sleep_forever()

    async def execute(
        self,
        charge_point_id: str,
        action: str,
        payload: Payload,
        *,
        actor: str,
        reason: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - counts from the send, not from the call
        expires: float | None = None,
        wait: bool = True,
        idempotency_id: int | None = None,
        also: Effect | None = None,
    ) -> Outcome:
        """Send a CALL and wait for its answer, `timeout` seconds from the moment it is sent.

        The payload has been checked against its schema. Raises a CommandFailed, with the record's
        `command_id`; the record says the same. With `expires` (seconds) the command is kept for a
        station that cannot be asked now; the caller waits `timeout` seconds for it to be sent.
        CommandQueued tells a caller who waits no longer, or (not `wait`) never did. The record
        does not show what is secret in the payload; `also` is stored with it.
        """
        limit = self._central.settings.command_timeout if timeout is None else timeout
        now = self._central.now()
        request = commands.Request(
            charge_point_id,
            action,
            msgspec.json.encode(payload).decode(),
            actor,
            reason,
            None if expires is None else now + int(expires * 1000),
            int(limit * 1000),
            idempotency_id,
            int(self._central.settings.remote_start_expiry * 1000),
            also,
            from_node_id=self._central.node.id if wait else None,
        )
        row = await self._central.database.look_up(charge_points.find, charge_point_id)
        if row is None:
            raise ChargePointUnknown(f"no charge point {charge_point_id} is registered")
        if expires is not None:
            command_id = await self._record(request, now)
            return await self._keep(charge_point_id, command_id, limit, wait)
        owner = owner_of(self._central, row)
        if owner is not None:
            return await self._elsewhere(request, owner, payload, now, wait)
        request = request._replace(node_id=self._central.node.id, from_node_id=None)
        order = await self._order(request, payload, limit, now)
        if wait:
            return await self._carry_out(charge_point_id, order)
        session = await self._ready(charge_point_id, order)
        self._start(partial(self._deliver, session, order))
        raise _queued(order.command_id)

    async def _order(
        self, request: commands.Request, payload: Payload, limit: float, now: int
    ) -> Order:
        """A command of a station that is here, recorded: as sent, if nothing is before it."""
        session, is_marked = idle(self._central, request.charge_point_id, request.action), False
        if session is None:
            command_id = await self._record(request, now)
        else:
            command_id, is_marked = await self._central.database.write(
                commands.create_sent, request, now, session.connection
            )
        return Order(command_id, request.action, payload, limit, marked=is_marked)

    async def _record(self, request: commands.Request, now: int) -> int:
        database, point = self._central.database, request.charge_point_id
        bound = self._central.settings.durable_queue
        command_id = await database.write(
            commands.enqueue, request, bound, now, self._central.node.id
        )
        if command_id is None:
            self._central.counts.commands_refused += 1
            raise TooManyWaiting(f"{bound} commands are kept for charge point {point}")
        return command_id

    async def _elsewhere(
        self, request: commands.Request, owner: str, payload: Payload, now: int, wait: bool
    ) -> Outcome:
        """Leave a command to the node where its station is; the record tells the outcome."""
        sealed = None
        if redact_json(request.payload) != request.payload:
            sealed = await sealed_for(self._central, owner, payload)
        here = self._central.node.id
        request = request._replace(node_id=owner, from_node_id=here, sealed=sealed)
        command_id = await self._record(request, now)
        if not wait:
            raise _queued(command_id)
        with self._central.queue.waiting(command_id) as waiter, self._drained() as scope:
            await sent_elsewhere(self._central, waiter, request.answer_timeout / 1000)
        if scope.cancelled_caught:
            waiter.error = _stopping()
        return self._outcome(command_id, waiter)

    def serve(self, row: Row) -> None:
        """Send what another node has left to this one; once, however often it is asked."""
        # What could not be recorded yet may be about this one.
        if row["id"] not in self._serving and not self._central.outcomes.is_behind:
            self._serving.add(row["id"])
            self._start(partial(self._serve, row))

    async def _serve(self, row: Row) -> None:
        order = order_of(row, kept=False)
        if row["sealed"] is not None:
            order.payload = msgspec.json.decode(self._central.node.seal.open(row["sealed"]))
        try:
            with suppress(CommandFailed):
                session = await self._ready(row["charge_point_id"], order)
                await self._deliver(session, order)
        finally:
            self._serving.discard(order.command_id)

    async def cancel(self, command_id: int, actor: str) -> Row | None:
        """Cancel a command that was not sent yet: its row, None if it was, or there is none."""
        database, now = self._central.database, self._central.now()
        row = await database.write(commands.cancel, command_id, f"cancelled by {actor}", now)
        if row is not None:
            self._cancelled(command_id)
        return row

    async def cancel_batch(self, batch_id: int, actor: str) -> None:
        """Cancel what a batch has not sent yet."""
        database, now = self._central.database, self._central.now()
        for command_id in await database.write(
            commands.cancel_batch, batch_id, f"cancelled by {actor}", now
        ):
            self._cancelled(command_id)

    def _cancelled(self, command_id: int) -> None:
        error = CommandCancelled("the command was cancelled before it was sent")
        error.command_id = command_id
        self._central.queue.over(command_id, None, error)

    async def _carry_out(self, charge_point_id: str, order: Order) -> Outcome:
        """Send a command of a caller; raises its failure, which is in its record as well."""
        session = await self._ready(charge_point_id, order)
        with self._drained() as scope:
            await self._deliver(session, order)
        if scope.cancelled_caught:
            order.error = _stopping()
        if order.error is not None:
            order.error.command_id = order.command_id
            raise order.error
        assert order.response is not None
        return Outcome(order.command_id, order.response)

    async def _ready(self, charge_point_id: str, order: Order) -> Session:
        try:
            return ready(self._central, charge_point_id, order.action)
        except CommandFailed as error:
            error.command_id = order.command_id
            await self._finish(order.command_id, error)
            raise

    async def _deliver(self, session: Session, order: Order) -> None:
        """Hand an order over; what it led to is in the order and in its record afterwards."""
        try:
            await session.carrier.hand_over(order)
        except trio.BrokenResourceError:
            order.error = ChargePointOffline(
                f"charge point {session.charge_point_id} disconnected before the command was sent"
            )
            await self._finish(order.command_id, order.error)
        finally:
            if not order.done.is_set():
                order.abandoned = True
                if not order.taken and order.error is None:
                    # The caller was cut off while the order still waited for its turn.
                    gone = ChargePointOffline("the caller gave up before the command was sent")
                    with trio.CancelScope(shield=True):
                        await self._finish(order.command_id, gone)

    async def _finish(self, command_id: int, error: CommandFailed) -> None:
        central = self._central
        await central.outcomes.record(
            central, command_id, error.state, None, str(error), error.kind
        )

    async def _keep(
        self, charge_point_id: str, command_id: int, limit: float, wait: bool
    ) -> Outcome:
        """Leave a command to the queue and wait for it: `limit` seconds until it is sent."""
        queue = self._central.queue
        with queue.waiting(command_id) as waiter:
            queue.add(charge_point_id)
            if not wait:
                raise _queued(command_id)
            with self._drained() as scope:
                with trio.move_on_after(limit):
                    await waiter.begun.wait()
                if waiter.begun.is_set():
                    await waiter.done.wait()
            if scope.cancelled_caught and waiter.begun.is_set():
                waiter.error = _stopping()
        return self._outcome(command_id, waiter)

    def _outcome(self, command_id: int, waiter: Waiter) -> Outcome:
        if waiter.error is not None:
            waiter.error.command_id = command_id
            raise waiter.error
        if waiter.response is None:
            raise _queued(command_id)
        return Outcome(command_id, waiter.response)

    def _start(self, work: Tick) -> None:
        """Go on with something that nobody waits for."""
        assert self._nursery is not None
        self._nursery.start_soon(contained, "command", work)

    @contextmanager
    def _drained(self) -> Iterator[trio.CancelScope]:
        """A scope in which a caller waits, until `drain` cuts it short."""
        with trio.CancelScope() as scope:
            self._scopes.add(scope)
            try:
                yield scope
            finally:
                self._scopes.discard(scope)

    def drain(self, seconds: float) -> None:
        """Before a stop: batches send nothing more; whoever still waits in so many seconds is told
        that the outcome is unknown.
        """
        self.batches.stop()
        deadline = trio.current_time() + seconds
        for scope in self._scopes:
            scope.deadline = min(scope.deadline, deadline)


def _stopping() -> CommandTimedOut:
    return CommandTimedOut("the server is stopping; the command may have been carried out")


def _queued(command_id: int) -> CommandQueued:
    error = CommandQueued("the command is queued")
    error.command_id = command_id
    return error
