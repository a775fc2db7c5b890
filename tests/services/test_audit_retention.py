"""The audit trail is kept for its time, however much is to be forgotten at once."""

from __future__ import annotations

import pytest

from ocpp_trio.central.context import Central
from ocpp_trio.services import audit_retention
from ocpp_trio.services.audit_retention import forget_audit
from ocpp_trio.store import audit
from ocpp_trio.store.database import Database
from tests.conftest import MakeSettings
from tests.support.clock import HOUR, FakeNow


@pytest.mark.parametrize(("keep", "left"), [("5400", 1), ("0", 6)])
async def test_entries_are_forgotten_after_their_time(
    database: Database,
    make_settings: MakeSettings,
    now: FakeNow,
    monkeypatch: pytest.MonkeyPatch,
    keep: str,
    left: int,
) -> None:
    monkeypatch.setattr(audit_retention, "CHUNK", 2)
    central = Central(make_settings(OCPP_AUDIT_KEEP=keep), database, now=now)
    entry = audit.Entry("me", audit.COMMAND_LINE, "createKey")
    for _ in range(5):
        await database.write(audit.begin, entry, now())
    now.ms += 2 * HOUR
    await database.write(audit.begin, entry, now())
    await forget_audit(central)
    assert await database.read(audit.listing.count, audit.Filter()) == left
