"""How a setting is declared, and what its text may be: parsers raise ValueError, in words for its
reader.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import field
from typing import Any
from zoneinfo import ZoneInfo


def variable(
    name: str,
    default: str,
    parse: Callable[[str], Any],
    about: str,
    *,
    secret: bool = False,
) -> Any:
    """A field of the settings: its variable, default as text, parser and purpose."""
    return field(
        repr=not secret,
        metadata={
            "name": name,
            "default": default,
            "parse": parse,
            "about": about,
            "secret": secret,
            "joined_by": ";" if parse is names else ",",
        },
    )


def text(raw: str) -> str:
    """Any text."""
    return raw


def required(raw: str) -> str:
    """Text that is not empty."""
    if not raw:
        raise ValueError("must not be empty")
    return raw


def boolean(raw: str) -> bool:
    """true or false, in the usual spellings."""
    word = raw.lower()
    if word in {"1", "true", "yes", "on"}:
        return True
    if word in {"0", "false", "no", "off", ""}:
        return False
    raise ValueError("must be true or false")


def port(raw: str) -> int:
    """A TCP port; 0 means any free one."""
    number = int(raw) if raw.isascii() and raw.isdigit() else -1
    if not 0 <= number <= 65535:
        raise ValueError("must be a port from 0 (any free one) to 65535")
    return number


def integer(low: int, high: int) -> Callable[[str], int]:
    """A whole number within bounds."""

    def parse(raw: str) -> int:
        try:
            number = int(raw)
        except ValueError:
            number = low - 1
        if not low <= number <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return number

    return parse


def seconds(low: float, high: float) -> Callable[[str], float]:
    """A duration within bounds."""

    def parse(raw: str) -> float:
        try:
            number = float(raw)
        except ValueError:
            number = low - 1
        if not low <= number <= high:
            raise ValueError(f"must be a number of seconds from {low:g} to {high:g}")
        return number

    return parse


def optional(parse: Callable[[str], Any]) -> Callable[[str], Any]:
    """What `parse` takes, or nothing."""
    return lambda raw: parse(raw) if raw else None


def one_of(*words: str) -> Callable[[str], str]:
    """One of a few words; case does not count."""

    def parse(raw: str) -> str:
        if raw.lower() not in words:
            raise ValueError(f"must be one of {', '.join(words)}")
        return raw.lower()

    return parse


def zone(raw: str) -> str:
    """The name of a time zone."""
    try:
        ZoneInfo(raw)
    except Exception as error:
        raise ValueError("must be a time zone such as Europe/Berlin") from error
    return raw


def words(raw: str) -> tuple[str, ...]:
    """Comma-separated words."""
    return tuple(word.strip() for word in raw.split(",") if word.strip())


def names(raw: str) -> tuple[str, ...]:
    """Names separated by semicolons: a comma is often part of one."""
    return tuple(name.strip() for name in raw.split(";") if name.strip())


def networks(raw: str) -> tuple[str, ...]:
    """Comma-separated IP addresses and networks."""
    found = words(raw)
    for word in found:
        try:
            ipaddress.ip_network(word, strict=False)
        except ValueError:
            raise ValueError(
                "must be IP addresses or networks such as 10.0.0.0/8, separated by commas"
            ) from None
    return found
