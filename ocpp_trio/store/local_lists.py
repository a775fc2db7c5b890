"""Local authorization lists: what each station has, and what it would have to be told (OCPP 1.6
sections 3.5.2, 5.10, 5.15).

The books follow what stations accept. Changes of tags cost nothing here: what differs is found out
when a list is to be sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ocpp_trio.domain import rules
from ocpp_trio.domain.commands import Command
from ocpp_trio.domain.times import parse_timestamp
from ocpp_trio.store import configuration, id_tags, queries
from ocpp_trio.store.database import Row, Tx

Q = queries.load("local_lists")

UNKNOWN = "unknown"
ACCEPTED = "accepted"
MISMATCH = "mismatch"
FAILED = "failed"
NOT_SUPPORTED = "not-supported"

NO_LIST = -1
"""The version of a station without support for lists (section 5.10)."""
NOT_SENT = frozenset({"expired", "cancelled"})
"""States of a command that never went out."""
MAX_LENGTH_KEY = "sendlocallistmaxlength"

Entry = dict[str, Any]
"""AuthorizationData of the wire: idTag, and idTagInfo unless it is to be removed (section 7.1)."""


class Plan(NamedTuple):
    """What the next update of a station can build on: the version it has, None where that is not
    known, and how many entries it takes at once, None where it never said.
    """

    version: int | None
    max_length: int | None


def note_sending(tx: Tx, command: Command, now: int) -> None:
    """A SendLocalList is recorded: its version is used up."""
    tx.run(
        Q.note_sending,
        charge_point_id=command.charge_point_id,
        version=command.payload["listVersion"],
        now=now,
    )


def sent(tx: Tx, command: Command, now: int) -> None:
    """A SendLocalList goes out: it is the newest one that the station knows of."""
    tx.run(Q.note_sent, charge_point_id=command.charge_point_id, command_id=command.id, now=now)


def note_answer(tx: Tx, command: Command, now: int) -> None:
    """The end of a SendLocalList: accepted, it is what the station has. After a refusal or no
    answer nobody knows, until the station says which version it has.
    """
    if command.state in NOT_SENT:
        return
    row = tx.one(Q.find, charge_point_id=command.charge_point_id)
    if command.state == "late" and row is not None and row["command_id"] != command.id:
        # What the station was sent since counts.
        return
    if command.status == "Accepted":
        _note_accepted(tx, command, row, now)
        return
    states = {"NotSupported": NOT_SUPPORTED, "VersionMismatch": MISMATCH, "Failed": FAILED}
    status = command.status if isinstance(command.status, str) else None
    state = states.get(status or "", UNKNOWN)
    tx.run(
        Q.note_refused,
        charge_point_id=command.charge_point_id,
        state=state,
        status=status,
        now=now,
    )


def _note_accepted(tx: Tx, command: Command, row: Row | None, now: int) -> None:
    payload, point = command.payload, command.charge_point_id
    is_full = payload["updateType"] == "Full"
    if is_full:
        tx.run(Q.delete_entries, charge_point_id=point)
    _store(tx, point, payload.get("localAuthorizationList", ()))
    # Changes to a list that was not known make no list that is.
    is_known = is_full or (
        row is not None and row["state"] == ACCEPTED and row["version"] is not None
    )
    tx.run(
        Q.note_accepted,
        charge_point_id=point,
        version=payload["listVersion"] if is_known else None,
        state=ACCEPTED if is_known else MISMATCH,
        now=now,
    )


def _store(tx: Tx, charge_point_id: str, entries: Sequence[Mapping[str, Any]]) -> None:
    # A list may name a tag twice: its last word counts.
    kept: dict[str, tuple[Any, ...]] = {}
    for entry in entries:
        key, info = rules.tag_key(entry["idTag"]), entry.get("idTagInfo")
        if info is None:
            tx.run(Q.delete_entry, charge_point_id=charge_point_id, tag_key=key)
            kept.pop(key, None)
        else:
            expiry = parse_timestamp(info.get("expiryDate"))
            parent = info.get("parentIdTag")
            kept[key] = (charge_point_id, key, entry["idTag"], info["status"], parent, expiry)
    if kept:
        tx.many(Q.put_entry, list(kept.values()))


def note_version(tx: Tx, command: Command, now: int) -> None:
    """What version a station says it has (section 5.10): -1 no support, 0 an empty list."""
    version = None if command.response is None else command.response.get("listVersion")
    if type(version) is not int:
        return
    point = command.charge_point_id
    row = tx.one(Q.find, charge_point_id=point)
    if row is not None and command.is_overtaken_by(row["synchronised_at"]):
        return
    if version == NO_LIST:
        state = NOT_SUPPORTED
    elif version == 0 or (row is not None and row["version"] == version):
        state = ACCEPTED
    else:
        state = MISMATCH
    if version <= 0:
        tx.run(Q.delete_entries, charge_point_id=point)
    tx.run(
        Q.note_version,
        charge_point_id=point,
        version=None if state == MISMATCH else version,
        last_version=max(version, 0),
        state=state,
        now=now,
    )


def plan(tx: Tx, charge_point_id: str) -> Plan:
    """What is known before an update."""
    row = tx.one(Q.find, charge_point_id=charge_point_id)
    is_known = row is not None and row["state"] == ACCEPTED
    return Plan(row["version"] if row and is_known else None, _max_length(tx, charge_point_id))


def take_version(tx: Tx, charge_point_id: str, now: int) -> int:
    """A version that was never sent to the station; they only go up."""
    row = tx.one(Q.take_version, charge_point_id=charge_point_id, now=now)
    assert row is not None
    version: int = row["last_version"]
    return version


def _max_length(tx: Tx, charge_point_id: str) -> int | None:
    """SendLocalListMaxLength (section 9.2.3) as the station last reported it, if it ever did."""
    digits = (configuration.value(tx, charge_point_id, MAX_LENGTH_KEY) or "").strip()
    if digits.isascii() and digits.isdigit() and len(digits) < 10:
        return int(digits) or None
    return None


def whole(tx: Tx, tags: Sequence[str] | None, now: int) -> list[Entry]:
    """Every tag as a list holds it, or of `tags` those that are known."""
    if tags is None:
        rows: Sequence[Row] = tx.all(Q.all_tags)
    else:
        found = (id_tags.find(tx, tag) for tag in tags)
        rows = [row for row in found if row is not None]
    return [_entry(row, now) for row in rows]


def changes(tx: Tx, charge_point_id: str, now: int) -> list[Entry]:
    """What a station's list lacks, holds otherwise, or should not hold."""
    changed = []
    for row in tx.all(Q.changed_tags, charge_point_id=charge_point_id):
        entry = _entry(row, now)
        if row["listed_status"] is not None:
            listed = rules.IdTagInfo(
                row["listed_status"], row["listed_parent"], row["listed_expiry"]
            )
            # A tag that has expired is stored as it was: the list may say so already.
            if listed.payload() == entry["idTagInfo"]:
                continue
        changed.append(entry)
    removed = tx.all(Q.removed_tags, charge_point_id=charge_point_id)
    return changed + [{"idTag": row["id_tag"]} for row in removed]


