"""Commands that are kept for their station: in the database until it may be asked, or they expire.

The database is the queue. In memory is only for which of the stations here something is kept, so
that one that has nothing waiting costs no look-up, and who waits for an outcome.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import msgspec
import trio

from ocpp_trio.central.carrier import Order
from ocpp_trio.domain.commands import NEEDS_ACCEPTANCE
from ocpp_trio.errors import (
    ChargePointNotAccepted,
    ChargePointOffline,
    CommandFailed,
    StoreUnavailable,
    TooManyWaiting,
    recorded_failure,
)
from ocpp_trio.ocppj.frames import Payload
from ocpp_trio.store import commands
from ocpp_trio.store.database import Row
from ocpp_trio.supervise import contained

if TYPE_CHECKING:
    from ocpp_trio.central.context import Central
    from ocpp_trio.central.session import Session


ANSWERED = frozenset({"accepted", "refused", "late"})


class Waiter:
    """Somebody waits for a command that others send: `begun` when it is sent or over, `done` when
    over.
    """

    __slots__ = ("begun", "done", "error", "response")

    def __init__(self) -> None:
        self.begun = trio.Event()
        self.done = trio.Event()
        self.response: Payload | None = None
        self.error: CommandFailed | None = None


class Queue:
    """Who waits for what. All methods are synchronous but those that run as tasks."""

    def __init__(self) -> None:
        self._central: Central | None = None
        self._nursery: trio.Nursery | None = None
        self._expected: set[str] = set()
        self._waiters: dict[int, Waiter] = {}
        # Sessions that are being fed, and whether to look again.
        self._feeding: dict[Session, bool] = {}
        # Batches under way, and how far each has come: what is behind that is not for a feed.
        self.batches: dict[int, int] = {}

    def open(self, central: Central, nursery: trio.Nursery) -> None:
        """Begin to feed, in `nursery`, which outlives the sessions."""
        self._central, self._nursery = central, nursery
        for session in central.hub.sessions():
            self.feed(session)

    @property
    def expected(self) -> Iterable[str]:
        """Charge points here for which something may be kept, as a copy."""
        return tuple(self._expected)

    @property
    def awaited(self) -> Iterable[int]:
        """Commands whose outcome somebody waits for, as a copy."""
        return tuple(self._waiters)

    @contextmanager
    def waiting(self, command_id: int) -> Iterator[Waiter]:
        """Hear of a command's outcome while the block runs."""
        waiter = self._waiters[command_id] = Waiter()
        try:
            yield waiter
        finally:
            del self._waiters[command_id]

    def begun(self, command_id: int) -> None:
        """A command is about to be sent."""
        waiter = self._waiters.get(command_id)
        if waiter is not None:
            waiter.begun.set()

    def over(self, command_id: int, response: Payload | None, error: CommandFailed | None) -> None:
        """A command is over, and will not be tried again."""
        waiter = self._waiters.get(command_id)
        if waiter is not None and not waiter.done.is_set():
            waiter.response, waiter.error = response, error
            waiter.begun.set()
            waiter.done.set()

    def recorded(self, row: Row) -> None:
        """A command's record was read, which another node may have written."""
        state, command_id = row["state"], row["id"]
        if state == "sent":
            self.begun(command_id)
        elif state in ANSWERED and row["response"] is not None:
            self.over(command_id, msgspec.json.decode(row["response"]), None)
        elif state != "queued":
            error = recorded_failure(state, row["error_kind"], row["error"] or "")
            self.over(command_id, None, error)

    def add(self, charge_point_id: str) -> None:
        """Something new is kept for a charge point. One that is not connected here is of no
        interest: whoever connects is told what is kept.
        """
        session = self._central.hub.get(charge_point_id) if self._central is not None else None
        if session is not None:
            self._expected.add(charge_point_id)
            self.feed(session)

    def expect(self, charge_point_id: str) -> None:
        """Something is kept for a charge point that is about to connect."""
        self._expected.add(charge_point_id)

    def is_feeding(self, session: Session) -> bool:
        """Whether a session may be about to get what is kept for its station."""
        return session in self._feeding

    def feed(self, session: Session) -> None:
        """Send a session what is kept for its station, oldest first, one at a time."""
        if session.charge_point_id not in self._expected or not session.booted:
            return
        if session in self._feeding:
            self._feeding[session] = True
        elif self._nursery is not None:
            self._feeding[session] = False
            self._nursery.start_soon(contained, "command queue", partial(self._feed, session))

    async def _feed(self, session: Session) -> None:
        try:
            again = True
            while again:
                self._feeding[session] = False
                is_empty = await self._feed_once(session)
                again = self._feeding[session]
            if is_empty:
                self._expected.discard(session.charge_point_id)
        except (trio.BrokenResourceError, StoreUnavailable):
            # The session is over, or the database fails: the next one, or the next look, goes on.
            return
        finally:
            del self._feeding[session]

    async def _feed_once(self, session: Session) -> bool:
        """One pass; whether nothing is left behind."""
        central, is_empty, after = session.central, True, 0
        while True:
            row = await central.database.look_up(commands.next_kept, session.charge_point_id, after)
            if row is None:
                return is_empty
            after = row["id"]
            if not self._is_free(row) or not _may_ask(session, row["action"]):
                is_empty = False
                continue
            order = order_of(row)
            await session.carrier.hand_over(order)
            is_empty = is_empty and order.claimed

    def _is_free(self, row: Row) -> bool:
        """Whether a batch under way has released it: it counts how many it sends at once."""
        reached = self.batches.get(row["batch_id"] or 0)
        return reached is None or row["id"] <= reached


def order_of(row: Row, *, kept: bool = True) -> Order:
    """A recorded command on its way. `kept`: its record stays as it is if it cannot be sent now."""
    payload = msgspec.json.decode(row["payload"])
    return Order(row["id"], row["action"], payload, row["answer_timeout"] / 1000, kept=kept)


def _may_ask(session: Session, action: str) -> bool:
    return session.accepted or action not in NEEDS_ACCEPTANCE


def idle(central: Central, charge_point_id: str, action: str) -> Session | None:
    """The session that would send a command at once; None if none can, or others come first."""
    session = central.hub.get(charge_point_id)
    if session is None or not session.booted or not _may_ask(session, action):
        return None
    return session if session.carrier.idle and not central.queue.is_feeding(session) else None


def ready(central: Central, charge_point_id: str, action: str) -> Session:
    """The session that can take a command now. Raises a CommandFailed that says why there is none.

    What a charge point may be asked before it is accepted: OCPP 1.6 section 4.2.
    """
    session = central.hub.get(charge_point_id)
    if session is None:
        raise ChargePointOffline(f"charge point {charge_point_id} is not connected")
    if not session.booted:
        raise ChargePointNotAccepted(
            f"charge point {charge_point_id} has not booted yet: nothing may be sent to it"
        )
    if not _may_ask(session, action):
        raise ChargePointNotAccepted(
            f"charge point {charge_point_id} is not accepted: adopt it, and let it boot"
        )
    if session.carrier.waiting >= central.settings.command_queue:
        central.counts.commands_refused += 1
        raise TooManyWaiting(
            f"{session.carrier.waiting} commands wait for charge point {charge_point_id}"
        )
    return session
