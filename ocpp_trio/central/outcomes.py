"""Outcomes of commands on their way into their records.

While the database fails an outcome waits here: the station has done its part, and what follows from
that in the books must not be lost. A stop of the server ends the wait; the next start calls such a
command unknown.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from ocpp_trio.errors import StoreUnavailable
from ocpp_trio.store import commands

if TYPE_CHECKING:
    from ocpp_trio.central.context import Central

MAX_WAITING = 10_000

Outcome = tuple[int, str, str | None, str | None, int, str | None]
"""The arguments of store.commands.finish."""


class Outcomes:
    """Records the ends of commands, now or as soon as the database takes them."""

    def __init__(self) -> None:
        self._waiting: deque[Outcome] = deque(maxlen=MAX_WAITING)

    @property
    def is_behind(self) -> bool:
        """Whether there are some that the database has not taken yet."""
        return bool(self._waiting)

    async def record(
        self,
        central: Central,
        command_id: int,
        state: str,
        response: str | None,
        error: str | None,
        error_kind: str | None = None,
    ) -> None:
        """Record how a command ended: its state, the answer as JSON text or the error in words and
        by its kind.
        """
        outcome = (command_id, state, response, error, central.now(), error_kind)
        try:
            await central.database.write(commands.finish, *outcome)
        except StoreUnavailable:
            self._waiting.append(outcome)

    async def catch_up(self, central: Central) -> None:
        """Record what waits, oldest first. Raises StoreUnavailable; the rest waits on."""
        while self._waiting:
            outcome = self._waiting.popleft()
            try:
                await central.database.write(commands.finish, *outcome)
            except StoreUnavailable:
                self._waiting.appendleft(outcome)
                raise
