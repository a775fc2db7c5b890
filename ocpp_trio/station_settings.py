"""The settings of how charge points prove who they are. Part of ocpp_trio.settings."""

from __future__ import annotations

from dataclasses import dataclass

from ocpp_trio import values
from ocpp_trio.access_settings import AccessSettings
from ocpp_trio.values import variable as _var


@dataclass(frozen=True, slots=True, kw_only=True)
class StationSettings(AccessSettings):
    """Durations are seconds."""

    trusted_proxies: tuple[str, ...] = _var(
        "OCPP_TRUSTED_PROXIES",
        "",
        values.networks,
        "proxies whose X-Forwarded-For and -Proto are believed (comma-separated; empty: none)",
    )
