"""Idempotency keys are forgotten in time."""

from __future__ import annotations

from ocpp_trio.central.context import Central
from ocpp_trio.services.idempotency_keys import forget_keys
from ocpp_trio.store import idempotency
from ocpp_trio.store.database import Database
from tests.conftest import MakeSettings
from tests.support.clock import HOUR, FakeNow


async def test_keys_are_forgotten_after_their_time(
    database: Database, make_settings: MakeSettings, now: FakeNow
) -> None:
    central = Central(make_settings(OCPP_IDEMPOTENCY_KEEP="5400"), database, now=now)
    for key in ("old", "new"):
        await database.write(idempotency.claim, "me", key, "f", 0, now())
        now.ms += HOUR
    await forget_keys(central)
    assert await database.read(idempotency.find, "me", "old") is None
    assert await database.read(idempotency.find, "me", "new") is not None
