"""The figures of one run of the load generator, as they cross from its process to ours."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Measurement:
    """What was seen during the measured window, warm-up excluded."""

    messages: int
    """Counted CALLs that were answered with a CALLRESULT within the window."""
    seconds: float
    rate: float
    """Messages per second."""
    p50: float
    """Milliseconds from sending a CALL to its answer, as are the following."""
    p90: float
    p99: float
    max: float
    answered: int
    """Counted CALLs answered from first to last, warm-up and drain included."""
    load_cpu: float
    """Cores used by the load generator: near 1.0, it is the bottleneck and the figures are void."""
    server_cpu: float | None
    """Seconds of CPU the server spent within the window, in all its threads, user and system."""

    @property
    def cpu_per_message(self) -> float | None:
        """Microseconds of server CPU per message."""
        return None if self.server_cpu is None else self.server_cpu / self.messages * 1e6


def percentile(ascending: Sequence[float], fraction: float) -> float:
    """The value below which `fraction` of the values lie (nearest rank)."""
    return ascending[min(len(ascending) - 1, int(len(ascending) * fraction))]
