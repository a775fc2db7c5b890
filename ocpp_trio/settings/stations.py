"""The settings of how charge points prove who they are. Part of ocpp_trio.settings."""

from __future__ import annotations

from dataclasses import dataclass

from ocpp_trio import values
from ocpp_trio.values import variable as _var

_MANY = values.integer(1, 1_000_000)


@dataclass(frozen=True, kw_only=True)
class StationSettings:
    """Durations are seconds."""

    trusted_proxies: tuple[str, ...] = _var(
        "OCPP_TRUSTED_PROXIES",
        "",
        values.networks,
        "proxies whose X-Forwarded-For and -Proto are believed (comma-separated; empty: none)",
    )
    min_security_profile: int = _var(
        "OCPP_MIN_SECURITY_PROFILE",
        "0",
        values.integer(0, 3),
        "least security profile of every charge point; each may have a higher one of its own",
    )
    strict_keys: bool = _var(
        "OCPP_STRICT_KEYS",
        "false",
        values.boolean,
        "refuse keys that are not 16 to 20 bytes long, instead of warning",
    )
    station_failures: int = _var(
        "OCPP_STATION_FAILURES",
        "5",
        _MANY,
        "wrong keys from one address for one charge point within OCPP_FAILURE_WINDOW",
    )
    address_failures: int = _var(
        "OCPP_ADDRESS_FAILURES",
        "300",
        _MANY,
        "wrong keys and unknown ids from one address within OCPP_FAILURE_WINDOW",
    )
    failure_window: float = _var(
        "OCPP_FAILURE_WINDOW",
        "60",
        values.seconds(0.1, 86400),
        "after so many seconds without a failure all of them are free again",
    )
    failures_remembered: int = _var(
        "OCPP_FAILURES_REMEMBERED",
        "20000",
        _MANY,
        "addresses, and pairs of address and id, whose failures are remembered",
    )
    hashing_threads: int = _var(
        "OCPP_HASHING_THREADS",
        "2",
        values.integer(1, 64),
        "keys chosen by people that are checked at once: each check is slow by design",
    )
    hashing_queue: int = _var(
        "OCPP_HASHING_QUEUE",
        "64",
        values.integer(0, 100_000),
        "checks that may wait; more are told to come back",
    )
    keys_remembered: int = _var(
        "OCPP_KEYS_REMEMBERED",
        "20000",
        values.integer(0, 1_000_000),
        "keys chosen by people that are checked quickly once they were right",
    )
    replacements: int = _var(
        "OCPP_REPLACEMENTS",
        "60",
        _MANY,
        "times in OCPP_REPLACEMENT_WINDOW a charge point may take over its own connection",
    )
    replacement_window: float = _var(
        "OCPP_REPLACEMENT_WINDOW", "3600", values.seconds(0.1, 86400), "see OCPP_REPLACEMENTS"
    )
    replacement_block: float = _var(
        "OCPP_REPLACEMENT_BLOCK",
        "3600",
        values.seconds(0.1, 31_536_000),
        "a charge point beyond OCPP_REPLACEMENTS is turned away for so long",
    )
