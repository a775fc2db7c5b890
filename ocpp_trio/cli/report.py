"""ocpp-trio report: what the database holds, summed up."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TextIO
from zoneinfo import ZoneInfo

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from ocpp_trio import values
from ocpp_trio.cli.common import UsageProblem, env_file_option, settings_from
from ocpp_trio.domain.reports import GROUPINGS, Question, Report, parse_day
from ocpp_trio.errors import ReportTooLarge, SchemaError, StoreError, StoreUnavailable
from ocpp_trio.maintenance import energy_report
from ocpp_trio.maintenance.energy_report import Line
from ocpp_trio.maintenance.report_formats import FORMATS

PATIENCE = 1.0
"""Seconds after which a person wants to see that something goes on."""
STEP = 1000
"""Transactions between two movements of the bar."""


@click.group()
def report() -> None:
    """Sum up what the database holds."""


def _day(_: click.Context, __: click.Parameter, value: str) -> date:
    day = parse_day(value)
    if day is None:
        raise click.BadParameter(f"{value!r} is not a day as YYYY-MM-DD")
    return day


def _zone(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    try:
        return None if value is None else values.zone(value)
    except ValueError as error:
        raise click.BadParameter(f"{value!r} {error}") from None


@report.command()
@click.option("--from", "first", required=True, callback=_day, metavar="DAY", help="YYYY-MM-DD.")
@click.option(
    "--to", "last", required=True, callback=_day, metavar="DAY", help="The day itself is included."
)
@click.option(
    "--group", "group_by", type=click.Choice(GROUPINGS), help="Sums instead of transactions."
)
@click.option(
    "--split",
    is_flag=True,
    help="Count only energy inside the period, and with --group day inside each day; otherwise a"
    " transaction belongs to the moment of its start.",
)
@click.option(
    "--format", "form", type=click.Choice(tuple(FORMATS)), default="table", show_default=True
)
@click.option(
    "--timezone",
    callback=_zone,
    metavar="ZONE",
    help="Whose days, such as Europe/Berlin.  [default: OCPP_TIME_ZONE]",
)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write to this file, whole or not at all, instead of stdout.",
)
@env_file_option
def energy(
    first: date,
    last: date,
    group_by: str | None,
    split: bool,
    form: str,
    timezone: str | None,
    output: Path | None,
    env_file: Path | None,
) -> None:
    """Report the energy of the days from one to another.

    The database is only read; the server may run or not. Energy is in kWh.

    \b
    ocpp-trio report energy --from 2026-11-01 --to 2026-11-30
    ocpp-trio report energy --from 2026-11-01 --to 2026-11-30 --group day --split --format csv

    Exit code 0 if the report is written, 1 if the database could not be read or the file not be
    written, 2 if something must be mended first.
    """
    if last < first:
        raise UsageProblem(f"--from {first} is after --to {last}")
    settings = settings_from(env_file)
    zone = ZoneInfo(timezone or settings.time_zone)
    made = Report(Question(first, last, zone, group_by=group_by, split=split))
    lines: Iterable[Line] = energy_report.lines(settings, made)
    try:
        with _destination(output) as out:
            # A bar would run into lines that come meanwhile.
            if output is not None or group_by is not None or not sys.stdout.isatty():
                lines = _watched(lines, made.question)
            FORMATS[form](out, made, lines)
    except StoreUnavailable as error:
        raise click.ClickException(str(error)) from None
    except (SchemaError, StoreError) as error:
        raise UsageProblem(str(error)) from None
    except ReportTooLarge as error:
        raise UsageProblem(f"--group {group_by}: {error}") from None


@contextmanager
def _destination(output: Path | None) -> Iterator[TextIO]:
    if output is None:
        yield sys.stdout
        return
    partial = output.with_name(f".{output.name}.{os.getpid()}.partial")
    try:
        with partial.open("w", encoding="utf-8", newline="") as out:
            yield out
        partial.replace(output)
    except OSError as error:
        raise click.ClickException(f"cannot write {output}: {error.strerror}") from None
    finally:
        partial.unlink(missing_ok=True)


def _watched(lines: Iterable[Line], question: Question) -> Iterator[Line]:
    """The lines; on a terminal, a bar shows how far the period is read if that takes long."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield from lines
        return
    columns = (TextColumn("reading"), BarColumn(), TaskProgressColumn())
    bar = Progress(*columns, console=console, transient=True)
    task = bar.add_task("reading", total=question.until - question.since)
    begun = time.monotonic()
    is_shown = False
    try:
        for count, line in enumerate(lines):
            if not is_shown and time.monotonic() - begun > PATIENCE:
                bar.start()
                is_shown = True
            if is_shown and count % STEP == 0:
                bar.update(task, completed=max(0, line[0]["started_at"] - question.since))
            yield line
    finally:
        bar.stop()
