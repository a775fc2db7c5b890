"""What a person's decision about a review item does to the books: all of it, or nothing.

Whatever is attached is stored by the code that stores it when it comes as it should, with the
moment at which it came.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from ocpp_trio.errors import CannotResolve
from ocpp_trio.store import meter_values, review, starts, stops, transactions, unknown_tags
from ocpp_trio.store.database import Row, Tx

REPLACED = (
    "meter_stop",
    "stopped_at",
    "stop_text",
    "stop_reason",
    "stop_id_tag",
    "stopped_by",
    "stop_received_at",
    "flags",
)
"""What is kept of a stop that another one takes the place of."""


class Decision(NamedTuple):
    """Who decided about an item, and why. `transaction_id`: where it belongs, else its suggestion
    counts. `accept_unknown`: whether a start may be made with a tag nobody registered; if not, so
    many of them are remembered.
    """

    actor: str
    note: str | None
    transaction_id: int | None = None
    accept_unknown: bool = False
    unknown_tags_limit: int = unknown_tags.LIMIT


def attach(tx: Tx, item_id: int, payload: Mapping[str, Any], decision: Decision, now: int) -> Row:
    """Let a review item count. `payload` is its message, as its handler would be given it.

    Returns the item as it is then. Raises CannotResolve, also if there is none.
    """
    item = _open_item(tx, item_id)
    replaced = None
    if item["kind"] == review.ABSURD:
        number = _accept(item, decision)
    elif item["action"] == "StartTransaction":
        number = _book_start(tx, item, payload, decision)
    else:
        row = _transaction(tx, item, decision)
        number = row["id"]
        if item["action"] == "MeterValues":
            _attach_meter_values(tx, item, payload, row)
        else:
            replaced = _attach_stop(tx, item, payload, row)
    return review.resolve(
        tx, item_id, review.ATTACHED, decision.actor, decision.note, now, number, replaced
    )


def discard(tx: Tx, item_id: int, decision: Decision, now: int) -> Row:
    """Let a review item rest: the books stay as they are. See `attach`."""
    _open_item(tx, item_id)
    return review.resolve(tx, item_id, review.DISCARDED, decision.actor, decision.note, now)


def _open_item(tx: Tx, item_id: int) -> Row:
    item = review.find(tx, item_id)
    if item is None:
        raise CannotResolve(f"there is no review item {item_id}")
    if item["resolution"] is not None:
        raise CannotResolve(
            f"review item {item_id} was {item['resolution']} already, by {item['actor']}"
        )
    return item


def _accept(item: Row, decision: Decision) -> int:
    """An absurd message is in the books already, flagged: it is accepted as it is."""
    number: int = item["suggestion"]
    if decision.transaction_id not in {None, number}:
        raise CannotResolve(
            f"review item {item['id']} is about transaction {number}, which has it already:"
            " attach it without transactionId"
        )
    return number


def _book_start(tx: Tx, item: Row, payload: Mapping[str, Any], decision: Decision) -> int:
    """A start of a station that was not accepted. If it has come again meanwhile, its transaction
    is there already.
    """
    if decision.transaction_id is not None:
        raise CannotResolve(
            "a StartTransaction becomes a transaction of its own: attach it without transactionId"
        )
    started = starts.start(
        tx,
        item["charge_point_id"],
        payload,
        item["message"],
        decision.accept_unknown,
        item["received_at"],
        review.LIMIT,
        decision.unknown_tags_limit,
    )
    return started.transaction_id


def _transaction(tx: Tx, item: Row, decision: Decision) -> Row:
    """The transaction that the item is attached to."""
    number, point = decision.transaction_id, item["charge_point_id"]
    if number is None:
        number = item["suggestion"]
    if number is None:
        raise CannotResolve(
            f"nothing is suggested for review item {item['id']}: say to which transactionId of"
            f" charge point {point} it belongs, or discard it"
        )
    row = transactions.find(tx, number)
    if row is None:
        raise CannotResolve(f"there is no transaction {number}")
    if row["charge_point_id"] != point:
        raise CannotResolve(
            f"transaction {number} belongs to charge point {row['charge_point_id']}, the message to"
            f" {point}"
        )
    return row


def _attach_meter_values(tx: Tx, item: Row, payload: Mapping[str, Any], row: Row) -> None:
    meter_values.record(
        tx,
        meter_values.message(
            item["charge_point_id"],
            payload["connectorId"],
            row["id"],
            payload["meterValue"],
            item["message"],
            item["received_at"],
            transaction_is_known=True,
        ),
    )


def _attach_stop(tx: Tx, item: Row, payload: Mapping[str, Any], row: Row) -> str | None:
    """Make the item's stop that of the transaction; what it replaces, as JSON."""
    received_at, text = item["received_at"], item["message"]
    if row["is_complete"] and stops.same_stop(tx, row, payload, text, received_at):
        return None
    stops.store_stop(tx, row, payload, text, received_at, ["attached-by-hand"])
    if not row["is_complete"]:
        return None
    return json.dumps({name: row[name] for name in REPLACED})
