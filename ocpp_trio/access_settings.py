"""The settings of API keys. Part of ocpp_trio.settings."""

from __future__ import annotations

from dataclasses import dataclass

from ocpp_trio import values
from ocpp_trio.values import variable as _var


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessSettings:
    """Durations are seconds."""

    api_keys_interval: float = _var(
        "OCPP_API_KEYS_INTERVAL",
        "5",
        values.seconds(0.05, 3600),
        "between looks for API keys that were made or revoked elsewhere",
    )
    api_failures: int = _var(
        "OCPP_API_FAILURES",
        "30",
        values.integer(1, 1_000_000),
        "wrong API keys from one address within OCPP_API_FAILURE_WINDOW",
    )
    api_failure_window: float = _var(
        "OCPP_API_FAILURE_WINDOW",
        "60",
        values.seconds(0.1, 86400),
        "after so many seconds without a wrong API key an address may try all of them again",
    )
