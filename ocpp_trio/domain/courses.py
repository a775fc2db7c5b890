"""When a transaction's energy was delivered: its course, and how much of it lies between moments.

The course begins with 0 Wh at the start and ends with the transaction's energy at its end. Between
two readings it is linear. What lies between moments is a difference of two places on it, so parts
that follow each other always add up to the whole.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from math import inf

from ocpp_trio.domain import energy
from ocpp_trio.domain.energy import Columns
from ocpp_trio.domain.readings import to_wh

Point = tuple[int, int]
"""A moment (ms), and how much had been delivered by then, in Wh since the start."""


def end_of(row: Columns) -> int | None:
    """The moment (ms) up to which a stored transaction's energy is known; None: only its interval
    readings can tell.
    """
    start: int = row["started_at"]
    end: int = start
    if row["is_complete"]:
        end = row["stopped_at"]
    elif row["register_at"] is not None:
        end = row["register_at"]
    elif row["interval_wh"] is not None:
        return None
    return max(end, start)


def from_registers(
    meter_start: int, samples: Iterable[tuple[int, float, str | None, str | None]]
) -> list[Point]:
    """Points from stored register samples (timestamp, number, unit, phase), ordered by time: a
    moment's total, else its phases.
    """
    moments: dict[int, float] = {}
    phases: dict[int, dict[str, float]] = {}
    for timestamp, number, unit, phase in samples:
        if phase is None:
            # As `to_wh` says: a report calls this for each reading.
            moments[timestamp] = number * 1000 if unit == "kWh" else number
        else:
            phases.setdefault(timestamp, {})[phase.split("-")[0]] = to_wh(number, unit)
    if phases:
        sums = {timestamp: sum(by_line.values()) for timestamp, by_line in phases.items()}
        moments = dict(sorted((sums | moments).items()))
    return [(moment, round(wh) - meter_start) for moment, wh in moments.items()]


def from_intervals(readings: Iterable[tuple[int, int]]) -> list[Point]:
    """Points from stored interval readings of one kind (moment, mWh), ordered by time: each covers
    the time before it.
    """
    points, total = [], 0
    for moment, mwh in readings:
        total += mwh
        points.append((moment, (total + 500) // 1000))
    return points


def course(row: Columns, points: Sequence[Point]) -> list[Point]:
    """The course of a stored transaction. A point that does not fit between start and end, or goes
    back behind the one before it, is left out.
    """
    start, total = row["started_at"], energy.of_transaction(row)
    end = end_of(row)
    if end is None:
        end = max(start, points[-1][0] if points else start)
    direction = 1 if total >= 0 else -1
    limit = direction * total
    kept, moment_before, before = [(start, 0)], start, 0
    for point in points:
        moment, wh = point
        if moment_before < moment < end and before <= direction * wh <= limit:
            kept.append(point)
            moment_before, before = moment, direction * wh
    kept.append((end, total))
    return kept


def wh_at(points: Sequence[Point], moment: int) -> int:
    """How much of a course had been delivered when `moment` (ms) began."""
    if moment <= points[0][0]:
        return 0
    if moment >= points[-1][0]:
        return points[-1][1]
    place = bisect_right(points, (moment, inf))
    (before, wh), (after, more) = points[place - 1], points[place]
    return wh + (more - wh) * (moment - before) // (after - before)
