"""Security events of charge points (Security Whitepaper, SecurityEventNotification)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ocpp_trio.domain.security_events import CRITICAL
from ocpp_trio.domain.times import format_timestamp, is_plausible, parse_timestamp
from ocpp_trio.store import queries
from ocpp_trio.store.database import Tx
from ocpp_trio.store.listing import Listing

Q = queries.load("security_events")


def record(tx: Tx, charge_point_id: str, payload: Mapping[str, Any], now: int) -> bool:
    """Keep an event; False if it was kept before: stations send it until it is answered."""
    moment = parse_timestamp(payload["timestamp"])
    changed = tx.run(
        Q.insert,
        charge_point_id=charge_point_id,
        type=payload["type"],
        is_critical=int(payload["type"] in CRITICAL),
        timestamp=moment if is_plausible(moment, now) else now,
        timestamp_text=payload["timestamp"],
        tech_info=payload.get("techInfo", ""),
        now=now,
    )
    return bool(changed)


def note(tx: Tx, charge_point_id: str, kind: str, info: str, now: int) -> None:
    """Keep an event of our own about a charge point."""
    text = format_timestamp(now)
    record(tx, charge_point_id, {"type": kind, "timestamp": text, "techInfo": info}, now)


class Filter(NamedTuple):
    """Which events; `is_critical` is 0 or 1, `since` and `until` in ms. None does not count."""

    charge_point_id: str | None = None
    type: str | None = None
    is_critical: int | None = None
    since: int | None = None
    until: int | None = None


listing = Listing(Q.page, Q.count)
"""Security events; takes a Filter."""
