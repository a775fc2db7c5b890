"""Reports: sums over many transactions, in memory that does not grow with them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from msgspec import Meta
from starlette.responses import Response

from ocpp_trio.api.answers import Energy, Resource, Stream, Timestamp, encode
from ocpp_trio.api.listing import PAGE
from ocpp_trio.api.operation import Call, operation
from ocpp_trio.api.params import Lenient
from ocpp_trio.api.problems import invalid
from ocpp_trio.api.transactions import delivered_wh
from ocpp_trio.domain.times import format_timestamp
from ocpp_trio.store import transactions
from ocpp_trio.store.database import Database, Row

TAG = "Reports"

YEARS = range(1970, 9999)

Day = Annotated[str, Meta(description="YYYY-MM-DD", extra_json_schema={"format": "date"})]


class EnergyQuery(Lenient):
    """Which days."""

    start_date: Day
    end_date: Annotated[Day, Meta(description="YYYY-MM-DD; the day itself is included")]
    timezone: (
        Annotated[str, Meta(description="whose days, such as Europe/Berlin; else OCPP_TIME_ZONE")]
        | None
    ) = None
    split: Annotated[bool, Meta(description="not part of this version")] | None = None


class EnergyReportLine(Resource):
    """One transaction of a report."""

    charge_point_id: str
    transaction_id: int
    start_timestamp: Timestamp | None
    stop_timestamp: Timestamp | None
    energy_delivered: Energy
    id_tag: str
    complete: bool


class EnergyReport(Resource):
    """The transactions that began in a period, with all their energy, oldest first."""

    start_date: Day
    end_date: Day
    timezone: str
    transactions: list[EnergyReportLine]
    total_energy_delivered: Energy
    complete_transactions: int
    incomplete_transactions: int


@operation(
    tag=TAG,
    answer=EnergyReport,
    query=EnergyQuery,
    example={"startDate": "2023-01-01", "endDate": "2023-01-31"},
)
async def report_energy(call: Call[EnergyQuery, None]) -> Response:
    """Report the energy of a period.

    A transaction belongs to the period in which it began, with all its energy.
    """
    query, context = call.query, call.context
    if query.split:
        raise invalid("split", "is not part of this version")
    first, last = _day("startDate", query.start_date), _day("endDate", query.end_date)
    if last < first:
        raise invalid("endDate", "must not be before startDate")
    zone_name = query.timezone or context.settings.time_zone
    zone = _zone(zone_name)
    since, until = _midnight(first, zone), _midnight(last + timedelta(days=1), zone)
    head = {
        "startDate": query.start_date,
        "endDate": query.end_date,
        "timezone": zone_name,
    }
    # Read before anything is sent: a database that fails is still told as a problem.
    rows = await _read(context.database, since, until, None)
    return Stream(_pieces(context.database, head, since, until, rows))


def _day(field: str, text: str) -> date:
    try:
        day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).date()
    except ValueError:
        day = None
    if day is None or day.isoformat() != text or day.year not in YEARS:
        raise invalid(field, "must be a day as YYYY-MM-DD")
    return day


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except Exception:
        raise invalid("timezone", "must be a time zone such as Europe/Berlin") from None


def _midnight(day: date, zone: ZoneInfo) -> int:
    """The beginning of a day, in ms."""
    return int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp() * 1000)


async def _read(database: Database, since: int, until: int, last: Row | None) -> Sequence[Row]:
    place = (since, 0) if last is None else (last["started_at"], last["id"])
    return await database.read(transactions.started_between, since, until, place, PAGE)


async def _pieces(
    database: Database, head: dict[str, str], since: int, until: int, rows: Sequence[Row]
) -> AsyncGenerator[bytes, None]:
    wh = complete = incomplete = 0
    yield encode(head)[:-1] + b',"transactions":['
    before = b""
    while rows:
        lines = []
        for row in rows:
            delivered = delivered_wh(row)
            wh += delivered
            is_complete = bool(row["is_complete"])
            complete += is_complete
            incomplete += not is_complete
            lines.append(_line(row, delivered, is_complete))
        yield before + encode(lines)[1:-1]
        before = b","
        rows = await _read(database, since, until, rows[-1]) if len(rows) == PAGE else ()
    totals = {
        "totalEnergyDelivered": wh / 1000,
        "completeTransactions": complete,
        "incompleteTransactions": incomplete,
    }
    yield b"]," + encode(totals)[1:]


def _line(row: Row, wh: int, is_complete: bool) -> EnergyReportLine:
    return EnergyReportLine(
        charge_point_id=row["charge_point_id"],
        transaction_id=row["id"],
        start_timestamp=format_timestamp(row["started_at"]),
        stop_timestamp=format_timestamp(row["stopped_at"]),
        energy_delivered=wh / 1000,
        id_tag=row["id_tag"],
        complete=is_complete,
    )
