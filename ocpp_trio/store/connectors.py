"""Connectors: their newest status, and every status before it (OCPP 1.6 section 4.9)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ocpp_trio.domain.times import is_plausible, parse_timestamp
from ocpp_trio.store import charge_points, queries, reservations
from ocpp_trio.store.database import Row, Tx
from ocpp_trio.store.listing import Listing

Q = queries.load("connectors")


def record_status(tx: Tx, charge_point_id: str, payload: Mapping[str, Any], now: int) -> None:
    """Store a StatusNotification. Without a believable timestamp it is as new as its arrival."""
    moment = parse_timestamp(payload.get("timestamp"))
    status = {
        "charge_point_id": charge_point_id,
        "connector_id": payload["connectorId"],
        "status": payload["status"],
        "error_code": payload["errorCode"],
        "info": payload.get("info"),
        "vendor_id": payload.get("vendorId"),
        "vendor_error_code": payload.get("vendorErrorCode"),
        # Never in the future: a clock that is ahead would hide every status until we catch up.
        "status_timestamp": min(moment, now) if moment and is_plausible(moment, now) else now,
        "now": now,
    }
    is_newest = tx.run(Q.put, **status)
    tx.run(Q.remember, **status)
    if is_newest and payload["connectorId"] == 0:
        tx.run(charge_points.Q.set_status, id=charge_point_id, status=payload["status"], now=now)
    if is_newest and payload["status"] in reservations.ENDING:
        reservations.terminate(tx, charge_point_id, payload["connectorId"], payload["status"], now)


def of_charge_point(tx: Tx, charge_point_id: str) -> Sequence[Row]:
    """The connectors of one charge point, by number."""
    return tx.all(Q.of_charge_point, charge_point_id=charge_point_id)


def silent(tx: Tx, before: int) -> Sequence[Row]:
    """Connectors (not the stations themselves) without news since `before` (ms), longest first."""
    return tx.all(Q.silent, before=before)


class HistoryFilter(NamedTuple):
    """Which statuses; `since` and `until` (ms) are about when they came. None does not count."""

    charge_point_id: str | None = None
    connector_id: int | None = None
    status: str | None = None
    since: int | None = None
    until: int | None = None


history = Listing(Q.history, Q.count_history)
"""Every status as it came; takes a HistoryFilter."""
