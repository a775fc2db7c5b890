"""What came out of a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from enum import Enum
from typing import Any

# Of a thousand charge points with the same complaint, the first few tell the story.
MAX_COMPLAINTS = 20


class Outcome(Enum):
    """How a session ended."""

    COMPLETED = "completed"
    REFUSED = "refused"
    FAILED = "failed"


class Tally:
    """Counts of a run; energy in Wh, counted for completed sessions."""

    def __init__(self, say: Callable[[str], None] = lambda _: None) -> None:
        """`say` is given every line that a person should read while the run goes on."""
        self.outcomes: Counter[Outcome] = Counter()
        self.close_codes: Counter[int] = Counter()
        self.messages = 0
        self.energy_wh = 0
        self.seconds = 0.0
        self.complaints = 0
        self.say = say

    def complain(self, text: str) -> None:
        """Say what went wrong; after 20 such lines they are only counted."""
        self.complaints += 1
        if self.complaints <= MAX_COMPLAINTS:
            self.say(text)
        if self.complaints == MAX_COMPLAINTS:
            self.say("more of this is only counted")

    def as_json(self, stations: int) -> dict[str, Any]:
        """The summary under the names that programs read."""
        return {
            "stations": stations,
            "sessionsCompleted": self.outcomes[Outcome.COMPLETED],
            "sessionsRefused": self.outcomes[Outcome.REFUSED],
            "sessionsFailed": self.outcomes[Outcome.FAILED],
            "messages": self.messages,
            "seconds": round(self.seconds, 3),
            "energyWh": self.energy_wh,
            "closeCodes": {str(code): n for code, n in sorted(self.close_codes.items())},
        }

    def as_text(self, stations: int) -> str:
        """The summary for a person."""
        count = self.outcomes
        codes = ", ".join(f"{code} x {n}" for code, n in sorted(self.close_codes.items()))
        return "\n".join(
            (
                f"stations: {stations}",
                "sessions: " + ", ".join(f"{count[each]} {each.value}" for each in Outcome),
                f"messages sent: {self.messages}",
                f"duration: {self.seconds:.2f} s",
                f"energy: {self.energy_wh} Wh ({self.energy_wh / 1000:.3f} kWh)",
                f"close codes: {codes or 'none'}",
            )
        )
