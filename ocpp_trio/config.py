"""Settings: every variable once, with its default and what it is for. Built once, then frozen.

Nobody else reads the environment. All bad values are reported in one error, by name.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit
from zoneinfo import ZoneInfo

from dotenv import dotenv_values

from ocpp_trio.errors import ConfigError

LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})


def _text(raw: str) -> str:
    return raw


def _required(raw: str) -> str:
    if not raw:
        raise ValueError("must not be empty")
    return raw


def _boolean(raw: str) -> bool:
    word = raw.lower()
    if word in {"1", "true", "yes", "on"}:
        return True
    if word in {"0", "false", "no", "off", ""}:
        return False
    raise ValueError("must be true or false")


def _port(raw: str) -> int:
    number = int(raw) if raw.isascii() and raw.isdigit() else -1
    if not 0 <= number <= 65535:
        raise ValueError("must be a port from 0 (any free one) to 65535")
    return number


def _integer(low: int, high: int) -> Callable[[str], int]:
    def parse(raw: str) -> int:
        try:
            number = int(raw)
        except ValueError:
            number = low - 1
        if not low <= number <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return number

    return parse


def _seconds(low: float, high: float) -> Callable[[str], float]:
    def parse(raw: str) -> float:
        try:
            number = float(raw)
        except ValueError:
            number = low - 1
        if not low <= number <= high:
            raise ValueError(f"must be a number of seconds from {low:g} to {high:g}")
        return number

    return parse


def _one_of(*words: str) -> Callable[[str], str]:
    def parse(raw: str) -> str:
        if raw.lower() not in words:
            raise ValueError(f"must be one of {', '.join(words)}")
        return raw.lower()

    return parse


def _zone(raw: str) -> str:
    try:
        ZoneInfo(raw)
    except Exception as error:
        raise ValueError("must be a time zone such as Europe/Berlin") from error
    return raw


def _words(raw: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in raw.split(",") if word.strip())


def _var(
    name: str,
    default: str,
    parse: Callable[[str], Any],
    about: str,
    *,
    secret: bool = False,
) -> Any:
    """A settings field: its variable, default as text, parser and purpose."""
    return field(
        metadata={
            "name": name,
            "default": default,
            "parse": parse,
            "about": about,
            "secret": secret,
        }
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings in force. Durations are seconds, sizes bytes."""

    # The seed's variables.
    host: str = _var("OCPP_HOST", "localhost", _required, "address both ports bind to")
    websocket_port: int = _var("OCPP_WEBSOCKET_PORT", "9000", _port, "port for charge points")
    api_port: int = _var("OCPP_API_PORT", "9001", _port, "port for the HTTP API")
    system_name: str = _var(
        "OCPP_SYSTEM_NAME", "ocpp-central", _required, "name of this central system"
    )
    heartbeat_interval: int = _var(
        "OCPP_HEARTBEAT_INTERVAL",
        "60",
        _integer(1, 86400),
        "seconds between heartbeats, told to a charge point at its boot",
    )
    use_tls: bool = _var("OCPP_USE_TLS", "false", _boolean, "serve wss and https")
    cert_file: str = _var("OCPP_CERT_FILE", "cert.pem", _required, "TLS certificate chain, PEM")
    key_file: str = _var("OCPP_KEY_FILE", "key.pem", _required, "TLS private key, PEM")
    db_type: str = _var("DB_TYPE", "sqlite", _one_of("sqlite", "postgres"), "kind of database")
    db_sqlite_path: str = _var(
        "DB_SQLITE_PATH", "ocpp_server.db", _required, "SQLite database file"
    )
    db_host: str = _var("DB_HOST", "localhost", _required, "PostgreSQL host or socket directory")
    db_port: int = _var("DB_PORT", "5432", _port, "PostgreSQL port")
    db_user: str = _var("DB_USER", "postgres", _required, "PostgreSQL user")
    db_password: str = _var("DB_PASSWORD", "postgres", _text, "PostgreSQL password", secret=True)
    db_name: str = _var("DB_NAME", "ocpp_server", _required, "PostgreSQL database")
    db_ssl_mode: str = _var(
        "DB_SSL_MODE",
        "disable",
        _one_of("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
        "PostgreSQL SSL mode",
    )
    # Who may come in.
    api_key: str = _var(
        "OCPP_API_KEY",
        "",
        _text,
        "API key with the admin role; without one, a server that is not on loopback makes its own",
        secret=True,
    )
    api_auth: str = _var(
        "OCPP_API_AUTH", "on", _one_of("on", "off"), "off opens the API to everybody"
    )
    allowed_hosts: tuple[str, ...] = _var(
        "OCPP_ALLOWED_HOSTS",
        "",
        _words,
        "Host names the API answers to (comma-separated; empty: any)",
    )
    unknown_charge_points: str = _var(
        "OCPP_UNKNOWN_CHARGE_POINTS",
        "auto",
        _one_of("auto", "accept", "pending", "reject"),
        "what becomes of a charge point nobody registered; auto accepts on loopback, else pending",
    )
    max_pending: int = _var(
        "OCPP_MAX_PENDING",
        "1000",
        _integer(0, 1_000_000),
        "charge points that may wait for adoption; more are refused",
    )
    unknown_tags: str = _var(
        "OCPP_UNKNOWN_TAGS",
        "invalid",
        _one_of("invalid", "accept"),
        "what becomes of a tag nobody registered; accept stores it",
    )
    require_subprotocol: bool = _var(
        "OCPP_REQUIRE_SUBPROTOCOL",
        "true",
        _boolean,
        "refuse charge points that offer no WebSocket subprotocol",
    )
    path_prefix: str = _var(
        "OCPP_PATH_PREFIX", "", _text, "path before the charge point's id; empty: any"
    )
    # Database and records.
    migrate: str = _var(
        "OCPP_MIGRATE",
        "auto",
        _one_of("auto", "check"),
        "auto brings the schema up to date at start; check only refuses an old one",
    )
    db_busy_timeout: float = _var(
        "OCPP_DB_BUSY_TIMEOUT", "5", _seconds(0, 60), "wait for another program's lock on SQLite"
    )
    db_readers: int = _var(
        "OCPP_DB_READERS", "4", _integer(1, 64), "reading connections, each with its thread"
    )
    db_batch: int = _var(
        "OCPP_DB_BATCH", "200", _integer(1, 10_000), "units of work in one commit, at most"
    )
    db_offline_after: float = _var(
        "OCPP_DB_OFFLINE_AFTER",
        "10",
        _seconds(0.1, 3600),
        "database failing for so long: charge points are sent offline, to queue on their side",
    )
    time_zone: str = _var("OCPP_TIME_ZONE", "UTC", _zone, "time zone of days in reports")
    # Charge point connections.
    handshake_timeout: float = _var(
        "OCPP_HANDSHAKE_TIMEOUT", "10", _seconds(0.1, 300), "WebSocket handshake, TLS included"
    )
    max_handshakes: int = _var(
        "OCPP_MAX_HANDSHAKES", "4096", _integer(1, 1_000_000), "handshakes under way at once"
    )
    max_message_size: int = _var(
        "OCPP_MAX_MESSAGE_SIZE",
        "1048576",
        _integer(1024, 64 * 1024 * 1024),
        "size of one message; a larger one closes the connection with 1009",
    )
    send_timeout: float = _var(
        "OCPP_SEND_TIMEOUT",
        "10",
        _seconds(0.1, 300),
        "a send that takes longer ends the connection",
    )
    close_timeout: float = _var(
        "OCPP_CLOSE_TIMEOUT", "5", _seconds(0.1, 60), "wait for the other side's close frame"
    )
    ping_interval: float = _var(
        "OCPP_PING_INTERVAL", "30", _seconds(0.1, 3600), "silence before a ping, give or take 20 %"
    )
    ping_timeout: float = _var(
        "OCPP_PING_TIMEOUT", "10", _seconds(0.1, 600), "a ping unanswered for so long is a miss"
    )
    boot_grace: float = _var(
        "OCPP_BOOT_GRACE",
        "10",
        _seconds(0, 600),
        "wait for a boot or first message before a command is sent on a new connection",
    )
    pending_retry: int = _var(
        "OCPP_PENDING_RETRY",
        "60",
        _integer(1, 86400),
        "seconds a charge point not accepted waits before it boots again, give or take 20 %",
    )
    # Commands and HTTP.
    command_timeout: float = _var(
        "OCPP_COMMAND_TIMEOUT", "30", _seconds(0.1, 600), "wait for a charge point's answer"
    )
    command_queue: int = _var(
        "OCPP_COMMAND_QUEUE", "16", _integer(1, 1000), "commands that may wait for one charge point"
    )
    max_body_size: int = _var(
        "OCPP_MAX_BODY_SIZE", "1048576", _integer(1024, 1024**3), "size of an HTTP request body"
    )
    body_timeout: float = _var(
        "OCPP_BODY_TIMEOUT",
        "10",
        _seconds(0.1, 600),
        "time for a whole HTTP request body to arrive",
    )
    header_timeout: float = _var(
        "OCPP_HEADER_TIMEOUT",
        "5",
        _seconds(0.1, 300),
        "an idle HTTP connection is closed after this",
    )
    # Process.
    presence_interval: float = _var(
        "OCPP_PRESENCE_INTERVAL",
        "1",
        _seconds(0.01, 60),
        "between writes of who was last seen when",
    )
    log_interval: float = _var(
        "OCPP_LOG_INTERVAL",
        "0.5",
        _seconds(0.01, 60),
        "between writes of log entries to the database",
    )
    shutdown_timeout: float = _var(
        "OCPP_SHUTDOWN_TIMEOUT", "8", _seconds(0.5, 600), "time for an ordered stop"
    )
    log_level: str = _var(
        "OCPP_LOG_LEVEL", "info", _one_of("debug", "info", "warning", "error"), "least level logged"
    )
    log_format: str = _var(
        "OCPP_LOG_FORMAT", "console", _one_of("console", "json"), "shape of the log on stderr"
    )

    @property
    def on_loopback(self) -> bool:
        """Whether only this machine can reach the ports."""
        return self.host in LOOPBACK_HOSTS or self.host.startswith("127.")

    @property
    def unknown_policy(self) -> str:
        """accept, pending or reject: `unknown_charge_points` with `auto` resolved."""
        if self.unknown_charge_points != "auto":
            return self.unknown_charge_points
        return "accept" if self.on_loopback else "pending"

    def shown(self) -> dict[str, str]:
        """Each variable with the value in force, as text; secrets are masked."""
        lines = {}
        for each in fields(self):
            value = getattr(self, each.name)
            if isinstance(value, bool):
                text = "true" if value else "false"
            elif isinstance(value, tuple):
                text = ",".join(value)
            else:
                text = f"{value:g}" if isinstance(value, float) else str(value)
            lines[each.metadata["name"]] = "********" if each.metadata["secret"] and text else text
        return lines


DATABASE_URL = "DATABASE_URL"
"""Stands for the DB_ variables of PostgreSQL, or of SQLite with a sqlite: URL; see `load`."""


def variables() -> dict[str, tuple[str, str]]:
    """Every variable: its default as text, and what it is for."""
    known = {
        each.metadata["name"]: (each.metadata["default"], each.metadata["about"])
        for each in fields(Settings)
    }
    known[DATABASE_URL] = ("", "the whole database in one variable; counts if DB_TYPE is not set")
    return known


def load(environment: Mapping[str, str]) -> Settings:
    """Settings from `environment`. An empty value counts as unset.

    Raises ConfigError that names every variable whose value cannot be used.
    """
    given = {name: value.strip() for name, value in environment.items() if value.strip()}
    problems = []
    if DATABASE_URL in given:
        try:
            _apply_database_url(given)
        except ValueError as error:
            problems.append(f"{DATABASE_URL} {error}")
    values: dict[str, Any] = {}
    for each in fields(Settings):
        name = each.metadata["name"]
        raw = given.get(name, each.metadata["default"])
        try:
            values[each.name] = each.metadata["parse"](raw)
        except ValueError as error:
            shown = "********" if each.metadata["secret"] else repr(raw[:80])
            problems.append(f"{name} {error}, not {shown}")
    if problems:
        raise ConfigError(problems)
    return Settings(**values)


def _apply_database_url(given: dict[str, str]) -> None:
    """Write what DATABASE_URL says into the DB_ variables of `given`."""
    try:
        parts = urlsplit(given[DATABASE_URL])
        port = parts.port
    except ValueError:
        # The library's own words quote the URL, and what it takes for the port may be the password.
        raise ValueError("cannot be read: write %2F for / in a password, and so on") from None
    if parts.scheme in {"postgres", "postgresql"}:
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
        ssl_mode = options.pop("sslmode", None)
        if options:
            raise ValueError("may have no other parameter than sslmode")
        named = {
            "DB_TYPE": "postgres",
            "DB_HOST": parts.hostname,
            "DB_PORT": str(port) if port else None,
            "DB_USER": unquote(parts.username) if parts.username else None,
            "DB_PASSWORD": unquote(parts.password) if parts.password else None,
            "DB_NAME": unquote(parts.path.lstrip("/")) or None,
            "DB_SSL_MODE": ssl_mode,
        }
    elif parts.scheme == "sqlite":
        named = {"DB_TYPE": "sqlite", "DB_SQLITE_PATH": parts.netloc + unquote(parts.path) or None}
    else:
        raise ValueError("must begin with postgresql:// or sqlite:")
    if "DB_TYPE" in given:
        given["DB_TYPE"] = given["DB_TYPE"].lower()
        clash = [name for name, value in named.items() if value and given.get(name, value) != value]
        if clash:
            raise ValueError(f"and {', '.join(clash)} disagree; set one of them only")
        return
    given.update({name: value for name, value in named.items() if value})


def from_environment(env_file: Path | None = None) -> Settings:
    """Settings from the process environment, over those of `.env` in the current directory."""
    path = env_file if env_file is not None else Path(".env")
    merged: dict[str, str] = {}
    if path.is_file():
        merged.update({name: value or "" for name, value in dotenv_values(path).items()})
    # An empty variable counts as unset, so it does not hide the file's value.
    merged.update({name: value for name, value in os.environ.items() if value.strip()})
    return load(merged)


def reachable_addresses() -> list[str]:
    """This machine's addresses that a charger on the network could use; [] if none is known."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # Nothing is sent: connecting a datagram socket only asks for the route.
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return []
        address: str = probe.getsockname()[0]
    return [] if address.startswith("127.") else [address]
