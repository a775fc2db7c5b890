"""Reservations: what was asked of stations, and what became of it (OCPP 1.6 sections 5.1, 5.13).

A row per ReserveNow. The number on the wire is its station's: a later request with the same one
replaces the reservation if the station accepts it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ocpp_trio.domain import rules
from ocpp_trio.domain.commands import Command
from ocpp_trio.domain.times import parse_timestamp
from ocpp_trio.store import queries, sequences
from ocpp_trio.store.database import Row, Tx

Q = queries.load("reservations")

REQUESTED = "requested"
ACCEPTED = "accepted"
USED = "used"
CANCELLED = "cancelled"
EXPIRED = "expired"
REFUSED = "refused"

ENDING = frozenset({"Faulted", "Unavailable"})
"""States of a connector that end the reservations on it (section 5.13)."""
BY_CHARGE_POINT = "charge point"


class Filters(NamedTuple):
    """Which reservations; None leaves all. `since` and `until` in ms, of their creation."""

    charge_point_id: str | None = None
    connector_id: int | None = None
    id_tag: str | None = None
    state: str | None = None
    since: int | None = None
    until: int | None = None

    def parameters(self) -> dict[str, object]:
        """As the statements take them."""
        values = self._asdict()
        tag = values.pop("id_tag")
        return values | {"tag_key": None if tag is None else rules.tag_key(tag)}


def next_id(tx: Tx, charge_point_id: str) -> int:
    """A number that no reservation of the charge point ever had."""
    while True:
        number = sequences.take(tx, "reservations")
        if not tx.one(Q.taken, charge_point_id=charge_point_id, reservation_id=number):
            return number


def request(tx: Tx, command: Command, now: int) -> None:
    """A ReserveNow is recorded: nobody knows yet what the station says."""
    payload = command.payload
    row = tx.one(
        Q.insert,
        charge_point_id=command.charge_point_id,
        connector_id=payload["connectorId"],
        reservation_id=payload["reservationId"],
        id_tag=payload["idTag"],
        tag_key=rules.tag_key(payload["idTag"]),
        parent_id_tag=payload.get("parentIdTag"),
        expires_at=parse_timestamp(payload["expiryDate"]),
        command_id=command.id,
        actor=command.actor,
        now=now,
    )
    assert row is not None
    tx.run(
        Q.remember, reservation=row["id"], state=REQUESTED, actor=command.actor, note=None, now=now
    )


def answer(tx: Tx, command: Command, now: int) -> None:
    """The end of a ReserveNow. Without an answer it may hold all the same: it stays requested."""
    row = tx.one(Q.find_command, command_id=command.id)
    if row is None or row["state"] != REQUESTED:
        return
    if command.sent_at is None:
        _change(tx, row, CANCELLED, now, command.actor, "it was never sent")
    elif command.status == "Accepted":
        _replace(tx, row, command.sent_at, now)
        _change(tx, row, ACCEPTED, now, BY_CHARGE_POINT, status="Accepted")
    elif command.response is not None:
        _change(tx, row, REFUSED, now, BY_CHARGE_POINT, status=str(command.status))
    elif command.state in {"error", "late"}:
        _change(tx, row, REFUSED, now, BY_CHARGE_POINT, "it answered with an error")


def _replace(tx: Tx, row: Row, sent_at: int, now: int) -> None:
    """Section 5.13: an accepted reservation takes the place of one with the same number, if that
    was sent before it.
    """
    for other in tx.all(
        Q.active, charge_point_id=row["charge_point_id"], reservation_id=row["reservation_id"]
    ):
        before = (other["sent_at"] or 0, other["id"])
        if other["id"] != row["id"] and before < (sent_at, row["id"]):
            _change(tx, other, CANCELLED, now, row["actor"], f"replaced by {row['id']}")


def cancel(tx: Tx, command: Command, now: int) -> None:
    """The end of a CancelReservation. Rejected means that the station has none (section 7.5)."""
    if command.status not in {"Accepted", "Rejected"}:
        return
    note = None if command.status == "Accepted" else "the charge point has no such reservation"
    for row in tx.all(
        Q.active,
        charge_point_id=command.charge_point_id,
        reservation_id=command.payload["reservationId"],
    ):
        if not command.is_overtaken_by(row["sent_at"]):
            _change(tx, row, CANCELLED, now, command.actor, note)


def use(tx: Tx, charge_point_id: str, reservation_id: int, transaction_id: int, now: int) -> None:
    """A transaction began on a reservation of its own station, which ends it (section 5.13). Also
    one that seemed to be over: the station may have been offline.
    """
    row = tx.one(Q.usable, charge_point_id=charge_point_id, reservation_id=reservation_id)
    if row is not None and row["state"] != USED:
        _change(tx, row, USED, now, BY_CHARGE_POINT, transaction_id=transaction_id)


def terminate(tx: Tx, charge_point_id: str, connector_id: int, status: str, now: int) -> None:
    """A connector, or with 0 the whole station, can no longer be used: its reservations are over
    (section 5.13).
    """
    for row in tx.all(Q.standing, charge_point_id=charge_point_id, connector_id=connector_id):
        _change(tx, row, CANCELLED, now, BY_CHARGE_POINT, f"connector {connector_id} is {status}")


def expire(tx: Tx, limit: int, now: int) -> int:
    """End at most so many reservations whose time is over; how many they were."""
    rows = tx.all(Q.due, limit=limit, now=now)
    for row in rows:
        _change(tx, row, EXPIRED, now)
    return len(rows)


def _change(
    tx: Tx,
    row: Row,
    state: str,
    now: int,
    actor: str | None = None,
    note: str | None = None,
    *,
    status: str | None = None,
    transaction_id: int | None = None,
) -> None:
    tx.run(
        Q.set_state,
        id=row["id"],
        state=state,
        status=status,
        transaction_id=transaction_id,
        now=now,
    )
    tx.run(Q.remember, reservation=row["id"], state=state, actor=actor, note=note, now=now)


def find(tx: Tx, number: int) -> tuple[Row, Sequence[Row]] | None:
    """One reservation by the number of its row, with its history."""
    row = tx.one(Q.find, id=number)
    return None if row is None else (row, tx.all(Q.history, reservation=number))


def of_command(tx: Tx, command_id: int) -> int | None:
    """The number of the reservation that a command asked for."""
    row = tx.one(Q.find_command, command_id=command_id)
    return None if row is None else row["id"]


def page(tx: Tx, filters: Filters, limit: int, offset: int) -> tuple[Sequence[Row], int]:
    """A page of reservations, newest first, and how many there are in all."""
    parameters = filters.parameters()
    total = tx.one(Q.count, **parameters)
    assert total is not None
    rows = tx.all(Q.page, before=None, limit=limit, offset=offset, **parameters)
    return rows, total["total"]


def behind(tx: Tx, filters: Filters, number: int, limit: int) -> Sequence[Row]:
    """The reservations that follow one in the order of `page`."""
    return tx.all(Q.page, before=number, limit=limit, offset=0, **filters.parameters())