def changes_of(tx: Tx, tags: Sequence[str], now: int) -> list[Entry]:
    """Some tags for a differential update: without idTagInfo those that are gone."""
    found = [(tag, id_tags.find(tx, tag)) for tag in tags]
    return [{"idTag": tag} if row is None else _entry(row, now) for tag, row in found]


def connected(tx: Tx, before: int) -> list[str]:
    """Connected stations that have been so, and booted, since `before` (ms) or longer, but for
    those without support for lists.
    """
    return [row["id"] for row in tx.all(Q.connected, before=before)]


def is_current(tx: Tx, charge_point_id: str, now: int) -> bool:
    """Whether a station has, as far as is known, what it should have."""
    known = plan(tx, charge_point_id).version is not None
    return known and not changes(tx, charge_point_id, now)


def _entry(row: Row, now: int) -> Entry:
    return {"idTag": row["id_tag"], "idTagInfo": rules.check_tag(row, now).payload()}


def find(tx: Tx, charge_point_id: str, now: int) -> tuple[Row, Sequence[Row], int] | None:
    """What is known of a station's list, its entries, and how many changes it lacks."""
    row = tx.one(Q.find, charge_point_id=charge_point_id)
    if row is None:
        return None
    entries = tx.all(Q.entries, charge_point_id=charge_point_id)
    return row, entries, len(changes(tx, charge_point_id, now))


def page(
    tx: Tx, charge_point_id: str | None, state: str | None, limit: int, offset: int
) -> tuple[Sequence[Row], int]:
    """A page of lists by station, and how many there are in all."""
    which = {"charge_point_id": charge_point_id, "state": state}
    total = tx.one(Q.count, **which)
    assert total is not None
    return tx.all(Q.page, after=None, limit=limit, offset=offset, **which), total["total"]


def behind(
    tx: Tx, charge_point_id: str | None, state: str | None, after: str, limit: int
) -> Sequence[Row]:
    """The lists that follow one in the order of `page`."""
    return tx.all(
        Q.page,
        charge_point_id=charge_point_id,
        state=state,
        after=after,
        limit=limit,
        offset=0,
    )
