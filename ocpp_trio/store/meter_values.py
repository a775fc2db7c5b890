"""Meter values: one row per sampled value, each message once (OCPP 1.6 section 4.7).

The hottest path of the server: MeterValues of many stations are stored together by `record_many`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ocpp_trio.domain import energy
from ocpp_trio.domain.energy import Interval
from ocpp_trio.domain.readings import (
    INTERVAL,
    Reading,
    Sample,
    digest,
    newest_register,
    read_samples,
)
from ocpp_trio.store import queries, review, suggestions
from ocpp_trio.store.database import Row, Tx, bulk_form

Q = queries.load("meter_values")

METER_VALUES = "MeterValues"
TRANSACTION_DATA = "TransactionData"

SIGNED = "SignedData"

# Where in a row its fingerprint stands, and what comes behind it and its place.
_DIGEST = 4
_SAMPLE = 6

STORED = "stored"
UNMATCHED = "unmatched"
OVERFLOW = "overflow"


class Message(NamedTuple):
    """One MeterValues, or the transactionData of a stop. `text` is its payload as JSON, `rows` are
    what will be stored of it, `transaction_id` is 0 if it names none.
    """

    charge_point_id: str
    transaction_id: int
    rows: Sequence[tuple[Any, ...]]
    register: Reading | None
    text: str
    received_at: int
    source: str
    # Transactions are never deleted and never change hands: seen once, always there.
    transaction_is_known: bool
    # Open review items of the charge point, at most.
    review_limit: int
    intervals: Sequence[Interval] = ()
    # Of signed data, each with the key of its row.
    checksums: Sequence[tuple[str, int, int, int]] = ()


def message(
    charge_point_id: str,
    connector_id: int,
    transaction_id: int | None,
    meter_values: Sequence[Mapping[str, Any]],
    text: str,
    received_at: int,
    source: str = METER_VALUES,
    *,
    transaction_is_known: bool = False,
    review_limit: int = review.LIMIT,
) -> Message:
    """Make ready what `record` stores: done by the caller, not while the writer is at work."""
    samples = read_samples(meter_values, received_at)
    number = transaction_id or 0
    fingerprint = digest(charge_point_id, connector_id, text)
    head = (charge_point_id, connector_id, number, source, fingerprint)
    made = Message(
        charge_point_id,
        number,
        # Unpacking would make a list first.
        [head + (place,) + sample for place, sample in enumerate(samples)],  # noqa: RUF005
        newest_register(samples) if number else None,
        text,
        received_at,
        source,
        transaction_is_known or transaction_id is None,
        review_limit,
    )
    # Cheaper than to look at each sample; behind an escape any word may hide.
    is_escaped = "\\" in text
    if number and (INTERVAL in text or is_escaped):
        intervals = energy.read_intervals(meter_values, samples, fingerprint)
        made = made._replace(intervals=intervals)
    if SIGNED in text or is_escaped:
        checksums = [
            (_checksum(sample.value), number, fingerprint, place)
            for place, sample in enumerate(samples)
            if sample.format == SIGNED
        ]
        made = made._replace(checksums=checksums)
    return made


def _checksum(signed: str) -> str:
    """SHA-256 of signed data as it came."""
    return hashlib.sha256(signed.encode("utf-8", "surrogatepass")).hexdigest()


def record_many(tx: Tx, many: Sequence[tuple[Message]]) -> list[str]:
    """The bulk form of `record`: two statements for all messages whose transaction is known; those
    with interval readings or signed data need more.
    """
    outcomes: list[str] = []
    rows: list[tuple[Any, ...]] = []
    registers: dict[int, tuple[int, int, int, int]] = {}
    intervals: dict[int, list[Interval]] = {}
    checksums: list[tuple[str, int, int, int]] = []
    for (each,) in many:
        if not each.transaction_is_known and not _matches(tx, each):
            outcomes.append(UNMATCHED if _keep_unmatched(tx, each) else OVERFLOW)
            continue
        outcomes.append(STORED)
        rows += each.rows
        checksums += each.checksums
        if each.intervals:
            intervals.setdefault(each.transaction_id, []).extend(each.intervals)
        if each.register is not None:
            number, (wh, moment) = each.transaction_id, each.register
            before = registers.get(number)
            if before is None or (before[2], before[1]) <= (moment, wh):
                is_timed = int(moment != each.received_at)
                registers[number] = (number, wh, moment, is_timed)
    if rows:
        tx.many(Q.insert, rows)
    if registers:
        tx.many(_SET_REGISTER, list(registers.values()))
    if checksums:
        tx.many(Q.set_checksum, checksums)
    if intervals:
        _add_intervals(tx, intervals)
    return outcomes


@bulk_form(record_many)
def record(tx: Tx, message: Message) -> str:
    """Store a message: STORED, also if it was before, or UNMATCHED if it went to the review queue,
    or OVERFLOW if that had no room for it.

    A repeat of a message is recognised by its fingerprint and adds nothing.
    """
    return record_many(tx, [(message,)])[0]


def _add_intervals(tx: Tx, many: Mapping[int, Sequence[Interval]]) -> None:
    """Keep interval readings by their moment, so that each counts once, and sum them anew."""
    for number, readings in many.items():
        # Sorted, the larger of two of one moment comes last, and is the one that stays.
        largest = {(number, *place): mwh for *place, mwh in sorted(readings)}
        tx.many(Q.add_interval, [(*place, mwh) for place, mwh in largest.items()])
        sums = {row["is_aligned"]: row["mwh"] for row in tx.all(Q.sum_intervals, id=number)}
        wh = energy.sum_intervals(sums.get(0), sums.get(1))
        tx.run(_SET_INTERVALS, id=number, interval_wh=wh)


def _matches(tx: Tx, message: Message) -> bool:
    """Whether the message's transaction is one of its station."""
    found = tx.one(_FIND_OF, id=message.transaction_id, charge_point_id=message.charge_point_id)
    return found is not None


def _keep_unmatched(tx: Tx, message: Message) -> bool:
    return review.keep(
        tx,
        review.UNMATCHED,
        message.charge_point_id,
        message.source,
        "no such transaction of this charge point",
        message.text,
        message.received_at,
        suggestions.of_text(message.charge_point_id, message.text),
        message.review_limit,
    )


def holds(tx: Tx, message: Message) -> bool:
    """Whether all that a message of a transaction says is stored: this message, or its values out
    of messages of the same kind that are spelled in another way.
    """
    if not message.rows:
        return True
    number = message.transaction_id
    fingerprint = message.rows[0][_DIGEST]
    if tx.one(Q.of_message, transaction_id=number, digest=fingerprint) is not None:
        return True
    rows = tx.all(Q.of_source, transaction_id=number, source=message.source)
    stored = {tuple(row[name] for name in Sample._fields) for row in rows}
    return all(tuple(row[_SAMPLE:]) in stored for row in message.rows)


def of_transaction(tx: Tx, transaction_id: int) -> Sequence[Row]:
    """The sampled values of one transaction, in the order they came."""
    return tx.all(Q.of_transaction, transaction_id=transaction_id)


_TRANSACTIONS = queries.load("transactions")
_SET_REGISTER = _TRANSACTIONS.set_register
_SET_INTERVALS = _TRANSACTIONS.set_intervals
_FIND_OF = _TRANSACTIONS.find_of
