"""The settings: every variable once, with its default and what it is for; frozen.

ocpp_trio.config reads them from the environment.
"""

from __future__ import annotations

from dataclasses import Field, dataclass, fields
from typing import Any

from ocpp_trio import values
from ocpp_trio.settings.access import AccessSettings
from ocpp_trio.settings.authority import AuthoritySettings
from ocpp_trio.settings.commands import CommandSettings
from ocpp_trio.settings.database import DatabaseSettings
from ocpp_trio.settings.limits import LimitSettings
from ocpp_trio.settings.nodes import NodeSettings
from ocpp_trio.settings.services import ServiceSettings
from ocpp_trio.settings.stations import StationSettings
from ocpp_trio.settings.tls import TlsSettings
from ocpp_trio.values import variable as _var

LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, kw_only=True)
class Settings(
    AuthoritySettings,
    DatabaseSettings,
    TlsSettings,
    ServiceSettings,
    CommandSettings,
    NodeSettings,
    LimitSettings,
    StationSettings,
    AccessSettings,
):
    """All settings in force. Durations are seconds, sizes bytes."""

    # The seed's variables.
    host: str = _var("OCPP_HOST", "localhost", values.required, "address both ports bind to")
    websocket_port: int = _var("OCPP_WEBSOCKET_PORT", "9000", values.port, "port for charge points")
    api_port: int = _var("OCPP_API_PORT", "9001", values.port, "port for the HTTP API")
    system_name: str = _var(
        "OCPP_SYSTEM_NAME", "ocpp-central", values.required, "name of this central system"
    )
    heartbeat_interval: int = _var(
        "OCPP_HEARTBEAT_INTERVAL",
        "60",
        values.integer(1, 86400),
        "seconds between heartbeats, told to a charge point at its boot",
    )
    # Who may come in.
    api_key: str = _var(
        "OCPP_API_KEY",
        "",
        values.text,
        "API key with the admin role; without one, a server that is not on loopback makes its own",
        secret=True,
    )
    api_auth: str = _var(
        "OCPP_API_AUTH", "on", values.one_of("on", "off"), "off opens the API to everybody"
    )
    allowed_hosts: tuple[str, ...] = _var(
        "OCPP_ALLOWED_HOSTS",
        "",
        values.words,
        "Host names the API answers to (comma-separated; empty: any)",
    )
    unknown_charge_points: str = _var(
        "OCPP_UNKNOWN_CHARGE_POINTS",
        "auto",
        values.one_of("auto", "accept", "pending", "reject"),
        "what becomes of a charge point nobody registered; auto accepts on loopback, else pending",
    )
    max_pending: int = _var(
        "OCPP_MAX_PENDING",
        "1000",
        values.integer(0, 1_000_000),
        "charge points that may wait for adoption; more are refused",
    )
    unknown_tags: str = _var(
        "OCPP_UNKNOWN_TAGS",
        "invalid",
        values.one_of("invalid", "accept"),
        "what becomes of a tag nobody registered; accept stores it",
    )
    unknown_tags_limit: int = _var(
        "OCPP_UNKNOWN_TAGS_LIMIT", "10000", values.integer(0, 10**6), "unknown tags remembered"
    )
    require_subprotocol: bool = _var(
        "OCPP_REQUIRE_SUBPROTOCOL",
        "true",
        values.boolean,
        "refuse charge points that offer no WebSocket subprotocol",
    )
    path_prefix: str = _var(
        "OCPP_PATH_PREFIX", "", values.text, "path before the charge point's id; empty: any"
    )
    conformance: str = _var(
        "OCPP_CONFORMANCE",
        "tolerant",
        values.one_of("tolerant", "strict"),
        "tolerant takes messages that break the schema in known harmless ways, strict refuses them",
    )
    # Records.
    review_limit: int = _var(
        "OCPP_REVIEW_LIMIT",
        "1000",
        values.integer(1, 10**6),
        "open review items of one charge point; what is more is answered and only counted",
    )
    review_limit_pending: int = _var(
        "OCPP_REVIEW_LIMIT_PENDING",
        "100",
        values.integer(0, 1_000_000),
        "the same for a charge point that is not accepted",
    )
    time_zone: str = _var("OCPP_TIME_ZONE", "UTC", values.zone, "time zone of days in reports")
    # Charge point connections.
    close_timeout: float = _var(
        "OCPP_CLOSE_TIMEOUT", "5", values.seconds(0.1, 60), "wait for the other side's close frame"
    )
    ping_interval: float = _var(
        "OCPP_PING_INTERVAL",
        "30",
        values.seconds(0.1, 3600),
        "silence before a ping, give or take 20 %",
    )
    ping_timeout: float = _var(
        "OCPP_PING_TIMEOUT",
        "10",
        values.seconds(0.1, 600),
        "a ping unanswered for so long is a miss",
    )
    boot_grace: float = _var(
        "OCPP_BOOT_GRACE",
        "10",
        values.seconds(0, 600),
        "wait for a boot or first message before a command is sent on a new connection",
    )
    pending_retry: int = _var(
        "OCPP_PENDING_RETRY",
        "60",
        values.integer(1, 86400),
        "seconds a charge point not accepted waits before it boots again, give or take 20 %",
    )
    # Commands and HTTP.
    command_timeout: float = _var(
        "OCPP_COMMAND_TIMEOUT", "30", values.seconds(0.1, 600), "wait for a charge point's answer"
    )
    command_queue: int = _var(
        "OCPP_COMMAND_QUEUE",
        "16",
        values.integer(1, 1000),
        "commands that may wait for one charge point",
    )
    # Process.
    presence_interval: float = _var(
        "OCPP_PRESENCE_INTERVAL",
        "1",
        values.seconds(0.01, 60),
        "between writes of who was last seen when",
    )
    log_interval: float = _var(
        "OCPP_LOG_INTERVAL",
        "0.5",
        values.seconds(0.01, 60),
        "between writes of log entries to the database",
    )
    shutdown_timeout: float = _var(
        "OCPP_SHUTDOWN_TIMEOUT", "8", values.seconds(0.5, 600), "time for an ordered stop"
    )
    log_level: str = _var(
        "OCPP_LOG_LEVEL",
        "info",
        values.one_of("debug", "info", "warning", "error"),
        "least level logged",
    )
    log_format: str = _var(
        "OCPP_LOG_FORMAT", "console", values.one_of("console", "json"), "shape of the log on stderr"
    )

    @property
    def on_loopback(self) -> bool:
        """Whether only this machine can reach the ports."""
        return self.host in LOOPBACK_HOSTS or self.host.startswith("127.")

    @property
    def api_tls(self) -> bool:
        """Whether the API speaks https."""
        return self.use_tls if self.api_use_tls is None else self.api_use_tls

    @property
    def unknown_policy(self) -> str:
        """accept, pending or reject: `unknown_charge_points` with `auto` resolved."""
        if self.unknown_charge_points != "auto":
            return self.unknown_charge_points
        return "accept" if self.on_loopback else "pending"

    def shown(self) -> dict[str, str]:
        """Each variable with the value in force, as text; secrets are masked."""
        lines = {}
        for each in in_order():
            value = getattr(self, each.name)
            if value is None:
                text = ""
            elif isinstance(value, bool):
                text = "true" if value else "false"
            elif isinstance(value, tuple):
                text = each.metadata["joined_by"].join(value)
            else:
                is_whole = isinstance(value, float) and value.is_integer()
                text = str(int(value)) if is_whole else str(value)
            lines[each.metadata["name"]] = "********" if each.metadata["secret"] and text else text
        return lines


def in_order() -> tuple[Field[Any], ...]:
    """All fields in the order in which they are shown: those of the database after our own, those
    of services and commands last.
    """
    own, database = Settings.__annotations__, DatabaseSettings.__annotations__
    return tuple(
        sorted(fields(Settings), key=lambda each: (each.name not in own, each.name not in database))
    )
