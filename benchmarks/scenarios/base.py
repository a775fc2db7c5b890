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
    rows_per_message: float = 0
    """Meter value rows that each counted and answered message must leave in the database; they
    are counted after each round, so that no peer is fast because it forgets. 0: not checked."""
    peers: tuple[str, ...] = ("raw", "python", "node", "ocpp_trio")
    """Who takes part unless others are asked for."""
    columns: tuple[str, ...] = ("rate", "spread", "cpu_per_message", "p50", "p99")
    """Of table.COLUMNS."""
    compare: str = "rate"
    """The figure of which the table gives multiples of the other peers'."""
    handshakes_at_once: int = 50
    setup_timeout: float = 60.0
    """Seconds from the first handshake until every station has finished its preparations."""
    asks_api: bool = False
    """Whether the HTTP API is asked for its status while the stations connect."""
    quick_connections: int | None = None
    """How many connections are enough for a first look; None: as many."""
    seconds: float = 5.0
    """Measured per round."""
    rounds: int = 5
    quick_seconds: float = 2.0
    quick_rounds: int = 3
