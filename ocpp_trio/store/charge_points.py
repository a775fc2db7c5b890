"""Charge points: who may connect, who is connected, what they said of themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ocpp_trio.domain.commands import Command
from ocpp_trio.store import configuration, node_messages, queries, station_keys
from ocpp_trio.store.database import Row, Tx
from ocpp_trio.store.station_keys import NOTHING, Proof

Q = queries.load("charge_points")

ACCEPTED = "Accepted"
PENDING = "Pending"
REJECTED = "Rejected"

MAX_INTERVAL = 86400

EDITABLE = ("name", "location", "note", "heartbeat_interval", "minimum_profile", "conformance")


class Admission(NamedTuple):
    """What a connection needs to know of its charge point."""

    connection: int
    registration: str
    booted: bool
    heartbeat_interval: int | None
    is_new: bool
    vendor: str | None = None
    model: str | None = None
    firmware_version: str | None = None
    conformance: str | None = None
    # Whether commands are kept for it, and whether another node had it.
    is_expected: bool = False
    has_replaced: bool = False


def admit(
    tx: Tx,
    charge_point_id: str,
    policy: str,
    max_pending: int,
    remote_address: str,
    subprotocol: str | None,
    now: int,
    proof: Proof = NOTHING,
    node_id: str | None = None,
) -> Admission | None:
    """Let a connection to a node take the charge point over; None if it may not. The node that had
    it is told.

    `proof` was checked. `policy` is for ids nobody registered: accept, pending or reject. At most
    `max_pending` wait.
    """
    is_new = False
    if tx.one(Q.find, id=charge_point_id) is None:
        if policy == "reject":
            return None
        registration = ACCEPTED if policy == "accept" else PENDING
        if registration == PENDING:
            waiting = tx.one(Q.count, registration=PENDING)
            if waiting is not None and waiting["total"] >= max_pending:
                return None
        register(tx, charge_point_id, registration, {}, now)
        is_new = True
    row = tx.one(
        Q.connect,
        id=charge_point_id,
        remote_address=remote_address,
        subprotocol=subprotocol,
        node_id=node_id,
        profile=proof.profile,
        has_key=int(proof.key is not None),
        now=now,
    )
    assert row is not None
    if proof.is_open:
        station_keys.used(tx, charge_point_id, proof.key, now)
    has_replaced = row["previous_node_id"] not in (None, node_id)
    if has_replaced:
        node_messages.tell(tx, row["previous_node_id"], charge_point_id)
    kept = tx.one(Q.kept, id=charge_point_id)
    return Admission(
        row["connection"],
        row["registration"],
        row["last_boot"] is not None,
        row["heartbeat_interval"],
        is_new,
        row["vendor"],
        row["model"],
        row["firmware_version"],
        row["conformance"],
        kept is not None,
        has_replaced,
    )


def disconnect(tx: Tx, charge_point_id: str, connection: int, reason: str, now: int) -> None:
    """Note the end of a connection, unless a newer one holds the charge point."""
    tx.run(Q.disconnect, id=charge_point_id, connection=connection, reason=reason, now=now)


def holds(tx: Tx, charge_point_id: str, connection: int) -> bool:
    """Whether a connection is the charge point's newest."""
    row = tx.one(Q.find, id=charge_point_id)
    return row is not None and row["connection"] == connection


def marked_connected(tx: Tx, node_id: str) -> Sequence[Row]:
    """The id and connection of each charge point that is said to be connected to a node."""
    return tx.all(Q.marked_connected, node_id=node_id)


def release(tx: Tx, node_id: str, reason: str, now: int) -> int:
    """A node is gone: nothing is connected to it. How many were left over."""
    return tx.run(Q.release, node_id=node_id, reason=reason, now=now)


def reclaim(tx: Tx, node_id: str, connections: Sequence[tuple[str, int]]) -> set[tuple[str, int]]:
    """A node was given up for lost and has these (id, connection) still: those that are its own,
    and were not taken over meanwhile.
    """
    for charge_point_id, connection in connections:
        tx.run(Q.reclaim, id=charge_point_id, connection=connection, node_id=node_id)
    return {(row["id"], row["connection"]) for row in marked_connected(tx, node_id)}


def lock(tx: Tx, charge_point_id: str) -> Row | None:
    """One charge point, which cannot connect elsewhere before this transaction is over."""
    return tx.one(Q.lock, id=charge_point_id)


