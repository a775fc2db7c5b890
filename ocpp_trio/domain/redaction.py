"""What is secret in what is logged, recorded and shown: each secret becomes MASK.

Told by its name (a field `password`, the configuration key AuthorizationKey) or by its shape (a
password in a URL, credentials after Bearer or Basic, a key for our API, a private key).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

MASK = "********"
MAX_KNOWN = 32
"""Characters of a name about which the answer is remembered."""
MAX_DEPTH = 30
"""What is nested deeper is masked whole: nothing of ours is."""

_NAMES = frozenset({"authorization", "proxyauthorization", "cookie", "setcookie", "psk"})
_PART = (
    "password|passwd|passphrase|secret|api[_-]?key|authorization_?key|private_?key|credential|token"
)
_SECRET_NAME = re.compile(_PART, re.IGNORECASE)
_NOT_LETTERS = re.compile(r"[^a-z]")

# Most texts have none of this, and are looked at once.
_SUSPECT = re.compile(rf"://|bearer|basic|ocpp_|private key|authorization|{_PART}", re.IGNORECASE)
_OF_URL = re.compile(r"(?<=://)[^\s/?#@\"'\\]+@")
# A password with characters that a URL should encode; a port is none.
_OF_LOOSE_URL = re.compile(r"(?<=://)[^\s/?#@:\"'\\]*:(?!\d{1,5}[/?#])[^\s\"'\\]*@")
_CREDENTIALS = re.compile(r"\b(bearer|basic)(\s+)(?!auth)[\w+/=.~-]{6,}", re.IGNORECASE)
_OUR_KEY = re.compile(r"(?<![\w-])ocpp_[\w-]{43}(?![\w-])")
_PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL
)
_NAMED = re.compile(
    rf"((?:{_PART})[\w.-]*[\\\"']*\s*[:=]\s*)(\"(?:[^\"\\]|\\.)*\"|[\\\"']*[^\s,;&}}\])\"'\\]+)",
    re.IGNORECASE,
)


def is_secret_name(name: str) -> bool:
    """Whether what goes by this name is secret; case and punctuation do not count."""
    # The names of log entries are few, and each is asked about many times a second.
    return _is_known_secret(name) if len(name) <= MAX_KNOWN else _is_secret(name)


def _is_secret(name: str) -> bool:
    return _SECRET_NAME.search(name) is not None or _NOT_LETTERS.sub("", name.lower()) in _NAMES


_is_known_secret = lru_cache(maxsize=1024)(_is_secret)


def redact(value: Any, depth: int = 0) -> Any:
    """A copy of a value without its secrets; what is no JSON becomes text."""
    if isinstance(value, str):
        return redact_text(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    if depth >= MAX_DEPTH:
        return MASK
    if isinstance(value, Mapping):
        return _redact_members(value, depth)
    if isinstance(value, list | tuple | set | frozenset):
        return [redact(each, depth + 1) for each in value]
    if isinstance(value, bytes):
        return redact_text(value.decode("utf-8", "backslashreplace"))
    return redact_text(repr(value))


def _redact_members(members: Mapping[Any, Any], depth: int) -> dict[Any, Any]:
    # A configuration key of OCPP has a value, or says that it is read-only: {"key":
    # "AuthorizationKey", "value": ...}. Any other key in words is a secret itself.
    key = members.get("key")
    is_pair = isinstance(key, str) and is_secret_name(key)
    is_alone = isinstance(key, str) and members.keys().isdisjoint({"value", "readonly"})
    return {
        name: MASK
        if _holds(child)
        and (
            is_secret_name(str(name))
            or (name == "value" and is_pair)
            or (name == "key" and is_alone)
        )
        else redact(child, depth + 1)
        for name, child in members.items()
    }


def _holds(value: Any) -> bool:
    """Whether there is anything to hide."""
    return not (value is None or value == "" or isinstance(value, bool))


def redact_text(text: str) -> str:
    """A text without the secrets that can be told by their shape."""
    if _SUSPECT.search(text) is None:
        return text
    text = _PRIVATE_KEY.sub(MASK, text)
    text = _OF_LOOSE_URL.sub(f"{MASK}@", text)
    text = _OF_URL.sub(f"{MASK}@", text)
    text = _CREDENTIALS.sub(rf"\1\2{MASK}", text)
    text = _OUR_KEY.sub(MASK, text)
    return _NAMED.sub(rf"\1{MASK}", text)


def redact_json(text: str) -> str:
    """JSON text without its secrets; what is no JSON, and names a secret, is masked whole."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return MASK if _SECRET_NAME.search(text) else redact_text(text)
    redacted = redact(value)
    return text if redacted == value else json.dumps(redacted, separators=(",", ":"))
