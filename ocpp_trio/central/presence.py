"""When each charge point was last heard, and how its clock goes: collected here, written in
batches, a little late.
"""

from __future__ import annotations

from ocpp_trio.store import charge_points
from ocpp_trio.store.database import Database


class Presence:
    """Sightings since the last write: id -> (last seen, last heartbeat, clock skew), in ms, the
    latter two None if there was nothing new.
    """

    def __init__(self) -> None:
        self._seen: dict[str, tuple[int, int | None, int | None]] = {}

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
