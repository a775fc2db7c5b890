"""Idempotency keys are forgotten after OCPP_IDEMPOTENCY_KEEP."""

from __future__ import annotations

from ocpp_trio.central.context import Central
from ocpp_trio.store import idempotency


async def forget_keys(central: Central) -> None:
    """Delete the keys that are too old."""
    oldest = central.now() - int(central.settings.idempotency_keep * 1000)
    await central.database.write(idempotency.prune, oldest)
