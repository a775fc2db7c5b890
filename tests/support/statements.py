"""Statements of a test's own, and units that run them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ocpp_trio.store.database import Row, Tx
from ocpp_trio.store.queries import Statement


def sql(text: str) -> Statement:
    """A statement that stands in no file."""
    return Statement("test", "of a test", text)


def execute(tx: Tx, text: str) -> int:
    """A unit: run one statement; how many rows it changed."""
    return tx.run(sql(text))


def fetch(tx: Tx, text: str) -> Sequence[Row]:
    """A unit: all rows of one statement."""
    return tx.all(sql(text))


def value(tx: Tx, text: str) -> Any:
    """A unit: the first column of the first row."""
    row = tx.one(sql(text))
    assert row is not None
    return row[next(iter(row.keys()))]


FILL_LOGS = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200)
INSERT INTO logs (timestamp, level, source, message)
SELECT i, 'INFO', 's', printf('%.*c', 1000, 'x') FROM n
"""
"""200 rows of 1,000 characters."""
