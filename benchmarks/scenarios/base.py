"""What a scenario is made of."""

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.station import Station


@dataclass(frozen=True)
class Scenario:
    """A load that any number of peers can be measured under."""

    name: str
    title: str
    connections: int
    station: Callable[[str], Station]
    """Makes the charge point with the given identity."""
    rows_per_message: int = 0
    """Meter value rows that each counted and answered message must leave in the database; they
    are counted after each round, so that no peer is fast because it forgets. 0: not checked."""
