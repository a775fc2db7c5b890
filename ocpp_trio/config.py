"""Reads the settings. Nobody else reads the environment.

All bad values are reported in one error, by name.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from dotenv import dotenv_values

from ocpp_trio.errors import ConfigError
from ocpp_trio.settings import LOOPBACK_HOSTS, Settings, in_order

__all__ = [
    "DATABASE_URL",
    "LOOPBACK_HOSTS",
    "Settings",
    "from_environment",
    "load",
    "of_database",
    "variables",
]

DATABASE_URL = "DATABASE_URL"
"""Stands for the DB_ variables of PostgreSQL, or of SQLite with a sqlite: URL; see `load`."""


def variables() -> dict[str, tuple[str, str]]:
    """Every variable: its default as text, and what it is for."""
    known = {
        each.metadata["name"]: (each.metadata["default"], each.metadata["about"])
        for each in in_order()
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
    found: dict[str, Any] = {}
    for each in fields(Settings):
        name = each.metadata["name"]
        raw = given.get(name, each.metadata["default"])
        try:
            found[each.name] = each.metadata["parse"](raw)
        except ValueError as error:
            shown = "********" if each.metadata["secret"] else repr(raw[:80])
            problems.append(f"{name} {error}, not {shown}")
    if problems:
        raise ConfigError(problems)
    return Settings(**found)


def of_database(url: str) -> Settings:
    """The settings of the database that a URL names; what the URL cannot say, such as its password,
    comes from the environment's DB_ variables. Raises ConfigError.
    """
    own = {
        name: value
        for name, value in os.environ.items()
        if name in {"DB_PASSWORD", "DB_SSL_MODE", "DB_SSL_ROOT_CERT"}
    }
    return load(own | {DATABASE_URL: url})


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
        # A socket directory does not fit between the slashes.
        host = options.pop("host", None) or _host(parts.netloc) or parts.hostname
        if options:
            raise ValueError("may have no other parameters than host and sslmode")
        named = {
            "DB_TYPE": "postgres",
            "DB_HOST": host,
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


def _host(netloc: str) -> str | None:
    """A socket directory in place of the host, its slashes as %2F; `hostname` has no capitals."""
    host = unquote(netloc.rpartition("@")[2].partition(":")[0])
    return host if host.startswith("/") else None


def from_environment(env_file: Path | None = None) -> Settings:
    """Settings from the process environment, over those of `.env` in the current directory."""
    path = env_file if env_file is not None else Path(".env")
    merged: dict[str, str] = {}
    if path.is_file():
        merged.update({name: value or "" for name, value in dotenv_values(path).items()})
    # An empty variable counts as unset, so it does not hide the file's value.
    merged.update({name: value for name, value in os.environ.items() if value.strip()})
    return load(merged)
