"""Stores log entries, so that /api/logs can show them."""

from __future__ import annotations

from ocpp_trio.errors import StoreUnavailable
from ocpp_trio.logs import EntryBuffer
from ocpp_trio.store import logs
from ocpp_trio.store.database import Database

BATCH = 1000


async def write_logs(database: Database, entries: EntryBuffer) -> None:
    """One tick: store what has come in. On failure the entries go back and wait."""
    taken = entries.take()
    for start in range(0, len(taken), BATCH):
        try:
            await database.write(logs.insert, taken[start : start + BATCH])
        except StoreUnavailable:
            entries.give_back(taken[start:])
            return
