"""Gives up on remote starts that no transaction followed in time."""

from __future__ import annotations

import structlog

from ocpp_trio.central.context import Central
from ocpp_trio.store import remote_starts

log = structlog.get_logger(source="remote starts")


async def expire_remote_starts(central: Central) -> None:
    """One tick."""
    for row in await central.database.write(remote_starts.expire, central.now()):
        log.info(
            "no transaction followed a remote start",
            charge_point=row["charge_point_id"],
            command=row["command_id"],
        )
