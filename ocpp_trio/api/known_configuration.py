"""Charge points' configuration as it was last seen, and what was changed in it."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta
from starlette.responses import Response

from ocpp_trio.api.answers import Resource, Timestamp, answer
from ocpp_trio.api.listing import ListQuery, answer_newest_first
from ocpp_trio.api.operation import Call, operation
from ocpp_trio.api.params import ChargePointId, Moment, NoQuery, moment
from ocpp_trio.api.problems import Problem
from ocpp_trio.domain.times import format_timestamp
from ocpp_trio.store import charge_points, configuration
from ocpp_trio.store.database import Row

TAG = "Configuration"


class ConfigurationKey(Resource):
    """A configuration key as it was last known; `pendingValue` counts after the next boot."""

    key: str
    value: str | None
    readonly: bool | None
    needs_reboot: bool
    pending_value: str | None
    reported_at: Timestamp | None
    changed_at: Timestamp | None
    changed_by: str | None


def _show(row: Row) -> ConfigurationKey:
    return ConfigurationKey(
        key=row["key"],
        value=row["value"],
        readonly=None if row["is_readonly"] is None else bool(row["is_readonly"]),
        needs_reboot=bool(row["needs_reboot"]),
        pending_value=row["pending_value"],
        reported_at=format_timestamp(row["reported_at"]),
        changed_at=format_timestamp(row["changed_at"]),
        changed_by=row["changed_by"],
    )


@operation(tag=TAG, answer=list[ConfigurationKey], problems=("charge-point-unknown",))
async def list_configuration(call: Call[NoQuery, None]) -> Response:
    """List a charge point's configuration as it was last known, by key.

    `get-configuration` asks the charge point itself, and brings this up to date.
    """
    database = call.context.database
    if await database.read(charge_points.find, call.id) is None:
        raise Problem("charge-point-unknown", f"no charge point {call.id} is registered")
    rows = await database.read(configuration.of_charge_point, call.id)
    return answer([_show(row) for row in rows], headers={"X-Total-Count": str(len(rows))})


class ConfigurationChange(Resource):
    """A change of a key: who asked for it and what the charge point said. `actor` is `charge point`
    and `status` Reported where a report showed another value than before.
    """

    id: int
    charge_point_id: str
    key: str
    old_value: str | None
    new_value: str | None
    actor: str
    status: str
    command_id: int | None
    changed_at: Timestamp | None


def _show_change(row: Row) -> ConfigurationChange:
    return ConfigurationChange(
        id=row["id"],
        charge_point_id=row["charge_point_id"],
        key=row["key"],
        old_value=row["old_value"],
        new_value=row["new_value"],
        actor=row["actor"],
        status=row["status"],
        command_id=row["command_id"],
        changed_at=format_timestamp(row["changed_at"]),
    )


class ConfigurationChangesQuery(ListQuery, forbid_unknown_fields=True):
    """Which changes."""

    charge_point_id: ChargePointId | None = None
    key: Annotated[str, Meta(max_length=50)] | None = None
    since: Moment | None = msgspec.field(default=None, name="from")
    until: Moment | None = msgspec.field(default=None, name="to")


@operation(
    tag=TAG,
    answer=list[ConfigurationChange],
    query=ConfigurationChangesQuery,
    example={"chargePointId": "CP001"},
)
async def list_configuration_changes(call: Call[ConfigurationChangesQuery, None]) -> Response:
    """List changes of configuration, newest first: who, what, when, and what came of it."""
    query = call.query
    which = configuration.Filter(
        query.charge_point_id,
        query.key,
        moment("from", query.since),
        moment("to", query.until),
    )
    return await answer_newest_first(call, configuration.changes, which, _show_change)
