"""Which transaction a stray message may belong to: a guess for a person, never acted upon."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from ocpp_trio.domain.times import EARLIEST_PLAUSIBLE_MS, is_plausible, parse_timestamp
from ocpp_trio.store import queries
from ocpp_trio.store.database import Tx

Q = queries.load("transactions")

CLOCK_DRIFT_MS = 300_000
"""A message may be dated so long before the start it belongs to."""

SEARCHED = 1000
"""Of a station's transactions the newest so many are looked at: the writer has others to serve."""


def of_text(charge_point_id: str, text: str) -> Callable[[Tx], int | None]:
    """The guess for a payload as JSON; what cannot be read is guessed without."""
    return partial(_suggest_for, charge_point_id=charge_point_id, text=text)


def _suggest_for(tx: Tx, *, charge_point_id: str, text: str) -> int | None:
    try:
        payload = json.loads(text)
    except (ValueError, RecursionError):
        payload = None
    return suggest(tx, charge_point_id, payload if isinstance(payload, dict) else {})


def has_time(text: str, now: int) -> bool:
    """Whether a payload as JSON says when it was made, as far as that can be believed."""
    try:
        payload = json.loads(text)
    except (ValueError, RecursionError):
        return False
    moment = parse_timestamp(_timestamp(payload)) if isinstance(payload, dict) else None
    return is_plausible(moment, now)


def suggest(tx: Tx, charge_point_id: str, payload: Mapping[str, Any]) -> int | None:
    """The best guess for a MeterValues or StopTransaction.

    The station's own transaction that it names, else one that runs (on its connector, if it names
    one) and began before it, else the newest one whose time includes it.
    """
    moment = parse_timestamp(_timestamp(payload))
    if moment is not None and moment < EARLIEST_PLAUSIBLE_MS:
        moment = None
    own = _integer(payload.get("transactionId"))
    row = None
    if own is not None:
        row = tx.one(Q.find_of, id=own, charge_point_id=charge_point_id)
    if row is None:
        row = tx.one(
            Q.suggest_open,
            charge_point_id=charge_point_id,
            connector_id=_integer(payload.get("connectorId")),
            latest_start=None if moment is None else moment + CLOCK_DRIFT_MS,
        )
    if row is None and moment is not None:
        row = tx.one(
            Q.suggest_by_time, charge_point_id=charge_point_id, moment=moment, searched=SEARCHED
        )
    return None if row is None else row["id"]


def _timestamp(payload: Mapping[str, Any]) -> object:
    """When the message, or its first meter value, was made."""
    values = payload.get("meterValue")
    if isinstance(values, list) and values and isinstance(values[0], dict):
        return values[0].get("timestamp")
    return payload.get("timestamp")


def _integer(value: object) -> int | None:
    fits = type(value) is int and -(2**63) <= value < 2**63
    return value if fits else None  # type: ignore[return-value]
