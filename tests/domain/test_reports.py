"""Sums of a period: days of a zone, groups, and parts of what runs across their edges."""

from __future__ import annotations

from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpp_trio.domain import reports
from ocpp_trio.domain.reports import GROUPINGS, Days, Question, Report, midnight, parse_day
from ocpp_trio.domain.times import parse_timestamp
from ocpp_trio.errors import ReportTooLarge
from tests.support.clock import HOUR

UTC, BERLIN = ZoneInfo("UTC"), ZoneInfo("Europe/Berlin")
# On 2026-10-25 clocks in Berlin go back, the day has 25 hours; on 2026-03-29 it has 23.
ODD_ZONES = ("UTC", "Europe/Berlin", "America/Sao_Paulo", "America/St_Johns", "Pacific/Apia")


def at(text: str) -> int:
    moment = parse_timestamp(text)
    assert moment is not None
    return moment


def row(start: str, stop: str | None, wh: int, **columns: Any) -> dict[str, Any]:
    return {
        "id": 1,
        "charge_point_id": "CP1",
        "connector_id": 1,
        "id_tag": "TAG",
        "tag_key": "tag",
        "parent_id_tag": None,
        "started_at": at(start),
        "stopped_at": None if stop is None else at(stop),
        "is_complete": int(stop is not None),
        "meter_start": 100,
        "meter_stop": None if stop is None else 100 + wh,
        "register_wh": None if stop is not None else 100 + wh,
        "register_at": None if stop is not None else at(start) + HOUR,
        "interval_wh": None,
        "stopped_by": None if stop is None else "station",
    } | columns


def report(first: str, last: str, zone: ZoneInfo = UTC, **asked: Any) -> Report:
    days = parse_day(first), parse_day(last)
    assert days[0] is not None
    assert days[1] is not None
    return Report(Question(days[0], days[1], zone, **asked))


def days_of(made: Report) -> dict[str, int]:
    return {str(group.day): group.sums.wh for group in made.groups()}


@pytest.mark.parametrize("text", ["", "2026-1-1", "20260101", "2026-02-30", "0001-01-01", "x"])
def test_only_one_spelling_is_a_day(text: str) -> None:
    assert parse_day(text) is None


