"""The figures of one run of the load generator, as they cross from its process to ours."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Measurement:
    """What was seen during the measured window, warm-up excluded."""

    messages: int
    """Counted CALLs that were answered with a CALLRESULT within the window."""
    started: float
    """When the window opened, by `time.perf_counter`: one clock for all processes of a machine."""
    seconds: float
    rate: float
    """Messages per second."""
    p50: float
    """Milliseconds from sending a CALL (or from when it was due) to its answer, as are the
    following."""
    p90: float
    p99: float
    max: float
    answered: int
    """Counted CALLs answered from first to last, warm-up and drain included."""
    load_cpu: float
    """Cores used by the load generator: near 1.0, it is the bottleneck and the figures are void."""
    connected: float
    """Seconds from the first handshake until the last connection was open."""
    prepared: float
    """Seconds from the first handshake until every station had finished its preparations."""
    cpu_per_message: float | None = None
    """Microseconds of server CPU, user and system, in all threads, per message of the window."""
    cpu_prepared: float | None = None
    """Seconds of server CPU from the first handshake until every station was prepared."""
    memory: float | None = None
    """KiB that the server grew by per connection, stations prepared and window included."""
    api_p50: float | None = None
    """Milliseconds of GET /api/status, asked for every tenth of a second while stations connect."""
    api_p99: float | None = None


def percentile(ascending: Sequence[float], fraction: float) -> float:
    """The value below which `fraction` of the values lie (nearest rank)."""
    return ascending[min(len(ascending) - 1, int(len(ascending) * fraction))]
