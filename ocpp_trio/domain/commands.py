"""A recorded command to a charge point, as those see it who act upon its end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class Command(NamedTuple):
    """A recorded command. `response` is the station's answer, None without one (or before it).

    `follow_until` (ms) is known when it is created: how long the station's own messages may follow.
    """

    id: int
    charge_point_id: str
    action: str
    payload: Mapping[str, Any]
    actor: str
    reason: str | None
    state: str
    response: Mapping[str, Any] | None
    follow_until: int | None = None

    @property
    def status(self) -> object:
        """The station's word, None without an answer or in an answer without one."""
        return None if self.response is None else self.response.get("status")
