"""Keeps the newest register of running transactions as meter values of their own."""

from __future__ import annotations

import structlog

from ocpp_trio.central.context import Central
from ocpp_trio.store import running

log = structlog.get_logger(source="meter backup")


async def back_up_registers(central: Central) -> None:
    """One tick: each reading is kept once."""
    kept = await central.database.write(running.back_up)
    if kept:
        log.info("newest registers of running transactions kept as meter values", transactions=kept)
