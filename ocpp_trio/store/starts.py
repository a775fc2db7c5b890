"""Starts of transactions: every readable StartTransaction is one (OCPP 1.6 sections 3.7, 4.8)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ocpp_trio.domain import rules
from ocpp_trio.domain.times import is_plausible, parse_timestamp
from ocpp_trio.store import (
    charging_profiles,
    id_tags,
    queries,
    remote_starts,
    reservations,
    review,
    unknown_tags,
)
from ocpp_trio.store.database import Tx

Q = queries.load("transactions")


class Started(NamedTuple):
    """What the station is told. `overflow`: it should have been kept for a person as well, and was
    only counted.
    """

    transaction_id: int
    info: rules.IdTagInfo
    is_replay: bool
    overflow: bool = False


def start(
    tx: Tx,
    charge_point_id: str,
    payload: Mapping[str, Any],
    text: str,
    accept_unknown: bool,
    now: int,
    review_limit: int = review.LIMIT,
    unknown_tags_limit: int = unknown_tags.LIMIT,
) -> Started:
    """Store a StartTransaction (section 4.8). Refused or absurd, it is a transaction all the same.

    `text` is the payload as JSON, kept with a review item, of which `review_limit` may be open. A
    replay gets its first answer again.
    """
    connector_id, id_tag = payload["connectorId"], payload["idTag"]
    meter_start, start_text = payload["meterStart"], payload["timestamp"]
    moment = parse_timestamp(start_text)
    plausible = is_plausible(moment, now)
    tag_key = rules.tag_key(id_tag)
    # Not of our own clock: a station a day and more ahead is believed later, its replay not new.
    spelled = start_text if moment is None else moment
    replay_key = _key(connector_id, tag_key, spelled, meter_start)
    before = tx.one(Q.find_replay, charge_point_id=charge_point_id, replay_key=replay_key)
    if before is not None:
        info = rules.IdTagInfo(
            before["authorization_status"], before["parent_id_tag"], before["authorization_expiry"]
        )
        return Started(before["id"], info, True)
    info = _judge(tx, charge_point_id, id_tag, accept_unknown, unknown_tags_limit, now)
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
    number: int = row["id"]
    _follow(tx, charge_point_id, payload, number, moment if plausible else None, now)
    kept = connector_id > 0 or review.keep(
        tx,
        review.ABSURD,
        charge_point_id,
        "StartTransaction",
        f"connector {connector_id} cannot charge",
        text,
        now,
        number,
        review_limit,
    )
    return Started(number, info, False, not kept)


def _key(*parts: object) -> str:
    """One text for all parts, another one for any other parts."""
    return "|".join(str(part).replace("\\", "\\\\").replace("|", "\\|") for part in parts)


def _judge(
    tx: Tx,
    charge_point_id: str,
    id_tag: str,
    accept_unknown: bool,
    unknown_tags_limit: int,
    now: int,
) -> rules.IdTagInfo:
    """What the tag may do; one that nobody registered is remembered."""
    tag = id_tags.find_or_admit(tx, id_tag, accept_unknown, now)
    if tag is None:
        unknown_tags.note(tx, id_tag, charge_point_id, unknown_tags_limit, now)
    active = tx.one(Q.count_active, tag_key=rules.tag_key(id_tag))
    assert active is not None
    return rules.check_start(tag, now, active["active"])


def _follow(
    tx: Tx,
    charge_point_id: str,
    payload: Mapping[str, Any],
    transaction_id: int,
    started_at: int | None,
    now: int,
) -> None:
    """What the transaction came from: a remote start with its charging profile, a reservation.
    `started_at` (ms) is None if the station's clock cannot be believed.
    """
    remote_starts.join(
        tx,
        charge_point_id,
        payload["connectorId"],
        rules.tag_key(payload["idTag"]),
        transaction_id,
        started_at,
        now,
    )
    # A remote start has found its transaction by now: its profile belongs to it.
    charging_profiles.attach(tx, charge_point_id, now)
    if payload.get("reservationId") is not None:
        reservations.use(tx, charge_point_id, payload["reservationId"], transaction_id, now)
