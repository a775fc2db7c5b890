"""Asks for meter values of running transactions that send none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import trio

from ocpp_trio.central.context import Central
from ocpp_trio.services.asking import Asking, Question
from ocpp_trio.store import running
from ocpp_trio.store.database import Row

SOURCE = "meter collection"


async def collect_meter_values(central: Central, asking: Asking) -> None:
    """One tick: ask about every connector whose running transaction has no recent reading."""
    now, age = central.now(), central.settings.meter_collection_age
    rows = await central.database.read(running.unread, now - int(age * 1000), now)
    await asking.ask(SOURCE, _questions(central, rows, now, age))


def _questions(central: Central, rows: Sequence[Row], now: int, age: float) -> Iterator[Question]:
    asked = set()
    for row in rows:
        connector = row["charge_point_id"], row["connector_id"]
        # Values may come without a register, or dated by a clock that is off: they came.
        if row["connector_id"] > 0 and connector not in asked and not _metered(central, row, age):
            asked.add(connector)
            yield Question(*connector, "MeterValues", row["last_boot"], _why(row, now))


def _metered(central: Central, row: Row, age: float) -> bool:
    session = central.hub.get(row["charge_point_id"])
    if session is None:
        return False
    last = session.metered.get(row["connector_id"])
    return last is not None and trio.current_time() - last < age


def _why(row: Row, now: int) -> str:
    if row["register_at"] is None:
        seconds = (now - row["received_at"]) // 1000
        return f"transaction {row['id']} has no reading since its start {seconds} s ago"
    seconds = (now - row["register_at"]) // 1000
    if seconds < 0:
        return f"the newest reading of transaction {row['id']} is dated {-seconds} s ahead"
    return f"the newest reading of transaction {row['id']} is {seconds} s old"
