"""What an energy report reads: the transactions of a period, and the course of those it cuts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

import msgspec

from ocpp_trio.domain import courses
from ocpp_trio.domain.courses import Point
from ocpp_trio.domain.reports import Report
from ocpp_trio.domain.rules import tag_key
from ocpp_trio.store import queries
from ocpp_trio.store.database import Row, Tx
from ocpp_trio.store.queries import Statement

Q = queries.load("energy_reports")

T = TypeVar("T")

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
    courses_of = _courses(tx, [row for row in rows if report.is_cut(row)])
    return [Entry(row, courses_of.get(row["id"])) for row in rows]


def _courses(tx: Tx, cut: Sequence[Row]) -> dict[int, Sequence[Point]]:
    """The points of transactions, by id. Read together, a row for each: by rows of single readings
    most of the time would go into making them.
    """
    found: dict[int, Sequence[Point]] = {}
    by_intervals: list[int] = []
    registers = _of_transactions(tx, Q.registers, [row["id"] for row in cut], _registers)
    for row in cut:
        number = row["id"]
        samples = registers.get(number)
        if samples or row["interval_wh"] is None:
            ordered = [
                (moment, wh, unit, phase) for moment, _, wh, unit, phase in sorted(samples or ())
            ]
            found[number] = courses.from_registers(row["meter_start"], ordered)
        else:
            by_intervals.append(number)
    intervals = _of_transactions(tx, Q.intervals, by_intervals, _intervals)
    for number in by_intervals:
        readings = sorted(intervals.get(number, ()))
        # The kind that counts comes first.
        kind = readings[0][0] if readings else 0
        found[number] = courses.from_intervals(each[1:] for each in readings if each[0] == kind)
    return found


def _of_transactions(
    tx: Tx, statement: Statement, ids: Sequence[int], decode: Callable[[str], list[T]]
) -> dict[int, list[T]]:
    if not ids:
        return {}
    rows = tx.all(statement, ids=str([*ids]))
    return {row["transaction_id"]: decode(row["readings"]) for row in rows}


# timestamp, id, number, unit, phase; is_aligned, moment, mwh
_registers = msgspec.json.Decoder(list[tuple[int, int, float, str | None, str | None]]).decode
_intervals = msgspec.json.Decoder(list[tuple[int, int, int]]).decode
