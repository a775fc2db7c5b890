"""Carries commands from the API to one charge point: one CALL at a time, in the order they came.

Callers hand an Order over a channel without buffer: the callers that wait are the queue. The
carrier writes what becomes of an order itself, so that the record is right even if its caller has
gone.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec
import trio

from ocpp_trio.domain.commands import state_of
from ocpp_trio.domain.redaction import redact
from ocpp_trio.errors import (
    CallErrorReceived,
    ChargePointOffline,
    CommandCancelled,
    CommandExpired,
    CommandFailed,
    CommandReplaced,
    CommandTimedOut,
    InvalidAnswer,
    StoreUnavailable,
)
from ocpp_trio.ocppj.frames import Payload
from ocpp_trio.ocppj.peer import REMEMBERED_EXPIRED, Answer, Peer
from ocpp_trio.store import charge_points, commands

if TYPE_CHECKING:
    from ocpp_trio.central.context import Central


@dataclass(slots=True, eq=False)
class Order:
    """One command on its way. `timeout` in seconds from the moment it is sent."""

    command_id: int
    action: str
    payload: Payload
    timeout: float
    # If it cannot be sent now, its record stays queued.
    kept: bool = field(default=False, kw_only=True)
    # Its record says already that it was sent.
    marked: bool = field(default=False, kw_only=True)
    # Its turn has come; it is about to be sent; this way of it is over.
    taken: bool = False
    claimed: bool = False
    done: trio.Event = field(default_factory=trio.Event)
    response: Payload | None = None
    error: CommandFailed | None = None
    # The caller gave up before it was sent: then it is not sent at all.
    abandoned: bool = False


class Carrier:
    """The command side of one session."""

    def __init__(
        self,
        central: Central,
        charge_point_id: str,
        connection: int,
        peer: Peer,
        send: Callable[[str], Awaitable[None]],
    ) -> None:
        """`send` sends a text to the station. (The session itself would be a cycle.)"""
        self._central = central
        self._charge_point_id = charge_point_id
        self._connection = connection
        self._peer = peer
        self._send_text = send
        self._orders: trio.MemorySendChannel[Order]
        self._incoming: trio.MemoryReceiveChannel[Order]
        self._orders, self._incoming = trio.open_memory_channel[Order](0)
        self._allowed = trio.Event()
        self._current: Order | None = None
        self._current_id = ""
        self._answer: Answer | None = None
        self._answered = trio.Event()
        # message id -> command id of orders whose time limit passed
        self._late: dict[str, int] = {}
        self._replaced = False
        self.waiting = 0

    @property
    def busy(self) -> bool:
        """Whether a command is on its way or waits."""
        return self._current is not None or self.waiting > 0

    @property
    def idle(self) -> bool:
        """Whether a command that is handed over now would be sent at once."""
        return self._allowed.is_set() and not self.busy

    def allow(self) -> None:
        """The station has booted or spoken: commands may go out (errata 3.10)."""
        if not self._allowed.is_set():
            self._allowed.set()

    def close(self, *, replaced: bool) -> None:
        """No more orders: those that wait see a closed channel. Called at the session's end."""
        self._replaced = replaced
        self._incoming.close()
        order = self._current
        if order is None or order.error is not None or self._answer is not None:
            # None on its way, or its outcome is known and being recorded.
            return
        if not order.claimed:
            order.error = self._unsent()
        else:
            order.error = CommandReplaced(
                "a newer connection of the charge point took over while the command was on its way"
                if replaced
                else "the connection ended while the command was on its way"
            )
        self._end(order)

    def _unsent(self) -> CommandFailed:
        return ChargePointOffline(
            f"charge point {self._charge_point_id} disconnected before the command was sent"
        )

    async def hand_over(self, order: Order) -> None:
        """Give an order to the carrier and wait until it is done.

        Raises trio.BrokenResourceError if the session ended before it was taken.
        """
        self.waiting += 1
        try:
            await self._orders.send(order)
        finally:
            self.waiting -= 1
        await order.done.wait()

    async def run(self) -> None:
        """Take orders and carry them out until the session ends."""
        with trio.move_on_after(self._central.settings.boot_grace):
            await self._allowed.wait()
        # Closed while it waits for the next order, it is done.
        with suppress(trio.ClosedResourceError):
            async for order in self._incoming:
                await self._take(order)

    async def _take(self, order: Order) -> None:
        self._current, self._answer = order, None
        order.taken = True
        try:
            await self._carry(order)
        except CommandFailed as error:
            order.error = error
        except StoreUnavailable as error:
            order.error = CommandFailed(f"the database is not available: {error}")
        finally:
            if order.response is None and order.error is None:
                order.error = (
                    CommandReplaced("the connection ended while the command was on its way")
                    if order.claimed
                    else self._unsent()
                )
            if order.claimed or not order.kept:
                with trio.CancelScope(shield=True):
                    await self._record(order)
            self._current = None
            self._end(order)

    def _end(self, order: Order) -> None:
        order.done.set()
        if order.claimed:
            queue = self._central.queue
            queue.over(order.command_id, order.response, order.error)

    async def _carry(self, order: Order) -> None:
        if order.abandoned:
            raise CommandFailed("the caller gave up before the command was sent")
        central = self._central
        if not order.marked and not await central.database.write(
            commands.mark_sent,
            order.command_id,
            central.now(),
            central.node.id,
            self._connection,
        ):
            raise await self._why_not(order.command_id)
        order.claimed = True
        if order.error is not None:
            # The connection ended while the claim was written.
            raise order.error
        central.queue.begun(order.command_id)
        self._answered = trio.Event()
        self._current_id, text = self._peer.call(order.action, order.payload)
        await self._send(text)
        with trio.move_on_after(order.timeout):
            if not self._answered.is_set():
                # No checkpoint, and so no cancellation, between an answer and its record.
                await self._answered.wait()
        answer: Answer | None = self._answer
        if answer is None:
            self._peer.expire(self._current_id)
            self._late[self._current_id] = order.command_id
            if len(self._late) > REMEMBERED_EXPIRED:
                del self._late[next(iter(self._late))]
            raise CommandTimedOut(f"no answer within {order.timeout:g} s")
        error = _failure(answer)
        if error is not None:
            raise error
        # A configuration that is asked for may hold passwords: nobody is shown them.
        is_configuration = order.action == "GetConfiguration"
        order.response = redact(answer.payload) if is_configuration else answer.payload

    async def _why_not(self, command_id: int) -> CommandFailed:
        central = self._central
        row = await central.database.read(commands.find, command_id)
        state = None if row is None else row["state"]
        if state == "cancelled":
            return CommandCancelled("the command was cancelled before it was sent")
        if state == "queued" and not await central.database.read(
            charge_points.holds, self._charge_point_id, self._connection
        ):
            return ChargePointOffline("a newer connection took over before the command was sent")
        return CommandExpired("the command expired before it was sent")

    async def _send(self, text: str) -> None:
        try:
            await self._send_text(text)
        except Exception as error:
            raise CommandReplaced("the connection ended while the command was sent") from error

    async def answered(self, answer: Answer) -> None:
        """An answer of the station: wakes its order, or is kept as late."""
        # Its time limit may have passed since it was read.
        command_id = self._late.pop(answer.id, None)
        if command_id is not None:
            error = _failure(answer)
            await self._finish(
                command_id,
                "late",
                None if error else answer.payload,
                str(error) if error else None,
            )
        elif answer.id == self._current_id:
            self._answer = answer
            self._answered.set()

    async def _record(self, order: Order) -> None:
        if order.response is not None:
            await self._finish(order.command_id, state_of(order.response), order.response, None)
        else:
            state = order.error.state if order.error is not None else "unknown"
            if isinstance(order.error, CommandReplaced) and not self._replaced:
                state = "unknown"
            kind = order.error.kind if order.error is not None else None
            await self._finish(order.command_id, state, None, str(order.error or ""), kind)

    async def _finish(
        self,
        command_id: int,
        state: str,
        response: Payload | None,
        error: str | None,
        kind: str | None = None,
    ) -> None:
        text = None if response is None else msgspec.json.encode(response).decode()
        central = self._central
        await central.outcomes.record(central, command_id, state, text, error, kind)


def _failure(answer: Answer) -> CommandFailed | None:
    """Why an answer cannot be used, None if it can."""
    if answer.error is not None:
        return CallErrorReceived(answer.error.code, answer.error.description)
    if answer.invalid is not None:
        return InvalidAnswer(f"the answer breaks the schema: {answer.invalid}")
    return None