def boot(tx: Tx, charge_point_id: str, payload: Mapping[str, Any], now: int) -> Row | None:
    """Store a BootNotification; the new row, None if the charge point was removed."""
    configuration.booted(tx, charge_point_id)
    get = payload.get
    return tx.one(
        Q.boot,
        id=charge_point_id,
        vendor=get("chargePointVendor"),
        model=get("chargePointModel"),
        serial_number=get("chargePointSerialNumber"),
        charge_box_serial_number=get("chargeBoxSerialNumber"),
        firmware_version=get("firmwareVersion"),
        iccid=get("iccid"),
        imsi=get("imsi"),
        meter_type=get("meterType"),
        meter_serial_number=get("meterSerialNumber"),
        now=now,
    )


def seen(tx: Tx, rows: Sequence[tuple[int, int | None, int | None, str]]) -> None:
    """Write (last_seen, last_heartbeat or None, clock_skew or None, id) of many charge points."""
    tx.many(Q.seen, rows)


def register(
    tx: Tx, charge_point_id: str, registration: str, fields: Mapping[str, Any], now: int
) -> bool:
    """Add a charge point; False if the id is taken."""
    return bool(
        tx.run(
            Q.insert,
            id=charge_point_id,
            name=fields.get("name"),
            location=fields.get("location"),
            note=fields.get("note"),
            registration=registration,
            heartbeat_interval=fields.get("heartbeat_interval"),
            minimum_profile=fields.get("minimum_profile") or 0,
            now=now,
        )
    )


def update(
    tx: Tx, charge_point_id: str, changes: Mapping[str, Any], now: int, here: str | None = None
) -> Row | None:
    """Change some of EDITABLE; the new row, None if there is no such charge point. Another node
    than `here` is told, if it is connected there.
    """
    row = tx.one(Q.find, id=charge_point_id)
    if row is None:
        return None
    values = {name: changes.get(name, row[name]) for name in EDITABLE}
    row = tx.one(Q.update, id=charge_point_id, now=now, **values)
    return _told(tx, row, here)


def set_registration(
    tx: Tx, charge_point_id: str, registration: str, now: int, here: str | None = None
) -> Row | None:
    """Accepted, Pending or Rejected; otherwise like `update`."""
    row = tx.one(Q.set_registration, id=charge_point_id, registration=registration, now=now)
    return _told(tx, row, here)


def _told(tx: Tx, row: Row | None, here: str | None) -> Row | None:
    if row is not None:
        node_messages.tell_owner(tx, row, here)
    return row


def note_heartbeat_interval(tx: Tx, command: Command, now: int) -> None:
    """A heartbeat interval that the station took: its next boot is told the same."""
    value = command.payload["value"]
    if (
        command.payload["key"].casefold() == "heartbeatinterval"
        and command.status in {"Accepted", "RebootRequired"}
        and value.isascii()
        and value.isdigit()
        and len(value) <= len(str(MAX_INTERVAL))
        and 1 <= int(value) <= MAX_INTERVAL
    ):
        tx.run(
            Q.set_heartbeat_interval,
            id=command.charge_point_id,
            heartbeat_interval=int(value),
            now=now,
        )


def delete(tx: Tx, charge_point_id: str, here: str | None = None) -> bool:
    """Take a charge point off the list; its history stays. False if there is none. Another node
    than `here` is told, if it is connected there.
    """
    station_keys.forget(tx, charge_point_id)
    return _told(tx, tx.one(Q.delete, id=charge_point_id), here) is not None


def find(tx: Tx, charge_point_id: str) -> Row | None:
    """One charge point."""
    return tx.one(Q.find, id=charge_point_id)


def page(tx: Tx, registration: str | None, limit: int, offset: int) -> tuple[Sequence[Row], int]:
    """A page of charge points by id, and how many there are in all."""
    rows = tx.all(Q.page, registration=registration, limit=limit, offset=offset)
    total = tx.one(Q.count, registration=registration)
    assert total is not None
    return rows, total["total"]


def behind(tx: Tx, registration: str | None, charge_point_id: str, limit: int) -> Sequence[Row]:
    """The charge points that follow one in the order of `page`."""
    return tx.all(Q.behind, registration=registration, id=charge_point_id, limit=limit)


def counts(tx: Tx) -> tuple[int, int]:
    """All charge points, and how many are connected."""
    row = tx.one(Q.count_connected)
    assert row is not None
    return row["total"], row["connected"]
