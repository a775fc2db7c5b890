"""Charging profiles that stations have (OCPP 1.6 sections 3.13, 5.5, 5.16).

The books follow what stations accept. A profile that went with a remote start waits until that has
become a transaction.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from ocpp_trio.domain.charging_limits import Limit, Profile, effective_limit, read_profile
from ocpp_trio.domain.charging_limits import Transaction as Running
from ocpp_trio.domain.charging_profiles import TX
from ocpp_trio.domain.commands import Command
from ocpp_trio.store import named_profiles, queries, transactions
from ocpp_trio.store.database import Row, Tx

Q = queries.load("charging_profiles")

WAITING = "waiting"
INSTALLED = "installed"
REMOVED = "removed"

READ_PROFILES = 4096
"""Profiles kept as they were read: lists of transactions ask for the same ones again and again."""


class Filters(NamedTuple):
    """Which profiles; None leaves all."""

    charge_point_id: str | None = None
    connector_id: int | None = None
    purpose: str | None = None
    transaction_id: int | None = None
    named_profile_id: int | None = None
    state: str | None = None


def note_set(tx: Tx, command: Command, now: int) -> None:
    """A profile that a station accepted is installed there, and replaces what it replaces. The
    answer may be late: what counts is when it was sent.
    """
    if command.status != "Accepted":
        return
    profile, connector_id = command.payload["csChargingProfiles"], command.payload["connectorId"]
    sent_at = now if command.sent_at is None else command.sent_at
    transaction_id = profile.get("transactionId")
    if profile["chargingProfilePurpose"] == TX and transaction_id is None:
        row = transactions.find_running(tx, command.charge_point_id, connector_id, sent_at)
        transaction_id = None if row is None else row["id"]
    attach(tx, command.charge_point_id, now)
    number = _insert(tx, command, profile, connector_id, transaction_id, INSTALLED, now)
    if number is None:
        return
    if transaction_id is not None:
        ended = transactions.find_of(tx, command.charge_point_id, transaction_id)
        if ended is not None and ended["is_complete"]:
            end_transaction(tx, command.charge_point_id, transaction_id, connector_id, now)
    _replace(tx, command.charge_point_id, number, profile, connector_id, sent_at, now)


def note_remote_start(tx: Tx, command: Command, now: int) -> None:
    """The profile of an accepted remote start waits for the transaction (section 5.16.2)."""
    profile = command.payload.get("chargingProfile")
    if profile is not None and command.status == "Accepted":
        connector_id = command.payload.get("connectorId")
        _insert(tx, command, profile, connector_id, None, WAITING, now)
        attach(tx, command.charge_point_id, now)
        give_up(tx, command.charge_point_id, now)


def give_up(tx: Tx, charge_point_id: str, now: int) -> None:
    """Wait no longer with the profiles whose remote start has led to no transaction."""
    tx.run(Q.give_up, charge_point_id=charge_point_id, now=now)


def _insert(
    tx: Tx,
    command: Command,
    profile: Mapping[str, Any],
    connector_id: int | None,
    transaction_id: int | None,
    state: str,
    now: int,
) -> int | None:
    """The number of the new row; None if the command has one already."""
    number = profile["chargingProfileId"]
    row = tx.one(
        Q.insert,
        charge_point_id=command.charge_point_id,
        connector_id=connector_id,
        charging_profile_id=number,
        purpose=profile["chargingProfilePurpose"],
        stack_level=profile["stackLevel"],
        transaction_id=transaction_id,
        named_profile_id=named_profiles.assigned(
            tx, command.charge_point_id, connector_id or 0, number
        ),
        profile=json.dumps(profile, separators=(",", ":")),
        state=state,
        command_id=command.id,
        actor=command.actor,
        now=now,
    )
    return None if row is None else row["id"]


def _replace(
    tx: Tx,
    charge_point_id: str,
    number: int,
    profile: Mapping[str, Any],
    connector_id: int,
    sent_at: int,
    now: int,
) -> None:
    """Section 5.16.3: the same id, or the same stack level and purpose. On connector 0 a default
    leaves those of single connectors alone (section 3.13.1). What was installed after this one was
    sent has replaced it.
    """
    place = {
        "charge_point_id": charge_point_id,
        "id": number,
        "charging_profile_id": profile["chargingProfileId"],
        "connector_id": connector_id,
        "purpose": profile["chargingProfilePurpose"],
        "stack_level": profile["stackLevel"],
        "sent_at": sent_at,
        "now": now,
    }
    tx.run(Q.replace, **place)
    tx.run(Q.replaced, **place)


def note_clear(tx: Tx, command: Command, now: int) -> None:
    """What a station has cleared, or does not have: both are gone (section 5.5, errata 3.25)."""
    if command.status not in {"Accepted", "Unknown"}:
        return
    attach(tx, command.charge_point_id, now)
    criteria = command.payload
    tx.run(
        Q.clear,
        charge_point_id=command.charge_point_id,
        charging_profile_id=criteria.get("id"),
        connector_id=criteria.get("connectorId"),
        purpose=criteria.get("chargingProfilePurpose"),
        stack_level=criteria.get("stackLevel"),
        removal="cleared" if command.status == "Accepted" else "unknown to the charge point",
        sent_at=command.sent_at if command.state == "late" else None,
        now=now,
    )


def attach(tx: Tx, charge_point_id: str, now: int) -> None:
    """Install the profiles whose remote start has become a transaction."""
    for row in tx.all(Q.waiting, charge_point_id=charge_point_id):
        connector_id = row["started_on"]
        tx.run(
            Q.attach,
            id=row["id"],
            transaction_id=row["started"],
            connector_id=connector_id,
            now=now,
        )
        profile = json.loads(row["profile"])
        _replace(tx, charge_point_id, row["id"], profile, connector_id, now, now)


def end_transaction(
    tx: Tx, charge_point_id: str, transaction_id: int, connector_id: int, now: int
) -> None:
    """Profiles of a transaction cease with it (section 7.10)."""
    attach(tx, charge_point_id, now)
    tx.run(
        Q.end_transaction,
        charge_point_id=charge_point_id,
        transaction_id=transaction_id,
        connector_id=connector_id,
        now=now,
    )


@lru_cache(maxsize=READ_PROFILES)
def _read(text: str, connector_id: int, transaction_id: int | None, installed_at: int) -> Profile:
    return read_profile(json.loads(text), connector_id, transaction_id, installed_at)


def limits(tx: Tx, running: Iterable[Row], now: int) -> dict[int, Limit]:
    """The limits that hold for running transactions, by their ids."""
    found: dict[int, Limit] = {}
    profiles: dict[str, list[Profile]] = {}
    for row in running:
        charge_point_id = row["charge_point_id"]
        if charge_point_id not in profiles:
            profiles[charge_point_id] = [
                _read(
                    each["profile"],
                    each["connector_id"],
                    each["transaction_id"],
                    each["installed_at"],
                )
                for each in tx.all(Q.installed, charge_point_id=charge_point_id)
            ]
        if profiles[charge_point_id]:
            transaction = Running(row["id"], row["connector_id"], row["started_at"])
            limit = effective_limit(profiles[charge_point_id], transaction, now)
            if limit is not None:
                found[row["id"]] = limit
    return found


def page(tx: Tx, filters: Filters, limit: int, offset: int) -> tuple[Sequence[Row], int]:
    """A page of profiles on stations, newest first, and how many there are in all."""
    total = tx.one(Q.count, **filters._asdict())
    assert total is not None
    rows = tx.all(Q.page, before=None, limit=limit, offset=offset, **filters._asdict())
    return rows, total["total"]


def behind(tx: Tx, filters: Filters, number: int, limit: int) -> Sequence[Row]:
    """The profiles that follow one in the order of `page`."""
    return tx.all(Q.page, before=number, limit=limit, offset=0, **filters._asdict())
