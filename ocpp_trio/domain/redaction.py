"""What must not be kept or shown of messages: the keys of charge points (Security Whitepaper,
A01.FR.09).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MASK = "********"
SECRET_KEYS = frozenset({"authorizationkey"})
"""Configuration keys, in lower case, whose values are secret."""


def request(action: str, payload: Mapping[str, Any]) -> Mapping[str, Any]:
    """A request as it may be kept."""
    if action == "ChangeConfiguration" and str(payload.get("key")).casefold() in SECRET_KEYS:
        return {**payload, "value": MASK}
    return payload


def response(payload: dict[str, Any]) -> dict[str, Any]:
    """An answer as it may be kept: some stations tell their keys in GetConfiguration.conf."""
    found = payload.get("configurationKey")
    if not found or not any(_is_secret(each) for each in found):
        return payload
    return {
        **payload,
        "configurationKey": [
            {**each, "value": MASK} if _is_secret(each) and each.get("value") else each
            for each in found
        ],
    }


def _is_secret(reported: Mapping[str, Any]) -> bool:
    return str(reported.get("key")).casefold() in SECRET_KEYS
