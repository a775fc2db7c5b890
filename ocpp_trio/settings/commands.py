"""The settings of commands that outlive their request. Part of ocpp_trio.settings."""

from __future__ import annotations

from dataclasses import dataclass

from ocpp_trio import values
from ocpp_trio.values import variable as _var


@dataclass(frozen=True, kw_only=True)
class CommandSettings:
    """Durations are seconds."""

    durable_queue: int = _var(
        "OCPP_DURABLE_QUEUE",
        "100",
        values.integer(1, 100_000),
        "commands that may be kept for one charge point until it is back",
    )
    max_expires: float = _var(
        "OCPP_MAX_EXPIRES",
        "604800",
        values.seconds(1, 31_536_000),
        "longest time for which a command may be kept",
    )
    queue_interval: float = _var(
        "OCPP_QUEUE_INTERVAL",
        "1",
        values.seconds(0.01, 60),
        "between looks at the commands that are kept: which expire, which can go",
    )
    batch_size: int = _var(
        "OCPP_BATCH_SIZE",
        "10000",
        values.integer(1, 100_000),
        "charge points in one batch of commands",
    )
    batch_concurrency: int = _var(
        "OCPP_BATCH_CONCURRENCY",
        "50",
        values.integer(1, 10_000),
        "charge points that a batch asks at once, at most",
    )
    batch_grace: float = _var(
        "OCPP_BATCH_GRACE",
        "300",
        values.seconds(0, 86400),
        "after a restart, what a batch has still to send is kept for so long",
    )
    idempotency_keep: float = _var(
        "OCPP_IDEMPOTENCY_KEEP",
        "86400",
        values.seconds(1, 31_536_000),
        "how long an Idempotency-Key and its first answer are kept",
    )
    idempotency_interval: float = _var(
        "OCPP_IDEMPOTENCY_INTERVAL",
        "600",
        values.seconds(0.01, 86400),
        "between looks for idempotency keys that are too old",
    )
