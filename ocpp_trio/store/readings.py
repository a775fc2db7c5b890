"""Meter values as they are read: pages of sampled values. How they are stored is in
store.meter_values.

The table is the largest, and the hottest: it has no index for reading only. Values of a charge
point are found through its transactions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from ocpp_trio.store import queries, transactions
from ocpp_trio.store.database import Row, Tx
from ocpp_trio.store.transactions import LAST

Q = queries.load("readings")

COUNTED = 10_000
"""Lists are counted up to here: counting more would take longer than reading a page of them."""
SEARCHED = 1_000_000
"""Without charge point and transaction, a filter looks at so many of the newest values."""


class Filter(NamedTuple):
    """Which sampled values; None: any. `transaction_id` 0: those that belong to none. Times in ms,
    `until` is not included.
    """

    charge_point_id: str | None = None
    transaction_id: int | None = None
    connector_id: int | None = None
    measurand: str | None = None
    phase: str | None = None
    context: str | None = None
    location: str | None = None
    format: str | None = None
    source: str | None = None
    since: int | None = None
    until: int | None = None

    @property
    def sample(self) -> dict[str, Any]:
        """What is asked of a value itself, beside where it belongs."""
        asked = self._asdict()
        del asked["charge_point_id"], asked["transaction_id"]
        return asked


def page(tx: Tx, wanted: Filter, limit: int, offset: int) -> tuple[Sequence[Row], int | None]:
    """Sampled values, newest first, and how many there are in all; None: more than COUNTED.

    Of a charge point those of its newest transaction come first, those without transaction last.
    """
    scope = _scope_of(tx, wanted)
    return scope.read(None, limit, offset), scope.count()


def behind(tx: Tx, wanted: Filter, row: Row, limit: int) -> Sequence[Row]:
    """The sampled values that follow one."""
    return _scope_of(tx, wanted).read(row, limit, 0)


def _scope_of(tx: Tx, wanted: Filter) -> _OfChargePoint | _OfAll:
    asked = wanted._asdict()
    number, point = asked.pop("transaction_id"), asked.pop("charge_point_id")
    if number:
        # An id alone leads to its charge point, by way of which values are found.
        row = transactions.find(tx, number)
        found = None if row is None else row["charge_point_id"]
        fits = found is not None and point in {None, found}
        return _OfChargePoint(
            tx, asked | {"charge_point_id": found}, number, number if fits else 0, has_loose=False
        )
    if point is not None:
        last = LAST if number is None else 0
        return _OfChargePoint(tx, asked | {"charge_point_id": point}, 1, last, has_loose=True)
    floor = 0
    if number is not None or any(value is not None for value in asked.values()):
        newest = tx.one(Q.newest_id)
        floor = (newest["id"] or 0) - SEARCHED if newest else 0
    return _OfAll(tx, asked | {"transaction_id": number, "floor": floor})


class _OfChargePoint:
    """Values of the transactions `first` to `last` of a charge point, then those without one."""

    def __init__(
        self, tx: Tx, asked: dict[str, Any], first: int, last: int, *, has_loose: bool
    ) -> None:
        self._tx = tx
        self._asked = asked
        self._first, self._last = first, last
        self._has_loose = has_loose

    def read(self, behind: Row | None, limit: int, offset: int) -> Sequence[Row]:
        place = {"before": LAST, "before_id": LAST}
        last = self._last
        if behind is not None:
            last = min(last, behind["transaction_id"])
            place = {"before": behind["timestamp"], "before_id": behind["id"]}
        rows: list[Row] = []
        if last >= self._first:
            asked = self._asked | place | {"first_transaction": self._first}
            rows += self._tx.all(
                Q.page_of_transactions,
                last_transaction=last,
                limit=limit,
                offset=offset,
                **asked,
            )
            place = {"before": LAST, "before_id": LAST}
        if self._has_loose and len(rows) < limit:
            skipped = 0 if rows or not offset else max(0, offset - self._in_transactions(LAST))
            asked = self._asked | place
            rows += self._tx.all(Q.page_loose, limit=limit - len(rows), offset=skipped, **asked)
        return rows

    def count(self) -> int | None:
        most = COUNTED + 1
        total = self._in_transactions(most)
        if self._has_loose:
            total += _total(self._tx.one(Q.count_loose, limit=most, **self._asked))
        return None if total > COUNTED else total

    def _in_transactions(self, most: int) -> int:
        if self._last < self._first:
            return 0
        reach = {"first_transaction": self._first, "last_transaction": self._last}
        return _total(self._tx.one(Q.count_of_transactions, limit=most, **reach, **self._asked))


class _OfAll:
    """Values of all charge points, in the order they came."""

    def __init__(self, tx: Tx, asked: dict[str, Any]) -> None:
        self._tx = tx
        self._asked = asked

    def read(self, behind: Row | None, limit: int, offset: int) -> Sequence[Row]:
        before = LAST if behind is None else behind["id"]
        return self._tx.all(
            Q.page_newest, before_id=before, limit=limit, offset=offset, **self._asked
        )

    def count(self) -> int | None:
        total = _total(self._tx.one(Q.count_newest, limit=COUNTED + 1, **self._asked))
        return None if total > COUNTED else total


def _total(row: Row | None) -> int:
    assert row is not None
    total: int = row["total"]
    return total
