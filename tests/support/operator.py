"""Commands as they pass through the books: recorded, then ended with an answer or without."""

from __future__ import annotations

import json
from typing import Any

from ocpp_trio.store import commands
from ocpp_trio.store.database import Database
from tests.support.clock import FakeNow


class Operator:
    """Sends commands to one charge point, as far as the database sees it."""

    def __init__(self, database: Database, now: FakeNow, charge_point_id: str = "CP1") -> None:
        self.database = database
        self.now = now
        self.point = charge_point_id

    async def create(self, action: str, payload: dict[str, Any]) -> int:
        """Record a command that waits to be sent; its number."""
        return await self.database.write(
            commands.create,
            commands.Request(
                self.point,
                action,
                json.dumps(payload),
                "operator",
                expires_at=self.now() + 30_000,
            ),
            self.now(),
        )

    async def send(self, number: int) -> None:
        """Its CALL goes out."""
        assert await self.database.write(commands.mark_sent, number, self.now())

    async def ask(self, action: str, payload: dict[str, Any]) -> int:
        """A command that is sent; its number."""
        number = await self.create(action, payload)
        await self.send(number)
        return number

    async def end(self, number: int, state: str, response: dict[str, Any] | None = None) -> None:
        """End it."""
        text = None if response is None else json.dumps(response)
        await self.database.write(commands.finish, number, state, text, None, self.now())

    async def command(self, action: str, payload: dict[str, Any], **response: Any) -> int:
        """A command that is sent and answered; its number."""
        number = await self.ask(action, payload)
        await self.end(number, "accepted", response or {"status": "Accepted"})
        return number
