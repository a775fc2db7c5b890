"""Ends of transactions: by their station or by hand. A stop that fits nothing becomes a review item
(OCPP 1.6 sections 3.7, 4.10 and its errata 3.18).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ocpp_trio.domain import energy, rules
from ocpp_trio.domain.commands import Command
from ocpp_trio.domain.times import is_plausible, parse_timestamp
from ocpp_trio.store import id_tags, meter_values, queries, review
from ocpp_trio.store.database import Row, Tx

Q = queries.load("transactions")

BY_STATION = "station"
BY_HAND = energy.BY_HAND
MAX_CLOCK_SKEW_MS = 300_000
"""A stop may lie so far before its start or ahead of our clock: clocks drift."""


class Stopped(NamedTuple):
    """What became of a stop: stored, repeated, conflict or unmatched; and its tag's status."""

    outcome: str
    info: rules.IdTagInfo | None


def stop(tx: Tx, charge_point_id: str, payload: Mapping[str, Any], text: str, now: int) -> Stopped:
    """Store a StopTransaction (section 4.10). Never refused: the first one wins, what does not fit
    becomes a review item. `text` is the payload as JSON.
    """
    id_tag = payload.get("idTag")
    info = None if id_tag is None else rules.check_tag(id_tags.find(tx, id_tag), now)
    row = tx.one(Q.find_of, id=payload["transactionId"], charge_point_id=charge_point_id)
    if row is None:
        _keep_unmatched(tx, charge_point_id, payload, text, now)
        return Stopped("unmatched", info)
    if row["is_complete"]:
        if _same_stop(row, payload):
            return Stopped("repeated", info)
        by_hand = row["stopped_by"] == BY_HAND
        reason = "closed by hand before" if by_hand else "stopped before with other values"
        review.keep(
            tx, review.CONFLICT, charge_point_id, "StopTransaction", reason, text, now, row["id"]
        )
        return Stopped("conflict", info)
    moment = parse_timestamp(payload["timestamp"])
    plausible = is_plausible(moment, now)
    stopped_at = moment if plausible and moment is not None else now
    flags = [*row["flags"].split(), *energy.flags(payload["meterStop"] - row["meter_start"])]
    if not plausible:
        flags.append("implausible-stop-clock")
    if stopped_at < row["started_at"] - MAX_CLOCK_SKEW_MS:
        flags.append("stop-before-start")
    absurd = [flag for flag in flags if flag not in row["flags"].split()]
    _complete(
        tx,
        row,
        meter_stop=payload["meterStop"],
        stopped_at=stopped_at,
        stop_text=payload["timestamp"],
        stop_reason=payload.get("reason", "Local"),
        stop_id_tag=id_tag,
        stopped_by=BY_STATION,
        flags=" ".join(dict.fromkeys(flags)),
        now=now,
    )
    data = payload.get("transactionData")
    if data:
        meter_values.record(
            tx,
            meter_values.message(
                charge_point_id,
                row["connector_id"],
                row["id"],
                data,
                text,
                now,
                meter_values.TRANSACTION_DATA,
                transaction_is_known=True,
            ),
        )
    if absurd:
        reason = ", ".join(absurd).replace("-", " ")
        review.keep(
            tx, review.ABSURD, charge_point_id, "StopTransaction", reason, text, now, row["id"]
        )
    return Stopped("stored", info)


def _complete(tx: Tx, row: Row, **values: Any) -> None:
    replay_key = row["replay_key"]
    if "implausible-clock" in row["flags"].split():
        # A station without a clock starts every session at the same moment: once this one is over,
        # an equal start is a new one.
        replay_key = f"{replay_key}|{row['id']}"
    tx.run(Q.complete, id=row["id"], replay_key=replay_key, **values)


def _same_stop(row: Row, payload: Mapping[str, Any]) -> bool:
    return bool(
        row["stopped_by"] == BY_STATION
        and row["meter_stop"] == payload["meterStop"]
        and row["stop_text"] == payload["timestamp"]
        and row["stop_reason"] == payload.get("reason", "Local")
        and row["stop_id_tag"] == payload.get("idTag")
    )


def _keep_unmatched(
    tx: Tx, charge_point_id: str, payload: Mapping[str, Any], text: str, now: int
) -> None:
    other = tx.one(Q.find, id=payload["transactionId"])
    reason = "the transaction belongs to another charge point" if other else "unknown transaction"
    open_here = tx.one(Q.find_open_of, charge_point_id=charge_point_id)
    suggestion = open_here["id"] if open_here else None
    review.keep(
        tx, review.UNMATCHED, charge_point_id, "StopTransaction", reason, text, now, suggestion
    )


def close_by_hand(
    tx: Tx, transaction_id: int, energy_wh: int | None, reason: str, now: int
) -> tuple[Row, bool] | None:
    """End a transaction without its station; None if there is none, else its row and whether it was
    still running. `energy_wh` since the start; without it the last register reading counts.
    """
    row = tx.one(Q.find, id=transaction_id)
    if row is None:
        return None
    if row["is_complete"]:
        return row, False
    if energy_wh is None:
        energy_wh = energy.of_transaction(row)
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
