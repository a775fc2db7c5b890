"""Lists in the order of falling ids: a page, and how many rows there are in all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from ocpp_trio.store.database import Row, Tx
from ocpp_trio.store.queries import Statement


class Filter(Protocol):
    """What is wanted, as a NamedTuple whose fields are parameters of both statements."""

    def _asdict(self) -> dict[str, Any]: ...


class Listing:
    """The units of one list. Its statements take the filter's fields, and the page also `before`,
    `limit` and `offset`.
    """

    def __init__(self, page: Statement, count: Statement) -> None:
        self._page = page
        self._count = count

    def page(
        self, tx: Tx, which: Filter, before: int | None, limit: int, offset: int
    ) -> Sequence[Row]:
        """A page, newest first; with `before` only ids below it."""
        wanted = which._asdict()
        return tx.all(self._page, before=before, limit=limit, offset=offset, **wanted)

    def count(self, tx: Tx, which: Filter) -> int:
        """How many rows the filter leaves."""
        row = tx.one(self._count, **which._asdict())
        assert row is not None
        total: int = row["total"]
        return total
