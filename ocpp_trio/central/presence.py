"""When each charge point was last heard, how its clock goes, which of its messages were repaired:
collected here, written in batches, a little late.
"""

from __future__ import annotations

from ocpp_trio.store import charge_points, schema_repairs
from ocpp_trio.store.database import Database


class Presence:
    """Sightings since the last write: id -> (last seen, last heartbeat, clock skew), in ms, the
    latter two None if there was nothing new.
    """

    def __init__(self) -> None:
        self._seen: dict[str, tuple[int, int | None, int | None]] = {}
        # (charge point, action, repair) -> (times, newest in ms)
        self._repairs: dict[tuple[str, str, str], tuple[int, int]] = {}

    def repaired(self, charge_point_id: str, action: str, repair: str, now: int) -> None:
        """A message that breaks the schema was taken all the same."""
        key = (charge_point_id, action, repair)
        times, _ = self._repairs.get(key, (0, 0))
        self._repairs[key] = (times + 1, now)

    def heartbeat(self, charge_point_id: str, now: int) -> None:
        """A Heartbeat came in."""
        before = self._seen.get(charge_point_id)
        self._seen[charge_point_id] = (now, now, before[2] if before else None)

    def clock(self, charge_point_id: str, now: int, skew: int) -> None:
        """A dated message came in: how far its station's clock is ahead."""
        before = self._seen.get(charge_point_id)
        self._seen[charge_point_id] = (now, before[1] if before else None, skew)

    async def write(self, database: Database) -> None:
        """Write what was collected. What cannot be written is dropped: the next sighting counts."""
        if self._seen:
            seen, self._seen = self._seen, {}
            rows = [(*values, point) for point, values in seen.items()]
            await database.write(charge_points.seen, rows)
        if self._repairs:
            repairs, self._repairs = self._repairs, {}
            counted = [(*key, times, now, now) for key, (times, now) in repairs.items()]
            await database.write(schema_repairs.add, counted)
