"""Configuration of charge points as it was last seen, and who changed what (OCPP 1.6 sections 5.3,
5.8).

The books follow what stations answer: GetConfiguration shows what is in force, ChangeConfiguration
what was taken. A key that needs a reboot keeps its new value as pending until the next boot.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ocpp_trio.domain.commands import Command
from ocpp_trio.domain.redaction import is_secret_name
from ocpp_trio.store import queries
from ocpp_trio.store.database import Row, Tx
from ocpp_trio.store.listing import Listing

Q = queries.load("configuration")

BY_CHARGE_POINT = "charge point"


def note_report(tx: Tx, command: Command, now: int) -> None:
    """What GetConfiguration answered. A value that differs from the last one known was changed at
    the station.
    """
    for reported in (command.response or {}).get("configurationKey", []):
        folded = reported["key"].casefold()
        if is_secret_name(folded):
            # Its value is never stored.
            continue
        value = reported.get("value")
        before = tx.one(Q.find, charge_point_id=command.charge_point_id, key_folded=folded)
        if before is not None and any(
            command.is_overtaken_by(before[name]) for name in ("changed_at", "reported_at")
        ):
            continue
        tx.run(
            Q.report,
            charge_point_id=command.charge_point_id,
            key_folded=folded,
            key=reported["key"],
            value=value,
            is_readonly=int(reported["readonly"]),
            now=now,
        )
        if before is not None and before["reported_at"] is not None and before["value"] != value:
            _remember(tx, command, reported["key"], before["value"], value, BY_CHARGE_POINT, now)


def note_change(tx: Tx, command: Command, now: int) -> None:
    """What became of a ChangeConfiguration: kept whatever the station said."""
    key, value = command.payload["key"], command.payload["value"]
    folded = key.casefold()
    if is_secret_name(folded) or command.response is None:
        return
    before = tx.one(Q.find, charge_point_id=command.charge_point_id, key_folded=folded)
    old = before["value"] if before else None
    needs_reboot = command.status == "RebootRequired"
    if (needs_reboot or command.status == "Accepted") and not is_overtaken(tx, command):
        tx.run(
            Q.change,
            charge_point_id=command.charge_point_id,
            key_folded=folded,
            key=before["key"] if before else key,
            value=old if needs_reboot else value,
            pending_value=value if needs_reboot else None,
            needs_reboot=int(needs_reboot),
            actor=command.actor,
            now=now,
        )
    _remember(tx, command, key, old, value, command.actor, now)


def is_overtaken(tx: Tx, command: Command) -> bool:
    """Whether the key of a ChangeConfiguration was changed again since it was sent."""
    folded = command.payload["key"].casefold()
    row = tx.one(Q.find, charge_point_id=command.charge_point_id, key_folded=folded)
    return row is not None and command.is_overtaken_by(row["changed_at"])


def _remember(
    tx: Tx,
    command: Command,
    key: str,
    old: str | None,
    new: str | None,
    actor: str,
    now: int,
) -> None:
    tx.run(
        Q.remember,
        charge_point_id=command.charge_point_id,
        key=key,
        old_value=old,
        new_value=new,
        actor=actor,
        status="Reported" if actor == BY_CHARGE_POINT else str(command.status),
        command_id=command.id,
        now=now,
    )


def booted(tx: Tx, charge_point_id: str) -> None:
    """After a boot, what waited for it is in force."""
    tx.run(Q.booted, charge_point_id=charge_point_id)


def of_charge_point(tx: Tx, charge_point_id: str) -> Sequence[Row]:
    """The last known configuration of a charge point, by key."""
    return tx.all(Q.of_charge_point, charge_point_id=charge_point_id)


def value(tx: Tx, charge_point_id: str, key: str) -> str | None:
    """The last known value of one key; case does not count."""
    row = tx.one(Q.find, charge_point_id=charge_point_id, key_folded=key.casefold())
    return None if row is None else row["value"]


class Filter(NamedTuple):
    """Which changes; `since` and `until` in ms. None does not count."""

    charge_point_id: str | None = None
    key: str | None = None
    since: int | None = None
    until: int | None = None


changes = Listing(Q.changes, Q.count_changes)
"""Changes of configuration; takes a Filter."""
