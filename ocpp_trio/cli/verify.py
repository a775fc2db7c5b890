"""ocpp-trio verify: whether a copy, or the database itself, is sound."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from ocpp_trio.maintenance.verify import Report
from ocpp_trio.maintenance.verify import verify as verify_file


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def verify(file: Path, as_json: bool) -> None:
    """Check a copy or a database: that it is whole, its schema, its books. Nothing is written.

    Exit code 0 if it is sound, 1 if not; every problem is named.
    """
    try:
        report = verify_file(file)
    except OSError as error:
        raise click.ClickException(f"{file}: {error.strerror or error}") from None
    click.echo(_as_json(report) if as_json else _as_text(report))
    sys.exit(1 if report.problems else 0)


def _as_json(report: Report) -> str:
    return json.dumps(
        {
            "file": str(report.path),
            "ok": not report.problems,
            "bytes": report.size,
            "schemaSteps": report.applied,
            "pendingSchemaSteps": report.pending,
            "rows": report.rows,
            "newestTransaction": report.newest or None,
            "problems": report.problems,
        },
        indent=2,
    )


def _as_text(report: Report) -> str:
    lines = [f"{report.path}: {report.size:,} bytes"]
    if report.applied:
        lines.append(f"  schema: {report.applied[-1]}, {_age(report)}")
    if report.newest:
        lines.append(f"  newest transaction: {report.newest}")
    if report.rows:
        width = max(len(name) for name in report.rows)
        lines.append("  rows:")
        lines += [f"    {name:{width}}  {count:,}" for name, count in report.rows.items()]
    lines += [f"  problem: {problem}" for problem in report.problems]
    lines.append("not sound" if report.problems else "sound")
    return "\n".join(lines)


def _age(report: Report) -> str:
    if report.pending:
        return f"older than this version (the server will add {', '.join(report.pending)})"
    return "as this version needs it"
