"""The settings of API keys, of the audit trail, and of addresses that charge points are sent to.

Part of ocpp_trio.settings.
"""

from __future__ import annotations

from dataclasses import dataclass

from ocpp_trio import values
from ocpp_trio.values import variable as _var


@dataclass(frozen=True, kw_only=True)
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
    location_hosts: tuple[str, ...] = _var(
        "OCPP_LOCATION_HOSTS",
        "",
        values.words,
        "hosts from and to which charge points may be told to load files (comma-separated;"
        " *.example.com: all below; empty: any)",
    )
    audit_keep: float = _var(
        "OCPP_AUDIT_KEEP",
        "31536000",
        values.seconds(0, 10 * 366 * 86400),
        "how long the audit trail is kept; 0: for ever",
    )
    audit_interval: float = _var(
        "OCPP_AUDIT_INTERVAL",
        "3600",
        values.seconds(0.01, 86400),
        "between looks for audit entries that are too old",
    )
    audit_refusals: int = _var(
        "OCPP_AUDIT_REFUSALS",
        "60",
        values.integer(1, 1_000_000),
        "entries a minute about what one caller may not do; more are refused without an entry",
    )
