"""Which limit holds for transactions that are shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from msgspec import Meta

from ocpp_trio.api.answers import Resource, Timestamp
from ocpp_trio.api.operation import Call
from ocpp_trio.domain.charging_limits import Limit
from ocpp_trio.domain.times import format_timestamp
from ocpp_trio.store import charging_profiles
from ocpp_trio.store.database import Row


class ChargingLimit(Resource):
    """The limit that a running transaction has by the profiles its charge point accepted.

    `chargingProfileId` is the one it comes from; `until` null: no end is known.
    """

    limit: Annotated[float, Meta(description="in A or W")]
    unit: str
    until: Timestamp | None
    charging_profile_id: int
    purpose: str


class Limits:
    """The limits of the transactions on one page."""

    def __init__(self, call: Call[Any, Any]) -> None:
        self._call = call
        self._found: dict[int, Limit] = {}

    async def load(self, rows: Sequence[Row]) -> Sequence[Row]:
        """Look up the limits of those that run; the rows as they are."""
        running = [row for row in rows if not row["is_complete"]]
        self._found = {}
        if running:
            context = self._call.context
            self._found = await context.database.read(
                charging_profiles.limits, running, context.now()
            )
        return rows

    def of(self, row: Row) -> ChargingLimit | None:
        """The limit of a transaction that was loaded; None for one without."""
        limit = self._found.get(row["id"])
        if limit is None:
            return None
        return ChargingLimit(
            limit=float(limit.limit),
            unit=limit.unit,
            until=format_timestamp(limit.until),
            charging_profile_id=limit.profile_id,
            purpose=limit.purpose,
        )
