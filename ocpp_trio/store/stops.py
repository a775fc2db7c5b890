"""Ends of transactions: by their station or by hand. A stop that fits nothing becomes a review item
(OCPP 1.6 sections 3.7, 4.10 and its errata 3.18).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from ocpp_trio.domain import energy, rules
from ocpp_trio.domain.commands import Command
from ocpp_trio.domain.times import is_plausible, parse_timestamp
from ocpp_trio.store import (
    charging_profiles,
    id_tags,
    meter_values,
    queries,
    review,
    suggestions,
)
from ocpp_trio.store.database import Row, Tx

Q = queries.load("transactions")

BY_STATION = "station"
BY_HAND = energy.BY_HAND
MAX_CLOCK_SKEW_MS = 300_000
"""A stop may lie so far before its start or ahead of our clock: clocks drift."""

STOP_FLAGS = frozenset(
    {
        "absurd-energy",
        "attached-by-hand",
        "closed-by-hand",
        "implausible-stop-clock",
        "negative-energy",
        "stop-before-start",
        "stopped-by-other-tag",
    }
)
"""Flags of a transaction that speak of its end: they go with it when another takes its place."""


class Stopped(NamedTuple):
    """What became of a stop: stored, repeated, conflict or unmatched; its tag's status; whether it
    should have been kept for a person and was only counted.
    """

    outcome: str
    info: rules.IdTagInfo | None
    overflow: bool = False


def _end_of(payload: Mapping[str, Any], received_at: int) -> tuple[dict[str, Any], bool]:
    """What a StopTransaction says about the end, as it is stored; whether its clock is believed."""
    moment = parse_timestamp(payload["timestamp"])
    plausible = is_plausible(moment, received_at)
    values = {
        "meter_stop": payload["meterStop"],
        "stopped_at": moment if plausible else received_at,
        "stop_text": payload["timestamp"],
        "stop_reason": payload.get("reason", "Local"),
        "stop_id_tag": payload.get("idTag"),
    }
    return values, plausible


def stop(
    tx: Tx,
    charge_point_id: str,
    payload: Mapping[str, Any],
    text: str,
    now: int,
    review_limit: int = review.LIMIT,
) -> Stopped:
    """Store a StopTransaction (section 4.10). Never refused: the first one wins, what does not fit
    becomes a review item. `text` is the payload as JSON, `review_limit` how many may be open.
    """
    id_tag = payload.get("idTag")
    info = None if id_tag is None else rules.check_tag(id_tags.find(tx, id_tag), now)
    row = tx.one(Q.find_of, id=payload["transactionId"], charge_point_id=charge_point_id)
    suggestion: review.Suggestion
    if row is None:
        outcome, kind, reason = "unmatched", review.UNMATCHED, _why_unmatched(tx, payload)
        suggestion = partial(suggestions.suggest, charge_point_id=charge_point_id, payload=payload)
    elif not row["is_complete"]:
        outcome, kind, suggestion = "stored", review.ABSURD, row["id"]
        reason = ", ".join(store_stop(tx, row, payload, text, now)).replace("-", " ")
    elif same_stop(tx, row, payload, text, now):
        return Stopped("repeated", info)
    else:
        outcome, kind, suggestion = "conflict", review.CONFLICT, row["id"]
        reason = "stopped before with other values"
        if _same_end(row, payload):
            reason = "stopped before with other transactionData"
        if row["stopped_by"] == BY_HAND:
            reason = "closed by hand before"
            _keep_late_stop(tx, row, payload, text, now)
    kept = not reason or review.keep(
        tx,
        kind,
        charge_point_id,
        "StopTransaction",
        reason,
        text,
        now,
        suggestion,
        review_limit,
    )
    return Stopped(outcome, info, not kept)


def store_stop(
    tx: Tx,
    row: Row,
    payload: Mapping[str, Any],
    text: str,
    received_at: int,
    more_flags: Sequence[str] = (),
) -> list[str]:
    """Make a StopTransaction the end of a transaction, in place of another one if it has one.

    Returns what is absurd about it, as words for the transaction's flags.
    """
    end, plausible = _end_of(payload, received_at)
    before = [flag for flag in row["flags"].split() if flag not in STOP_FLAGS]
    absurd = [*energy.flags(end["meter_stop"] - row["meter_start"])]
    if not plausible:
        absurd.append("implausible-stop-clock")
    if end["stopped_at"] < row["started_at"] - MAX_CLOCK_SKEW_MS:
        absurd.append("stop-before-start")
    other = [] if _is_regular(tx, row, end["stop_id_tag"]) else ["stopped-by-other-tag"]
    flags = " ".join([*before, *absurd, *other, *more_flags])
    _complete(tx, row, **end, stopped_by=BY_STATION, flags=flags, now=received_at)
    _store_transaction_data(tx, row, payload, text, received_at)
    return absurd


def _is_regular(tx: Tx, row: Row, stop_id_tag: str | None) -> bool:
    """Whether the tag that stopped a transaction belongs to the one that started it."""
    if stop_id_tag is None or rules.tag_key(stop_id_tag) == row["tag_key"]:
        return True
    return rules.have_same_parent(row, id_tags.find(tx, stop_id_tag))


def _transaction_data(
    row: Row, payload: Mapping[str, Any], text: str, received_at: int
) -> meter_values.Message | None:
    """The meter values of a stop, as a message of them."""
    data = payload.get("transactionData")
    if not data:
        return None
    return meter_values.message(
        row["charge_point_id"],
        row["connector_id"],
        row["id"],
        data,
        text,
        received_at,
        meter_values.TRANSACTION_DATA,
        transaction_is_known=True,
    )


def _store_transaction_data(
    tx: Tx, row: Row, payload: Mapping[str, Any], text: str, received_at: int
) -> None:
    """Store the meter values of a stop like any others, once."""
    data = _transaction_data(row, payload, text, received_at)
    if data is not None:
        meter_values.record(tx, data)


def _keep_late_stop(
    tx: Tx, row: Row, payload: Mapping[str, Any], text: str, received_at: int
) -> None:
    """Keep the first stop that comes after closing by hand beside what was decided."""
    values, _ = _end_of(payload, received_at)
    if tx.run(Q.keep_late_stop, id=row["id"], now=received_at, **values):
        _store_transaction_data(tx, row, payload, text, received_at)


def _complete(tx: Tx, row: Row, **values: Any) -> None:
    replay_key = row["replay_key"]
    if "implausible-clock" in row["flags"].split() and not row["is_complete"]:
        # A station without a clock starts every session at the same moment: once this one is over,
        # an equal start is a new one.
        replay_key = f"{replay_key}|{row['id']}"
    tx.run(
        Q.complete,
        id=row["id"],
        was_complete=row["is_complete"],
        replay_key=replay_key,
        **values,
    )
    charging_profiles.end_transaction(
        tx, row["charge_point_id"], row["id"], row["connector_id"], values["now"]
    )


def same_stop(tx: Tx, row: Row, payload: Mapping[str, Any], text: str, received_at: int) -> bool:
    """Whether a StopTransaction is the one that ended this transaction, and adds nothing to it. A
    repeat may leave transactionData out, as stations do whose first message seemed too large.
    """
    if not _same_end(row, payload):
        return False
    data = _transaction_data(row, payload, text, received_at)
    return data is None or meter_values.holds(tx, data)


def _same_end(row: Row, payload: Mapping[str, Any]) -> bool:
    return bool(
        row["stopped_by"] == BY_STATION
        and row["meter_stop"] == payload["meterStop"]
        and row["stop_text"] == payload["timestamp"]
        and row["stop_reason"] == payload.get("reason", "Local")
        and row["stop_id_tag"] == payload.get("idTag")
    )


def _why_unmatched(tx: Tx, payload: Mapping[str, Any]) -> str:
    other = tx.one(Q.find, id=payload["transactionId"])
    return "the transaction belongs to another charge point" if other else "unknown transaction"


def close_by_hand(
    tx: Tx, transaction_id: int, energy_wh: int | None, reason: str, now: int
) -> tuple[Row, bool] | None:
    """End a transaction without its station; None if there is none, else its row and whether it was
    still running. `energy_wh` since the start; without it the last register reading counts.

    Raises OverflowError if the meter then would not fit the books.
    """
    row = tx.one(Q.find, id=transaction_id)
    if row is None:
        return None
    if row["is_complete"]:
        return row, False
    if energy_wh is None:
        energy_wh = energy.of_transaction(row)
    if not -(2**63) <= row["meter_start"] + energy_wh < 2**63:
        raise OverflowError("the meter at the stop would not fit 64 bits")
    flags = [*row["flags"].split(), *energy.flags(energy_wh), "closed-by-hand"]
    _complete(
        tx,
        row,
        meter_stop=row["meter_start"] + energy_wh,
        stopped_at=now,
        stop_text=None,
        stop_reason=reason,
        stop_id_tag=None,
        stopped_by=BY_HAND,
        flags=" ".join(dict.fromkeys(flags)),
        now=now,
    )
    closed = tx.one(Q.find, id=transaction_id)
    assert closed is not None
    return closed, True


def note_remote_stop_reason(tx: Tx, command: Command, now: int) -> None:
    """Why an operator asked for the end of a transaction, if the station accepted."""
    if command.reason and command.status == "Accepted":
        tx.run(
            Q.set_remote_stop_reason,
            id=command.payload["transactionId"],
            charge_point_id=command.charge_point_id,
            reason=command.reason,
        )
