"""Commands as effects see them, and commands that went through their whole record."""

from __future__ import annotations

import json
from typing import Any

from ocpp_trio.store import commands
from ocpp_trio.store.database import Database
from tests.support.clock import START


async def carried_out(
    database: Database,
    action: str,
    payload: dict[str, Any],
    response: dict[str, Any] | None,
    *,
    state: str = "accepted",
    now: int = START,
    charge_point_id: str = "CP1",
) -> int:
    """A command that was recorded and ended; its id."""
    request = commands.Request(
        charge_point_id, action, json.dumps(payload), "admin", expires_at=now + 30_000
    )
    command_id = await database.write(commands.create, request, now)
    await database.write(commands.mark_sent, command_id, now)
    text = None if response is None else json.dumps(response)
    await database.write(commands.finish, command_id, state, text, None, now)
    return command_id
