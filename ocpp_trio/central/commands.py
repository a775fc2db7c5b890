"""Commands to charge points: one way in, whatever becomes of them (OCPP-J section 4.1)."""

from __future__ import annotations

from typing import NamedTuple

import msgspec
import trio

from ocpp_trio.central.carrier import Order
from ocpp_trio.central.context import Central
from ocpp_trio.errors import (
    ChargePointNotAccepted,
    ChargePointOffline,
    ChargePointUnknown,
    CommandFailed,
    CommandTimedOut,
    TooManyWaiting,
)
from ocpp_trio.ocppj.frames import Payload
from ocpp_trio.store import charge_points, commands

# While a station is Pending it may be configured and triggered, but not charge (section 4.2).
NEEDS_ACCEPTANCE = frozenset({"RemoteStartTransaction", "RemoteStopTransaction"})


class Outcome(NamedTuple):
    """A station's answer: its payload, and the command's record."""

    command_id: int
    response: Payload


class Commands:
    """Sends commands and keeps a record of each."""

    def __init__(self, central: Central) -> None:
        self._central = central
        self._scopes: set[trio.CancelScope] = set()

    async def execute(
        self,
        charge_point_id: str,
        action: str,
        payload: Payload,
        *,
        actor: str,
        reason: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - counts from the send, not from the call
    ) -> Outcome:
        """Send a CALL and wait for its answer, `timeout` seconds from the moment it is sent.

        The payload has been checked against its schema. Raises a CommandFailed, with the record's
        `command_id`; the record says the same.
        """
        central = self._central
        limit = central.settings.command_timeout if timeout is None else timeout
        if await central.database.read(charge_points.find, charge_point_id) is None:
            raise ChargePointUnknown(f"no charge point {charge_point_id} is registered")
        now = central.now()
        command_id = await central.database.write(
            commands.create,
            charge_point_id,
            action,
            msgspec.json.encode(payload).decode(),
            actor,
            reason,
            now + int(limit * 1000),
            now,
            now + int(central.settings.remote_start_expiry * 1000),
        )
        order = Order(command_id, action, payload, limit)
        try:
            await self._hand_over(charge_point_id, order)
        except CommandFailed as error:
            error.command_id = command_id
            await central.database.write(
                commands.finish, command_id, error.state, None, str(error), central.now()
            )
            raise
        if order.error is not None:
            order.error.command_id = command_id
            raise order.error
        assert order.response is not None
        return Outcome(command_id, order.response)

    async def _hand_over(self, charge_point_id: str, order: Order) -> None:
        """Give the order to the station's session; its outcome is in the order afterwards."""
        session = self._central.hub.get(charge_point_id)
        if session is None:
            raise ChargePointOffline(f"charge point {charge_point_id} is not connected")
        if not session.booted:
            raise ChargePointNotAccepted(
                f"charge point {charge_point_id} has not booted yet: nothing may be sent to it"
            )
        if not session.accepted and order.action in NEEDS_ACCEPTANCE:
            raise ChargePointNotAccepted(
                f"charge point {charge_point_id} is not accepted: adopt it, and let it boot"
            )
        if session.carrier.waiting >= self._central.settings.command_queue:
            raise TooManyWaiting(
                f"{session.carrier.waiting} commands wait for charge point {charge_point_id}"
            )
        with trio.CancelScope() as scope:
            self._scopes.add(scope)
            try:
                await session.carrier.hand_over(order)
            except trio.BrokenResourceError:
                raise ChargePointOffline(
                    f"charge point {charge_point_id} disconnected before the command was sent"
                ) from None
            finally:
                self._scopes.discard(scope)
                order.abandoned = not order.done.is_set()
        if scope.cancelled_caught:
            raise CommandTimedOut("the server is stopping; the command may have been carried out")

    def drain(self, seconds: float) -> None:
        """Before a stop: whoever still waits then is told that the outcome is unknown."""
        deadline = trio.current_time() + seconds
        for scope in self._scopes:
            scope.deadline = min(scope.deadline, deadline)
