"""Which charge point a WebSocket path names (OCPP-J 1.6 section 3.1.1)."""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

_ALLOWED = re.compile(rb"[A-Za-z0-9 *+=:|@._-]{1,48}")


def is_charge_point_id(text: str) -> bool:
    """Whether `text` can be the id of a charge point: 1 to 48 plain characters, not all dots."""
    raw = text.encode("utf-8", "surrogatepass")
    return _ALLOWED.fullmatch(raw) is not None and not set(text) <= {"."}


def charge_point_id(target: str, prefix: str = "") -> str | None:
    """The last segment of the request target, decoded; None if it cannot be an id.

    `prefix` is the path that must come before it; empty: any. The query is ignored. Decoded as
    bytes: two broken encodings must never become the same replacement character.
    """
    path = target.split("?", 1)[0].split("#", 1)[0].rstrip("/")
    before, _, last = path.rpartition("/")
    if prefix and before.strip("/") != prefix.strip("/"):
        return None
    raw = unquote_to_bytes(last)
    if _ALLOWED.fullmatch(raw) is None:
        return None
    text = raw.decode("ascii")
    return text if is_charge_point_id(text) else None
