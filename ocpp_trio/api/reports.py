"""Reports: sums over many transactions, in memory that does not grow with them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from datetime import date
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from msgspec import Meta
from starlette.responses import Response

from ocpp_trio.api.answers import Energy, Resource, Stream, Timestamp, answer, encode
from ocpp_trio.api.operation import Call, operation
from ocpp_trio.api.params import ChargePointId, IdTag, Lenient
from ocpp_trio.api.problems import invalid
from ocpp_trio.config import Settings
from ocpp_trio.domain.reports import Group, Question, Report, parse_day
from ocpp_trio.domain.times import format_timestamp
from ocpp_trio.errors import ReportTooLarge
from ocpp_trio.store import energy_reports
from ocpp_trio.store.database import Database, Row
from ocpp_trio.store.energy_reports import PAGE, Entry

TAG = "Reports"

Day = Annotated[str, Meta(description="YYYY-MM-DD", extra_json_schema={"format": "date"})]


class EnergyQuery(Lenient):
    """Which days, whose transactions, and how they are counted."""

    start_date: Day
    end_date: Annotated[Day, Meta(description="YYYY-MM-DD; the day itself is included")]
    timezone: (
        Annotated[str, Meta(description="whose days, such as Europe/Berlin; else OCPP_TIME_ZONE")]
        | None
    ) = None
    split: Annotated[bool, Meta(description="count only energy inside the period")] | None = None
    group_by: Literal["day", "charge-point", "connector", "tag", "parent-tag"] | None = None
    transactions: (
        Annotated[bool, Meta(description="list them; else only without groupBy")] | None
    ) = None
    charge_point_id: ChargePointId | None = None
    id_tag: IdTag | None = None
    parent_id_tag: IdTag | None = None


class EnergyReportLine(Resource):
    """One transaction of a report. With `split` its energy is what the period holds of it."""

    charge_point_id: str
    transaction_id: int
    start_timestamp: Timestamp | None
    stop_timestamp: Timestamp | None
    energy_delivered: Energy
    id_tag: str
    complete: bool


class EnergyGroup(Resource):
    """A group of a report; what it is not grouped by is null.

    `flaggedTransactions`: whose energy is negative or absurd, and in the sum all the same. By day
    and with `split` a transaction counts in each day in which it ran.
    """

    day: Day | None
    charge_point_id: str | None
    connector_id: int | None
    id_tag: str | None
    parent_id_tag: str | None
    energy_delivered: Energy
    transactions: int
    complete_transactions: int
    incomplete_transactions: int
    flagged_transactions: int


class EnergyReport(Resource):
    """The energy of a period; `transactions` oldest first. `groups` only if they were asked for."""

    start_date: Day
    end_date: Day
    timezone: str
    total_energy_delivered: Energy
    complete_transactions: int
    incomplete_transactions: int
    transactions: list[EnergyReportLine] | None = None
    groups: list[EnergyGroup] | None = None


@operation(
    tag=TAG,
    answer=EnergyReport,
    query=EnergyQuery,
    example={"startDate": "2023-01-01", "endDate": "2023-01-31"},
)
async def report_energy(call: Call[EnergyQuery, None]) -> Response:
    """Report the energy of a period.

    A transaction belongs to the period in which it began, with all its energy. With `split` only
    energy inside the period counts, also of transactions that began before it, and by day only what
    was delivered on that day.
    """
    query, database = call.query, call.context.database
    report = Report(_question(query, call.context.settings))
    head = {
        "startDate": query.start_date,
        "endDate": query.end_date,
        "timezone": report.question.zone.key,
    }
    # Read before anything is sent: a database that fails is still told as a problem.
    entries: Sequence[Entry] = await database.read(energy_reports.page, report, None, PAGE)
    if query.transactions if query.transactions is not None else query.group_by is None:
        return Stream(_pieces(database, report, head, entries))
    try:
        while entries:
            for entry in entries:
                report.add(entry.row, entry.points)
            entries = await _behind(database, report, entries)
        return answer(head | _sums(report))
    except ReportTooLarge as error:
        raise invalid("groupBy", str(error)) from None


def _question(query: EnergyQuery, settings: Settings) -> Question:
    first, last = _day("startDate", query.start_date), _day("endDate", query.end_date)
    if last < first:
        raise invalid("endDate", "must not be before startDate")
    return Question(
        first=first,
        last=last,
        zone=_zone(query.timezone or settings.time_zone),
        group_by=query.group_by,
        split=bool(query.split),
        charge_point_id=query.charge_point_id,
        id_tag=query.id_tag,
        parent_id_tag=query.parent_id_tag,
    )


def _day(field: str, text: str) -> date:
    day = parse_day(text)
    if day is None:
        raise invalid(field, "must be a day as YYYY-MM-DD")
    return day


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except Exception:
        raise invalid("timezone", "must be a time zone such as Europe/Berlin") from None


async def _behind(database: Database, report: Report, entries: Sequence[Entry]) -> Sequence[Entry]:
    if len(entries) < PAGE:
        return ()
    return await database.read(energy_reports.page, report, entries[-1].row, PAGE)


async def _pieces(
    database: Database, report: Report, head: dict[str, str], entries: Sequence[Entry]
) -> AsyncGenerator[bytes, None]:
    yield encode(head)[:-1] + b',"transactions":['
    before = b""
    while entries:
        lines = [_line(entry.row, report.add(entry.row, entry.points)) for entry in entries]
        yield before + encode(lines)[1:-1]
        before = b","
        entries = await _behind(database, report, entries)
    yield b"]," + encode(_sums(report))[1:]


def _sums(report: Report) -> dict[str, Any]:
    total = report.total
    sums = {
        "totalEnergyDelivered": total.wh / 1000,
        "completeTransactions": total.complete,
        "incompleteTransactions": total.incomplete,
    }
    if report.question.group_by is None:
        return sums
    return {"groups": [_group(group) for group in report.groups()], **sums}


def _group(group: Group) -> EnergyGroup:
    sums = group.sums
    return EnergyGroup(
        day=None if group.day is None else group.day.isoformat(),
        charge_point_id=group.charge_point_id,
        connector_id=group.connector_id,
        id_tag=group.id_tag,
        parent_id_tag=group.parent_id_tag,
        energy_delivered=sums.wh / 1000,
        transactions=sums.complete + sums.incomplete,
        complete_transactions=sums.complete,
        incomplete_transactions=sums.incomplete,
        flagged_transactions=sums.flagged,
    )


def _line(row: Row, wh: int) -> EnergyReportLine:
    return EnergyReportLine(
        charge_point_id=row["charge_point_id"],
        transaction_id=row["id"],
        start_timestamp=format_timestamp(row["started_at"]),
        stop_timestamp=format_timestamp(row["stopped_at"]),
        energy_delivered=wh / 1000,
        id_tag=row["id_tag"],
        complete=bool(row["is_complete"]),
    )
