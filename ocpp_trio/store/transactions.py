"""Transactions: started, stopped, closed by hand. Every readable start and stop ends up here or in
the review queue (OCPP 1.6 sections 3.7, 4.8, 4.10 and its errata 3.18).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ocpp_trio.domain import energy, rules
from ocpp_trio.domain.times import is_plausible, parse_timestamp
from ocpp_trio.store import id_tags, meter_values, queries, review
from ocpp_trio.store.database import Row, Tx

Q = queries.load("transactions")

BY_STATION = "station"
BY_HAND = "hand"
MAX_CLOCK_SKEW_MS = 300_000
"""A stop may lie so far before its start or ahead of our clock: clocks drift."""


class Started(NamedTuple):
    """What the station is told."""

    transaction_id: int
    info: rules.IdTagInfo
    is_replay: bool


class Stopped(NamedTuple):
    """What became of a stop: stored, repeated, conflict or unmatched; and its tag's status."""

    outcome: str
    info: rules.IdTagInfo | None


def start(
    tx: Tx,
    charge_point_id: str,
    payload: Mapping[str, Any],
    text: str,
    accept_unknown: bool,
    now: int,
) -> Started:
    """Store a StartTransaction (section 4.8). Refused or absurd, it is a transaction all the same.

    `text` is the payload as JSON, kept with a review item. A replay gets its first answer again.
    """
    connector_id, id_tag = payload["connectorId"], payload["idTag"]
    meter_start, start_text = payload["meterStart"], payload["timestamp"]
    moment = parse_timestamp(start_text)
    plausible = is_plausible(moment, now)
    tag_key = rules.tag_key(id_tag)
    # Not of our own clock: a station a day and more ahead is believed later, its replay not new.
    spelled = start_text if moment is None else moment
    replay_key = f"{connector_id}|{tag_key}|{spelled}|{meter_start}"
    before = tx.one(Q.find_replay, charge_point_id=charge_point_id, replay_key=replay_key)
    if before is not None:
        info = rules.IdTagInfo(
            before["authorization_status"], before["parent_id_tag"], before["authorization_expiry"]
        )
        return Started(before["id"], info, True)
    tag = id_tags.find_or_admit(tx, id_tag, accept_unknown, now)
    active = tx.one(Q.count_active, tag_key=tag_key)
    assert active is not None
    info = rules.check_start(tag, now, active["active"])
    flags = [] if plausible else ["implausible-clock"]
    if connector_id <= 0:
        info = rules.IdTagInfo(rules.INVALID)
        flags.append("absurd-connector")
    row = tx.one(
        Q.insert,
        charge_point_id=charge_point_id,
        connector_id=connector_id,
        id_tag=id_tag,
        tag_key=tag_key,
        parent_id_tag=info.parent_id_tag,
        authorization_status=info.status,
        authorization_expiry=info.expiry_date,
        reservation_id=payload.get("reservationId"),
        meter_start=meter_start,
        started_at=moment if plausible else now,
        start_text=start_text,
        replay_key=replay_key,
        now=now,
        flags=" ".join(flags),
    )
    assert row is not None
    if connector_id <= 0:
        review.keep(
            tx,
            review.ABSURD,
            charge_point_id,
            "StartTransaction",
            f"connector {connector_id} cannot charge",
            text,
            now,
            row["id"],
        )
    return Started(row["id"], info, False)


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
        energy_wh = energy.delivered_wh(row["meter_start"], None, row["register_wh"])
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


def find(tx: Tx, transaction_id: int) -> Row | None:
    """One transaction."""
    return tx.one(Q.find, id=transaction_id)


def find_open(tx: Tx, charge_point_id: str, connector_id: int) -> Row | None:
    """The newest running transaction of a connector."""
    return tx.one(Q.find_open, charge_point_id=charge_point_id, connector_id=connector_id)


def set_remote_stop_reason(tx: Tx, charge_point_id: str, transaction_id: int, reason: str) -> None:
    """Keep why an operator asked for the end of a transaction."""
    tx.run(
        Q.set_remote_stop_reason,
        id=transaction_id,
        charge_point_id=charge_point_id,
        reason=reason,
    )


def page(
    tx: Tx,
    charge_point_id: str | None,
    is_complete: bool | None,
    before: int | None,
    limit: int,
    offset: int,
) -> Sequence[Row]:
    """A page of transactions, newest first; with `before` only ids below it."""
    return tx.all(
        Q.page,
        charge_point_id=charge_point_id,
        is_complete=None if is_complete is None else int(is_complete),
        before=before,
        limit=limit,
        offset=offset,
    )


def count(tx: Tx, charge_point_id: str | None, is_complete: bool | None) -> int:
    """How many transactions the filters leave."""
    row = tx.one(
        Q.count,
        charge_point_id=charge_point_id,
        is_complete=None if is_complete is None else int(is_complete),
    )
    assert row is not None
    total: int = row["total"]
    return total


def started_between(
    tx: Tx, since: int, until: int, after: tuple[int, int], limit: int
) -> Sequence[Row]:
    """Transactions that began in [since, until) ms, oldest first, behind `after` (started_at, id).

    A report reads page by page: a long snapshot would keep SQLite's WAL from being checkpointed.
    """
    return tx.all(
        Q.started_between,
        since=since,
        until=until,
        after_started_at=after[0],
        after_id=after[1],
        limit=limit,
    )
