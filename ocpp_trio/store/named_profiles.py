"""Charging profiles with a name, and under which chargingProfileId they go to a connector."""

from __future__ import annotations

from collections.abc import Sequence

from ocpp_trio.store import queries, sequences
from ocpp_trio.store.database import Row, Tx

Q = queries.load("named_profiles")


def add(tx: Tx, name: str, note: str | None, purpose: str, profile: str, now: int) -> Row | None:
    """A new profile, its content as JSON text; None if the name is taken."""
    return tx.one(Q.insert, name=name, note=note, purpose=purpose, profile=profile, now=now)


def put(
    tx: Tx, number: int, name: str, note: str | None, purpose: str, profile: str, now: int
) -> tuple[bool, Row | None]:
    """Replace a profile: whether there is one, and its row; None if the name is another's."""
    if tx.one(Q.find, id=number) is None:
        return False, None
    row = tx.one(
        Q.update, id=number, name=name, note=note, purpose=purpose, profile=profile, now=now
    )
    return True, row


def delete(tx: Tx, number: int) -> bool:
    """Remove a profile; stations keep what they have. False if there is none."""
    return bool(tx.run(Q.delete, id=number))


def find(tx: Tx, number: int) -> Row | None:
    """One profile."""
    return tx.one(Q.find, id=number)


def page(
    tx: Tx, name: str | None, purpose: str | None, limit: int, offset: int
) -> tuple[Sequence[Row], int]:
    """A page of profiles, newest first, and how many there are in all."""
    total = tx.one(Q.count, name=name, purpose=purpose)
    assert total is not None
    rows = tx.all(Q.page, name=name, purpose=purpose, before=None, limit=limit, offset=offset)
    return rows, total["total"]


def behind(tx: Tx, name: str | None, purpose: str | None, number: int, limit: int) -> Sequence[Row]:
    """The profiles that follow one in the order of `page`."""
    return tx.all(Q.page, name=name, purpose=purpose, before=number, limit=limit, offset=0)


def assign(tx: Tx, charge_point_id: str, connector_id: int, number: int) -> int:
    """The chargingProfileId under which a profile goes to a connector, always the same."""
    place = {
        "charge_point_id": charge_point_id,
        "connector_id": connector_id,
        "named_profile_id": number,
    }
    row = tx.one(Q.find_assignment, **place)
    if row is not None:
        found: int = row["charging_profile_id"]
        return found
    fresh = free_id(tx, charge_point_id)
    tx.run(Q.assign, charging_profile_id=fresh, **place)
    return fresh


def free_id(tx: Tx, charge_point_id: str) -> int:
    """A chargingProfileId that no profile on the station has."""
    while True:
        number = sequences.take(tx, "charging profiles")
        if not tx.one(Q.in_use, charge_point_id=charge_point_id, charging_profile_id=number):
            return number


def assigned(
    tx: Tx, charge_point_id: str, connector_id: int, charging_profile_id: int
) -> int | None:
    """Which named profile went to a connector under this id, if any."""
    row = tx.one(
        Q.assigned,
        charge_point_id=charge_point_id,
        connector_id=connector_id,
        charging_profile_id=charging_profile_id,
    )
    return None if row is None else row["named_profile_id"]
