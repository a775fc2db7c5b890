"""Where a charge point's messages break the schema: part of how it is shown."""

from __future__ import annotations

from collections.abc import Sequence

from ocpp_trio.api.answers import Resource, Timestamp
from ocpp_trio.domain.times import format_timestamp
from ocpp_trio.ocppj import quirks
from ocpp_trio.store.database import Row


class SchemaRepair(Resource):
    """Messages of an action that were taken although they break the schema in one way, and how many
    there were; `reason` is what is known of this make.
    """

    action: str
    repair: str
    times: int
    first_at: Timestamp | None
    last_at: Timestamp | None
    reason: str | None


def show(point: Row, rows: Sequence[Row]) -> list[SchemaRepair]:
    """The stored repairs of a stored charge point."""
    known = quirks.matching(point["vendor"], point["model"], point["firmware_version"])
    reasons = {(quirk.action, quirk.repair): quirk.reason for quirk in known}
    return [
        SchemaRepair(
            action=row["action"],
            repair=row["repair"],
            times=row["times"],
            first_at=format_timestamp(row["first_at"]),
            last_at=format_timestamp(row["last_at"]),
            reason=reasons.get((row["action"], row["repair"])),
        )
        for row in rows
    ]
