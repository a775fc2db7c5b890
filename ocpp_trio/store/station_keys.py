"""Keys of charge points: the one in force, and those that were sent and not confirmed yet.

A key that goes to a charge point by ChangeConfiguration is kept before it is sent, and no key dies
before it is known which one the charge point has: it is never locked out, whatever breaks between.
"""

from __future__ import annotations

from typing import NamedTuple

from ocpp_trio.domain.commands import Command
from ocpp_trio.domain.station_keys import KeyHash
from ocpp_trio.errors import CannotRotate
from ocpp_trio.store import queries
from ocpp_trio.store.database import Row, Tx

Q = queries.load("station_keys")

MAX_PENDING = 4

AUTHORIZATION_KEY = "AuthorizationKey"
SECURITY_PROFILE = "SecurityProfile"

NOT_KNOWN = ("NotImplemented:", "NotSupported:")
"""CALLERRORs of charge points that cannot change a configuration at all."""


class Known(NamedTuple):
    """What a charge point that wants to come in has to prove. `blocked_until` in ms."""

    minimum_profile: int
    key: KeyHash | None
    pending: tuple[KeyHash, ...]
    blocked_until: int | None


class Proof(NamedTuple):
    """How a charge point comes in: its security profile, and the key that it proved to have.

    `is_open`: keys were sent to it of which nobody knows whether it took them.
    """

    profile: int = 0
    key: KeyHash | None = None
    is_open: bool = False


NOTHING = Proof()
"""Of a charge point that comes without proof."""


def known(tx: Tx, charge_point_id: str) -> Known | None:
    """What a charge point has to prove; None if nobody knows it."""
    rows = tx.all(Q.known, id=charge_point_id)
    if not rows:
        return None
    row = rows[0]
    pending = tuple(
        KeyHash(each["pending_scheme"], each["pending_salt"], each["pending_digest"])
        for each in rows
        if each["pending_digest"] is not None
    )
    return Known(row["minimum_profile"], kept(row), pending, row["blocked_until"])


def kept(row: Row) -> KeyHash | None:
    """The hash of the key in a row of a charge point or of a key that was sent to one."""
    if row["key_digest"] is None:
        return None
    return KeyHash(row["key_scheme"], row["key_salt"], row["key_digest"])


def put(tx: Tx, charge_point_id: str, key: KeyHash, now: int) -> Row | None:
    """Put a key in force, alone; the charge point, None if there is none."""
    forget(tx, charge_point_id)
    return tx.one(Q.set_key, id=charge_point_id, **key._asdict(), now=now)


def remove(tx: Tx, charge_point_id: str, now: int) -> Row | None:
    """From now on no key counts; the charge point, None if there is none."""
    forget(tx, charge_point_id)
    return tx.one(Q.delete_key, id=charge_point_id, now=now)


def block(tx: Tx, charge_point_id: str, until: int, now: int) -> None:
    """Turn a charge point away until then (ms)."""
    tx.run(Q.block, id=charge_point_id, until=until, now=now)


def forget(tx: Tx, charge_point_id: str) -> None:
    """What was sent to a charge point no longer counts."""
    tx.run(Q.drop_all, charge_point_id=charge_point_id)


def propose(tx: Tx, command: Command, now: int, key: KeyHash) -> None:
    """Keep a key that a command takes to its charge point. Raises CannotRotate if too many are out.

    Beside the one in force: either may be the one that the charge point has.
    """
    point = command.charge_point_id
    if len(tx.all(Q.pending, charge_point_id=point)) >= MAX_PENDING:
        tx.run(Q.drop_outlived, charge_point_id=point)
        if len(tx.all(Q.pending, charge_point_id=point)) >= MAX_PENDING:
            raise CannotRotate(
                f"{MAX_PENDING} keys were sent to charge point {point} without a clear answer:"
                " which one it has shows when it connects again; reset it"
            )
    tx.run(Q.propose, command_id=command.id, charge_point_id=point, **key._asdict(), now=now)


def note_answer(tx: Tx, command: Command, now: int) -> None:
    """What became of a ChangeConfiguration, if it took a key or a security profile along."""
    key = command.payload["key"].casefold()
    if key == AUTHORIZATION_KEY.casefold():
        _note_key(tx, command, now)
    elif key == SECURITY_PROFILE.casefold() and _is_refused(command):
        value = command.payload["value"]
        if value.isascii() and value.isdigit() and len(value) == 1:
            tx.run(Q.clear_next_profile, id=command.charge_point_id, profile=int(value), now=now)


def _note_key(tx: Tx, command: Command, now: int) -> None:
    row = tx.one(Q.find_pending, command_id=command.id)
    if row is None:
        # Decided before, by a login or by a person.
        return
    if command.status == "Accepted":
        _take_over(tx, row, now)
    elif command.status == "RebootRequired":
        tx.run(Q.mark_needs_reboot, command_id=command.id)
    elif _is_refused(command):
        tx.run(Q.drop_pending, command_id=command.id)


def _is_refused(command: Command) -> bool:
    """Whether the charge point certainly goes on as before."""
    if command.response is not None:
        return command.status in {"Rejected", "NotSupported"}
    return command.sent_at is None or (command.error or "").startswith(NOT_KNOWN)


def used(tx: Tx, charge_point_id: str, key: KeyHash | None, now: int) -> None:
    """The charge point came with this key, None without, while others were out.

    A key that was sent takes over. Otherwise nothing is decided: a charge point may have taken a
    new one while it was connecting with the old.
    """
    for row in tx.all(Q.pending, charge_point_id=charge_point_id):
        if kept(row) == key:
            _take_over(tx, row, now)
            return
    tx.run(Q.mark_outlived, charge_point_id=charge_point_id)


def _take_over(tx: Tx, row: Row, now: int) -> None:
    key = kept(row)
    assert key is not None
    tx.one(Q.set_key, id=row["charge_point_id"], **key._asdict(), now=now)
    # Those sent after it may still arrive.
    tx.run(Q.drop_until, charge_point_id=row["charge_point_id"], command_id=row["command_id"])


def expect_profile(tx: Tx, command: Command, now: int, profile: int) -> None:
    """The charge point is told to use a security profile: once it does, that is its minimum."""
    tx.run(Q.set_next_profile, id=command.charge_point_id, profile=profile, now=now)
