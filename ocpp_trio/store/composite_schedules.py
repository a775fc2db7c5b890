"""Composite schedules that stations answered with (OCPP 1.6 section 5.7), kept as they came."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NamedTuple

from ocpp_trio.domain.commands import Command
from ocpp_trio.domain.times import parse_timestamp
from ocpp_trio.store import queries
from ocpp_trio.store.database import Row, Tx

Q = queries.load("composite_schedules")


class Filters(NamedTuple):
    """Which schedules; None leaves all. `latest`: only the newest of each connector."""

    charge_point_id: str | None = None
    connector_id: int | None = None
    since: int | None = None
    until: int | None = None
    latest: int = 0


def record(tx: Tx, command: Command, now: int) -> None:
    """Keep the schedule of an accepted GetCompositeSchedule."""
    response = command.response
    if response is None or command.status != "Accepted":
        return
    start = response.get("scheduleStart")
    schedule = response.get("chargingSchedule")
    tx.run(
        Q.insert,
        charge_point_id=command.charge_point_id,
        connector_id=command.payload["connectorId"],
        requested_duration=command.payload["duration"],
        requested_unit=command.payload.get("chargingRateUnit"),
        schedule_start=parse_timestamp(start),
        schedule_start_text=start if isinstance(start, str) else None,
        schedule=None if schedule is None else json.dumps(schedule, separators=(",", ":")),
        command_id=command.id,
        now=now,
    )


def page(tx: Tx, filters: Filters, limit: int, offset: int) -> tuple[Sequence[Row], int]:
    """A page of schedules, newest first, and how many there are in all."""
    total = tx.one(Q.count, **filters._asdict())
    assert total is not None
    rows = tx.all(Q.page, before=None, limit=limit, offset=offset, **filters._asdict())
    return rows, total["total"]


def behind(tx: Tx, filters: Filters, number: int, limit: int) -> Sequence[Row]:
    """The schedules that follow one in the order of `page`."""
    return tx.all(Q.page, before=number, limit=limit, offset=0, **filters._asdict())
