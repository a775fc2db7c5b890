"""Meter values: one row per sampled value, each message once (OCPP 1.6 section 4.7).

The hottest path of the server: MeterValues of many stations are stored together by `record_many`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ocpp_trio.domain.readings import Reading, Sample, digest
from ocpp_trio.store import queries, review
from ocpp_trio.store.database import Row, Tx, bulk_form

Q = queries.load("meter_values")

METER_VALUES = "MeterValues"
TRANSACTION_DATA = "TransactionData"

STORED = "stored"
UNMATCHED = "unmatched"


class Message(NamedTuple):
    """One MeterValues (or the transactionData of a stop). `text` is its payload as JSON."""

    charge_point_id: str
    connector_id: int
    transaction_id: int | None
    samples: Sequence[Sample]
    register: Reading | None
    text: str
    received_at: int
    source: str = METER_VALUES
    # Transactions are never deleted and never change hands: seen once, always there.
    transaction_is_known: bool = False


def record_many(tx: Tx, many: Sequence[tuple[Message]]) -> list[str]:
    """The bulk form of `record`: two statements for all messages whose transaction is known."""
    outcomes, values, registers = [], [], []
    for (message,) in many:
        if not message.transaction_is_known and not _matches(tx, message):
            _keep_unmatched(tx, message)
            outcomes.append(UNMATCHED)
            continue
        outcomes.append(STORED)
        point, connector_id, transaction_id, samples, register, text, _, source, _ = message
        head = (point, connector_id, transaction_id or 0, source)
        fingerprint = digest(point, connector_id, text)
        values += [(*head, fingerprint, place, *sample) for place, sample in enumerate(samples)]
        if register is not None and transaction_id is not None:
            wh, moment = register
            registers.append((wh, moment, transaction_id, moment))
    if values:
        tx.many(Q.insert, values)
    if registers:
        tx.many(_SET_REGISTER, registers)
    return outcomes


@bulk_form(record_many)
def record(tx: Tx, message: Message) -> str:
    """Store a message: STORED, also if it was before, or UNMATCHED if it went to the review queue.

    A repeat of a message is recognised by its fingerprint and adds nothing.
    """
    return record_many(tx, [(message,)])[0]


def _matches(tx: Tx, message: Message) -> bool:
    """Whether the message's transaction is one of its station; a message may also have none."""
    if message.transaction_id is None:
        return True
    found = tx.one(_FIND_OF, id=message.transaction_id, charge_point_id=message.charge_point_id)
    return found is not None


def _keep_unmatched(tx: Tx, message: Message) -> None:
    review.keep(
        tx,
        review.UNMATCHED,
        message.charge_point_id,
        message.source,
        "no such transaction of this charge point",
        message.text,
        message.received_at,
    )


def of_transaction(tx: Tx, transaction_id: int) -> Sequence[Row]:
    """The sampled values of one transaction, in the order they came."""
    return tx.all(Q.of_transaction, transaction_id=transaction_id)


_TRANSACTIONS = queries.load("transactions")
_SET_REGISTER = _TRANSACTIONS.set_register
_FIND_OF = _TRANSACTIONS.find_of