@pytest.mark.parametrize("zone", ODD_ZONES)
@given(st.integers(at("1987-01-01T00:00:00Z") // 60_000, at("2030-01-01T00:00:00Z") // 60_000))
def test_every_moment_has_one_day(zone: str, minutes: int) -> None:
    moment = minutes * 60_000
    day = Days(ZoneInfo(zone)).of(moment)
    assert day.since <= moment < day.until
    assert day.since == midnight(day.date, ZoneInfo(zone))


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [(BERLIN, "2026-10-25", 25), (BERLIN, "2026-03-29", 23), (UTC, "2026-10-25", 24)],
)
def test_days_are_as_long_as_they_are(zone: ZoneInfo, day: str, hours: int) -> None:
    made = report(day, day, zone)
    assert made.question.until - made.question.since == hours * HOUR


def test_each_day_gets_its_part() -> None:
    made = report("2026-10-24", "2026-10-26", BERLIN, group_by="day", split=True)
    # From 20:00 local time to 02:00 two days later: 4 hours, 25 hours and 2 hours.
    made.add(row("2026-10-24T18:00:00Z", "2026-10-26T01:00:00Z", 3100), [])
    assert days_of(made) == {"2026-10-24": 400, "2026-10-25": 2500, "2026-10-26": 200}
    assert made.total.wh == 3100
    assert [group.sums.complete for group in made.groups()] == [1, 1, 1]


def test_only_what_the_period_holds_counts() -> None:
    across = row("2026-11-01T18:00:00Z", "2026-11-03T06:00:00Z", 3600)
    whole = report("2026-11-02", "2026-11-02", split=True)
    assert whole.is_cut(across)
    assert whole.add(across, []) == 2400
    assert report("2026-11-02", "2026-11-02").add(across) == 3600


def test_a_stop_at_midnight_is_of_the_day_before_only() -> None:
    made = report("2026-11-01", "2026-11-03", group_by="day", split=True)
    ends = row("2026-11-01T23:00:00Z", "2026-11-02T00:00:00Z", 10)
    assert not made.is_cut(ends)
    made.add(ends)
    assert days_of(made) == {"2026-11-01": 10}


def test_what_ran_into_the_period_without_energy_is_counted() -> None:
    made = report("2026-11-02", "2026-11-02", group_by="day", split=True)
    silent = row("2026-11-01T08:00:00Z", None, 50)
    assert made.is_cut(silent)
    assert made.add(silent, []) == 0
    assert days_of(made) == {"2026-11-02": 0}
    assert (made.total.complete, made.total.incomplete) == (0, 1)


def test_groups_by_each_key() -> None:
    rows = [
        row("2026-11-01T08:00:00Z", "2026-11-01T09:00:00Z", 1, id_tag="Tag"),
        row("2026-11-01T08:00:00Z", "2026-11-01T09:00:00Z", 2, connector_id=2, parent_id_tag="p"),
        row("2026-11-02T08:00:00Z", "2026-11-02T09:00:00Z", 4, parent_id_tag="P"),
        row("2026-11-02T08:00:00Z", None, 8, charge_point_id="CP2", id_tag="X", tag_key="x"),
        row("2026-11-02T08:00:00Z", "2026-11-02T09:00:00Z", -16, id_tag="X", tag_key="x"),
    ]
    found = {}
    for by in GROUPINGS:
        made = report("2026-11-01", "2026-11-30", group_by=by)
        for each in rows:
            made.add(each)
        assert made.total.wh == -1
        assert sum(group.sums.wh for group in made.groups()) == -1
        found[by] = [
            (
                group.day and group.day.day,
                *(group.charge_point_id, group.connector_id, group.id_tag, group.parent_id_tag),
                *(group.sums.wh, group.sums.complete, group.sums.incomplete, group.sums.flagged),
            )
            for group in made.groups()
        ]
    assert found == {
        "day": [
            (1, None, None, None, None, 3, 2, 0, 0),
            (2, None, None, None, None, -4, 2, 1, 1),
        ],
        "charge-point": [
            (None, "CP1", None, None, None, -9, 4, 0, 1),
            (None, "CP2", None, None, None, 8, 0, 1, 0),
        ],
        "connector": [
            (None, "CP1", 1, None, None, -11, 3, 0, 1),
            (None, "CP1", 2, None, None, 2, 1, 0, 0),
            (None, "CP2", 1, None, None, 8, 0, 1, 0),
        ],
        "tag": [
            (None, None, None, "Tag", None, 7, 3, 0, 0),
            (None, None, None, "X", None, -8, 1, 1, 1),
        ],
        "parent-tag": [
            (None, None, None, None, "p", 6, 2, 0, 0),
            (None, None, None, None, None, -7, 2, 1, 1),
        ],
    }


def test_groups_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reports, "MAX_GROUPS", 2)
    made = report("2026-11-01", "2026-11-30", group_by="charge-point")
    for point in ("CP1", "CP2", "CP1"):
        made.add(row("2026-11-01T08:00:00Z", None, 1, charge_point_id=point))
    with pytest.raises(ReportTooLarge, match="more than 2 groups"):
        made.add(row("2026-11-01T08:00:00Z", None, 1, charge_point_id="CP3"))


SESSIONS = st.lists(
    st.tuples(st.integers(-30, 130), st.integers(0, 80), st.integers(-50, 5000), st.booleans()),
    max_size=10,
)


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin"])
@given(SESSIONS)
def test_days_of_a_split_report_add_up(zone: str, drawn: list[tuple[int, int, int, bool]]) -> None:
    """Hours around the end of summer time: the days together are the period, and the periods
    before, within and behind are all there was.
    """
    begin = at("2026-10-24T00:00:00Z")
    sessions = []
    for start, hours, wh, is_complete in drawn:
        columns: dict[str, Any] = {"started_at": begin + start * HOUR, "meter_stop": 100 + wh}
        columns |= {"stopped_at": begin + (start + hours) * HOUR}
        if not is_complete:
            columns = {
                "started_at": begin + start * HOUR,
                "is_complete": 0,
                "stopped_at": None,
                "meter_stop": None,
                "register_wh": 100 + wh,
                "register_at": begin + (start + hours) * HOUR,
            }
        sessions.append(row("2026-10-24T00:00:00Z", "2026-10-24T00:00:00Z", 0, **columns))
    total = 0
    for first, last in (
        ("2026-10-01", "2026-10-24"),
        ("2026-10-25", "2026-10-26"),
        ("2026-10-27", "2026-11-30"),
    ):
        by_day = report(first, last, ZoneInfo(zone), group_by="day", split=True)
        for each in sessions:
            end = max(each["stopped_at"] or each["register_at"], each["started_at"] + 1)
            if each["started_at"] < by_day.question.until and end > by_day.question.since:
                by_day.add(each, [] if by_day.is_cut(each) else None)
        assert sum(group.sums.wh for group in by_day.groups()) == by_day.total.wh
        for group in by_day.groups():
            assert group.day is not None
            assert date.fromisoformat(first) <= group.day <= date.fromisoformat(last)
        total += by_day.total.wh
    assert total == sum(
        (each["meter_stop"] if each["is_complete"] else each["register_wh"]) - 100
        for each in sessions
    )
