"""A recorded command to a charge point, as those see it who act upon its end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

# While a station is Pending it may be configured and triggered, but not charge (section 4.2).
NEEDS_ACCEPTANCE = frozenset({"RemoteStartTransaction", "RemoteStopTransaction"})

# The words of a station that will do as it was asked; any other word of its is a refusal.
TAKEN = frozenset({"Accepted", "AcceptedCanceled", "RebootRequired", "Scheduled", "Unlocked"})


def state_of(response: Mapping[str, Any]) -> str:
    """`accepted` or `refused`, by the status in a station's answer; one without is no refusal."""
    status = response.get("status")
    return "accepted" if status is None or status in TAKEN else "refused"


class Command(NamedTuple):
    """A recorded command. `response` is the station's answer, None without one (or before it).

    `follow_for` (ms) is known when it is created: so long the station's own messages may follow.
    `sent_at` (ms) is when its CALL went out, None if it never did.
    """

    id: int
    charge_point_id: str
    action: str
    payload: Mapping[str, Any]
    actor: str
    reason: str | None
    state: str
    response: Mapping[str, Any] | None
    follow_for: int = 0
    sent_at: int | None = None
    error: str | None = None

    @property
    def status(self) -> object:
        """The station's word, None without an answer or in an answer without one."""
        return None if self.response is None else self.response.get("status")

    def is_overtaken_by(self, moment: int | None) -> bool:
        """Whether what happened at a moment (ms) is newer than what the answer tells of: the answer
        is late, and the command was sent before.
        """
        is_late = self.state == "late" and self.sent_at is not None
        return is_late and moment is not None and moment > (self.sent_at or 0)
