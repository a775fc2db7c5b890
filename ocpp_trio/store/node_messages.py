"""Charge points that a node must look at again, because another one changed something about them.

A message stays until it was acted upon; the notification that goes with it is only a hint.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from ocpp_trio.store import queries
from ocpp_trio.store.database import Row, Tx

Q = queries.load("node_messages")

HINT = "station"
"""What a notification says of a message; that of a command says its id."""


def tell(tx: Tx, node_id: str, charge_point_id: str) -> None:
    """Have a node look at a charge point again."""
    tx.run(Q.insert, id=secrets.token_hex(8), node_id=node_id, charge_point_id=charge_point_id)
    tx.notify(node_id, HINT)


def tell_owner(tx: Tx, row: Row, here: str | None) -> None:
    """Have the node where a charge point is connected look at it again, if that is not `here`: this
    one does so by itself.
    """
    if row["is_connected"] and row["node_id"] not in (None, here):
        tell(tx, row["node_id"], row["id"])


def of_node(tx: Tx, node_id: str) -> Sequence[Row]:
    """What a node must look at: message_id, charge_point_id, and the columns of charge_points,
    whose `id` is None if it is on the list no more.
    """
    return tx.all(Q.of_node, node_id=node_id)


def delete(tx: Tx, message_ids: Sequence[str]) -> None:
    """Messages that were acted upon."""
    for message_id in message_ids:
        tx.run(Q.delete, id=message_id)


def forget(tx: Tx, node_id: str) -> None:
    """What a node will not read any more."""
    tx.run(Q.forget, node_id=node_id)
