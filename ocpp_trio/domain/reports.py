"""The energy of a period, summed: in all, and by day, charge point, connector, tag or parent tag.

Transactions are added one by one and not kept. Everything is integer Wh, so that the total is the
sum of its parts, exactly.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from ocpp_trio.domain import courses, energy
from ocpp_trio.domain.courses import Point
from ocpp_trio.domain.energy import Columns
from ocpp_trio.domain.rules import tag_key
from ocpp_trio.errors import ReportTooLarge

DAY = "day"
CHARGE_POINT = "charge-point"
CONNECTOR = "connector"
TAG = "tag"
PARENT_TAG = "parent-tag"
GROUPINGS = (DAY, CHARGE_POINT, CONNECTOR, TAG, PARENT_TAG)

MAX_GROUPS = 100_000
"""So many fit into some 50 MB; a report with more is not read by anybody."""

YEARS = range(1970, 9999)


class Day(NamedTuple):
    """A day of a time zone: from `since` to just before `until` (ms). Not always 24 hours."""

    date: date
    since: int
    until: int


def parse_day(text: str) -> date | None:
    """The day of YYYY-MM-DD, in that very spelling; None for anything else."""
    try:
        day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).date()
    except ValueError:
        return None
    return day if day.isoformat() == text and day.year in YEARS else None


def midnight(day: date, zone: ZoneInfo) -> int:
    """The beginning of a day, in ms."""
    return int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp() * 1000)


class Days:
    """The days of a time zone. Keeps the last one: moments are asked for in order, mostly."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self._last = self._day(datetime(1970, 1, 2, tzinfo=UTC).date())

    def of(self, moment: int) -> Day:
        """The day of a moment (ms)."""
        if not self._last.since <= moment < self._last.until:
            day = self._day(datetime.fromtimestamp(moment / 1000, self._zone).date())
            # Where clocks go back across midnight, the calendar says the old day once more.
            while moment >= day.until:
                day = self.behind(day)
            while moment < day.since:
                day = self._day(day.date - timedelta(days=1))
            self._last = day
        return self._last

    def behind(self, day: Day) -> Day:
        """The day that follows."""
        date = day.date + timedelta(days=1)
        return Day(date, day.until, midnight(date + timedelta(days=1), self._zone))

    def _day(self, day: date) -> Day:
        return Day(day, midnight(day, self._zone), midnight(day + timedelta(days=1), self._zone))


@dataclass(slots=True)
class Sums:
    """Sums over transactions. `flagged`: with a negative or absurd energy, which is in the sum."""

    wh: int = 0
    complete: int = 0
    incomplete: int = 0
    flagged: int = 0

    def add(self, wh: int, *, is_complete: bool, is_flagged: bool) -> None:
        """One transaction more."""
        self.wh += wh
        self.complete += is_complete
        self.incomplete += not is_complete
        self.flagged += is_flagged


@dataclass(slots=True)
class Group:
    """What is known of a group beside its sums; what it is not grouped by is None."""

    day: date | None = None
    charge_point_id: str | None = None
    connector_id: int | None = None
    id_tag: str | None = None
    parent_id_tag: str | None = None
    sums: Sums = field(default_factory=Sums)


@dataclass(frozen=True, slots=True)
class Question:
    """What a report is asked: the days `first` to `last` of a zone, both included.

    With `split` only energy inside the period counts, and with `group_by` DAY inside each day;
    without it a transaction belongs to the moment of its start, with all its energy.
    """

    first: date
    last: date
    zone: ZoneInfo
    group_by: str | None = None
    split: bool = False
    charge_point_id: str | None = None
    id_tag: str | None = None
    parent_id_tag: str | None = None

    @property
    def since(self) -> int:
        """The beginning of the period, in ms."""
        return midnight(self.first, self.zone)

    @property
    def until(self) -> int:
        """The moment behind its end, in ms."""
        return midnight(self.last + timedelta(days=1), self.zone)


class Report:
    """A report in the making."""

    def __init__(self, question: Question) -> None:
        self.question = question
        self.total = Sums()
        self._since, self._until = question.since, question.until
        self._by, self._split = question.group_by, question.split
        self._days = Days(question.zone)
        self._groups: dict[tuple[object, ...], Group] = {}

    def is_cut(self, row: Columns) -> bool:
        """Whether only part of a transaction counts, or parts of it in several days: `add` then
        must know its course.
        """
        if not self._split:
            return False
        start = row["started_at"]
        if start < self._since:
            return True
        end = courses.end_of(row)
        if end is None:
            return True
        return end > (self._days.of(start).until if self._by == DAY else self._until)

    def add(self, row: Columns, points: Sequence[Point] | None = None) -> int:
        """Count a stored transaction; how much of its energy (Wh) counts.

        `points` tell the course of one that is cut. Raises ReportTooLarge.
        """
        whole = wh = energy.of_transaction(row)
        is_complete = bool(row["is_complete"])
        is_flagged = bool(energy.flags(whole))
        parts: Iterable[tuple[tuple[object, ...], int]]
        if points is None:
            parts = ((self._key(row), wh),)
        else:
            course = courses.course(row, points)
            wh = courses.wh_at(course, self._until) - courses.wh_at(course, self._since)
            parts = self._days_of(course) if self._by == DAY else ((self._key(row), wh),)
        self.total.add(wh, is_complete=is_complete, is_flagged=is_flagged)
        if self._by is not None:
            for key, part in parts:
                group = self._groups.get(key) or self._new_group(key, row)
                group.sums.add(part, is_complete=is_complete, is_flagged=is_flagged)
        return wh

    def groups(self) -> list[Group]:
        """The groups, in the order of their keys; who has no parent tag is the last one."""
        order = sorted(self._groups, key=lambda key: [(part is None, part) for part in key])
        return [self._groups[key] for key in order]

    def _days_of(self, course: Sequence[Point]) -> Iterator[tuple[tuple[object, ...], int]]:
        first = max(course[0][0], self._since)
        last = max(first, min(course[-1][0], self._until) - 1)
        day = self._days.of(first)
        before = courses.wh_at(course, self._since)
        while True:
            wh = courses.wh_at(course, day.until)
            yield (day.date,), wh - before
            before = wh
            if last < day.until:
                return
            day = self._days.behind(day)

    def _key(self, row: Columns) -> tuple[object, ...]:
        if self._by == DAY:
            return (self._days.of(row["started_at"]).date,)
        if self._by == CHARGE_POINT:
            return (row["charge_point_id"],)
        if self._by == CONNECTOR:
            return (row["charge_point_id"], row["connector_id"])
        if self._by == TAG:
            return (row["tag_key"],)
        return (None if row["parent_id_tag"] is None else tag_key(row["parent_id_tag"]),)

    def _new_group(self, key: tuple[object, ...], row: Columns) -> Group:
        if len(self._groups) >= MAX_GROUPS:
            raise ReportTooLarge(f"more than {MAX_GROUPS:,} groups; ask for a shorter period")
        group = self._groups[key] = self._named(key, row)
        return group

    def _named(self, key: tuple[object, ...], row: Columns) -> Group:
        if self._by == DAY:
            (day,) = key
            assert isinstance(day, date)
            return Group(day=day)
        if self._by == CHARGE_POINT:
            return Group(charge_point_id=row["charge_point_id"])
        if self._by == CONNECTOR:
            return Group(charge_point_id=row["charge_point_id"], connector_id=row["connector_id"])
        if self._by == TAG:
            return Group(id_tag=row["id_tag"])
        return Group(parent_id_tag=row["parent_id_tag"])
