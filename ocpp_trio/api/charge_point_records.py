"""A charge point as the API shows it."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from ocpp_trio.api.answers import Resource, Timestamp
from ocpp_trio.api.context import Context
from ocpp_trio.api.problems import Problem
from ocpp_trio.domain.times import format_timestamp
from ocpp_trio.store.database import Row

TAG = "Charge points"

Skew = Annotated[float, Meta(description="seconds; positive: its clock is ahead of ours")]


class ChargePoint(Resource):
    """A charge point. `status` is that of the station itself, its connector 0."""

    id: str
    name: str | None
    location: str | None
    note: str | None
    registration: str
    model: str | None
    vendor: str | None
    serial_number: str | None
    charge_box_serial_number: str | None
    firmware_version: str | None
    iccid: str | None
    imsi: str | None
    meter_type: str | None
    meter_serial_number: str | None
    status: str | None
    is_connected: bool
    last_boot_notification: Timestamp | None
    last_heartbeat: Timestamp | None
    last_seen: Timestamp | None
    connected_at: Timestamp | None
    disconnected_at: Timestamp | None
    disconnect_reason: str | None
    remote_address: str | None
    subprotocol: str | None
    heartbeat_interval: Annotated[
        int, Meta(description="seconds; the one told at the next boot, its own or the server's")
    ]
    security_profile: int
    minimum_profile: int
    next_profile: (
        Annotated[int, Meta(description="it was told to use this one, and has not yet")] | None
    )
    has_key: bool
    key_set_at: Timestamp | None
    key_last_used_at: Timestamp | None
    blocked_until: Annotated[str, Meta(description="turned away until then")] | None
    clock_skew: Skew | None
    conformance: str | None
    review_overflow: int
    node_id: str | None
    created_at: Timestamp | None
    updated_at: Timestamp | None


def _is_connected(row: Row, context: Context) -> bool:
    """Of its own stations this node knows best, of others what they have stored."""
    if context.hub.connected(row["id"]):
        return True
    return bool(row["is_connected"]) and row["node_id"] != context.node.id


def values(row: Row, context: Context) -> dict[str, Any]:
    """The fields of a ChargePoint."""
    return {
        "id": row["id"],
        "name": row["name"],
        "location": row["location"],
        "note": row["note"],
        "registration": row["registration"],
        "model": row["model"],
        "vendor": row["vendor"],
        "serial_number": row["serial_number"],
        "charge_box_serial_number": row["charge_box_serial_number"],
        "firmware_version": row["firmware_version"],
        "iccid": row["iccid"],
        "imsi": row["imsi"],
        "meter_type": row["meter_type"],
        "meter_serial_number": row["meter_serial_number"],
        "status": row["status"],
        "disconnect_reason": row["disconnect_reason"],
        "remote_address": row["remote_address"],
        "subprotocol": row["subprotocol"],
        "security_profile": row["security_profile"],
        "minimum_profile": row["minimum_profile"],
        "next_profile": row["next_profile"],
        "conformance": row["conformance"],
        "review_overflow": row["review_overflow"],
        "node_id": row["node_id"],
        "is_connected": _is_connected(row, context),
        "last_boot_notification": format_timestamp(row["last_boot"]),
        "last_heartbeat": format_timestamp(row["last_heartbeat"]),
        "last_seen": format_timestamp(row["last_seen"]),
        "connected_at": format_timestamp(row["connected_at"]),
        "disconnected_at": format_timestamp(row["disconnected_at"]),
        "heartbeat_interval": row["heartbeat_interval"] or context.settings.heartbeat_interval,
        "has_key": row["key_digest"] is not None,
        "key_set_at": format_timestamp(row["key_set_at"]),
        "key_last_used_at": format_timestamp(row["key_used_at"]),
        "blocked_until": _later(row["blocked_until"], context.now()),
        "clock_skew": None if row["clock_skew"] is None else row["clock_skew"] / 1000,
        "created_at": format_timestamp(row["created_at"]),
        "updated_at": format_timestamp(row["updated_at"]),
    }


def _later(moment: int | None, now: int) -> str | None:
    return None if moment is None or moment <= now else format_timestamp(moment)


def show(row: Row, context: Context) -> ChargePoint:
    """A stored charge point as the API shows it."""
    return ChargePoint(**values(row, context))


def unknown(charge_point_id: str) -> Problem:
    """404 about a charge point."""
    return Problem("charge-point-unknown", f"no charge point {charge_point_id} is registered")
