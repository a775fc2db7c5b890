"""An energy report as text: a table for people, CSV for spreadsheets, JSON as the API sends it.

Transactions are written as they come: memory does not grow with them.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TextIO

from ocpp_trio.domain.reports import CHARGE_POINT, CONNECTOR, DAY, PARENT_TAG, TAG, Group, Report
from ocpp_trio.domain.times import format_timestamp
from ocpp_trio.maintenance.energy_report import Line

Record = dict[str, Any]

KEYS = {
    DAY: ("day",),
    CHARGE_POINT: ("chargePointId",),
    CONNECTOR: ("chargePointId", "connectorId"),
    TAG: ("idTag",),
    PARENT_TAG: ("parentIdTag",),
}
COUNTS = (
    "energyDelivered",
    "transactions",
    "completeTransactions",
    "incompleteTransactions",
    "flaggedTransactions",
)
LINE = (
    "chargePointId",
    "transactionId",
    "startTimestamp",
    "stopTimestamp",
    "energyDelivered",
    "idTag",
    "complete",
)
WIDTHS = {
    "chargePointId": 24,
    "transactionId": 13,
    "startTimestamp": 24,
    "stopTimestamp": 24,
    "energyDelivered": 15,
    "idTag": 20,
    "parentIdTag": 20,
    "day": 10,
}
NUMBERS = frozenset({"transactionId", "connectorId", *COUNTS})


def _line(line: Line) -> Record:
    row, wh = line
    return {
        "chargePointId": row["charge_point_id"],
        "transactionId": row["id"],
        "startTimestamp": format_timestamp(row["started_at"]),
        "stopTimestamp": format_timestamp(row["stopped_at"]),
        "energyDelivered": wh / 1000,
        "idTag": row["id_tag"],
        "complete": bool(row["is_complete"]),
    }


def _group(group: Group) -> Record:
    sums = group.sums
    return {
        "day": None if group.day is None else group.day.isoformat(),
        "chargePointId": group.charge_point_id,
        "connectorId": group.connector_id,
        "idTag": group.id_tag,
        "parentIdTag": group.parent_id_tag,
        "energyDelivered": sums.wh / 1000,
        "transactions": sums.complete + sums.incomplete,
        "completeTransactions": sums.complete,
        "incompleteTransactions": sums.incomplete,
        "flaggedTransactions": sums.flagged,
    }


def _records(report: Report, lines: Iterable[Line]) -> tuple[tuple[str, ...], Iterator[Record]]:
    """The columns, and the rows: the groups, or the transactions where there are none."""
    by = report.question.group_by
    if by is None:
        return LINE, map(_line, lines)
    for _ in lines:
        pass
    return (*KEYS[by], *COUNTS), map(_group, report.groups())


def _totals(report: Report) -> Record:
    total = report.total
    return {
        "totalEnergyDelivered": total.wh / 1000,
        "completeTransactions": total.complete,
        "incompleteTransactions": total.incomplete,
    }


def write_json(out: TextIO, report: Report, lines: Iterable[Line]) -> None:
    """One JSON object, as GET /api/reports/energy answers it."""
    question = report.question
    head = {
        "startDate": question.first.isoformat(),
        "endDate": question.last.isoformat(),
        "timezone": question.zone.key,
    }
    _, records = _records(report, lines)
    name = "transactions" if question.group_by is None else "groups"
    out.write(f'{json.dumps(head)[:-1]}, "{name}": [')
    before = "\n"
    for record in records:
        out.write(before + json.dumps(record))
        before = ",\n"
    out.write(f"], {json.dumps(_totals(report))[1:]}\n")


def write_csv(out: TextIO, report: Report, lines: Iterable[Line]) -> None:
    """A header and a row for each transaction or group; energy in kWh, absent values empty."""
    columns, records = _records(report, lines)
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    for record in records:
        values = (record[column] for column in columns)
        writer.writerow(
            [str(value).lower() if isinstance(value, bool) else value for value in values]
        )


def write_table(out: TextIO, report: Report, lines: Iterable[Line]) -> None:
    """Columns of fixed widths, and the totals."""
    columns, records = _records(report, lines)
    out.write(_aligned({column: column for column in columns}, columns))
    for record in records:
        out.write(_aligned(record, columns))
    totals = _totals(report)
    out.write(
        f"\n{totals['totalEnergyDelivered']:.3f} kWh in"
        f" {totals['completeTransactions']} complete and"
        f" {totals['incompleteTransactions']} running transactions\n"
    )


def _aligned(record: Record, columns: Iterable[str]) -> str:
    cells = []
    for column in columns:
        width = WIDTHS.get(column, len(column))
        text = _text(record[column])
        cells.append(text.rjust(width) if column in NUMBERS else text.ljust(width))
    return "  ".join(cells).rstrip() + "\n"


def _text(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3f}"
    # A tag is text of a station: it must not steer the terminal.
    return "".join(each if each.isprintable() else "?" for each in str(value))


FORMATS: dict[str, Callable[[TextIO, Report, Iterable[Line]], None]] = {
    "table": write_table,
    "csv": write_csv,
    "json": write_json,
}
