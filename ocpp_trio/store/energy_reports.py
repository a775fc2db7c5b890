"""What an energy report reads: the transactions of a period, and the course of those it cuts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ocpp_trio.domain import courses
from ocpp_trio.domain.courses import Point
from ocpp_trio.domain.reports import Report
from ocpp_trio.domain.rules import tag_key
from ocpp_trio.store import queries
from ocpp_trio.store.database import Row, Tx

Q = queries.load("energy_reports")

PAGE = 1000
"""Transactions of one read: a longer snapshot would keep SQLite's WAL from being checkpointed."""

BEGINNING = -(2**63)


class Entry(NamedTuple):
    """A transaction of a report, and the points of its course if it is cut."""

    row: Row
    points: Sequence[Point] | None


def page(tx: Tx, report: Report, behind: Row | None, limit: int) -> list[Entry]:
    """The transactions that follow one, oldest first; an empty page is the end."""
    question = report.question
    filters = {
        "charge_point_id": question.charge_point_id,
        "tag_key": None if question.id_tag is None else tag_key(question.id_tag),
        "parent_id_tag": question.parent_id_tag,
    }
    after = (BEGINNING, 0) if behind is None else (behind["started_at"], behind["id"])
    rows: list[Row] = []
    if question.split and after[0] < question.since:
        place = {"after_started_at": after[0], "after_id": after[1]}
        rows += tx.all(Q.running_at, moment=question.since, limit=limit, **place, **filters)
    if len(rows) < limit:
        rows += tx.all(
            Q.started_between,
            since=question.since,
            until=question.until,
            after_started_at=after[0],
            after_id=after[1],
            limit=limit - len(rows),
            **filters,
        )
    return [Entry(row, _points(tx, row) if report.is_cut(row) else None) for row in rows]


def _points(tx: Tx, row: Row) -> Sequence[Point]:
    samples = tx.all(Q.registers, id=row["id"])
    if samples or row["interval_wh"] is None:
        return courses.from_registers(row["meter_start"], map(_register, samples))
    readings = tx.all(Q.intervals, id=row["id"])
    kind = readings[0]["is_aligned"] if readings else 0
    return courses.from_intervals(
        (each["moment"], each["mwh"]) for each in readings if each["is_aligned"] == kind
    )


def _register(row: Row) -> tuple[int, float, str | None, str | None]:
    return row["timestamp"], row["number"], row["unit"], row["phase"]
