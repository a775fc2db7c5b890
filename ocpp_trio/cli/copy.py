"""ocpp-trio copy: from SQLite to PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from ocpp_trio import config
from ocpp_trio.cli.common import UsageProblem
from ocpp_trio.config import Settings
from ocpp_trio.errors import ConfigError, CopyFailed, StoreError
from ocpp_trio.maintenance.copying import Progress as Report
from ocpp_trio.maintenance.copying import copy as copy_database


@click.command()
@click.option(
    "--from",
    "source",
    metavar="URL",
    required=True,
    help="The SQLite database: sqlite:ocpp_server.db, or sqlite:////var/lib/ocpp/ocpp_server.db.",
)
@click.option(
    "--to",
    "target",
    metavar="URL",
    required=True,
    help="The empty PostgreSQL database: postgresql://user@host:5432/name. Its password may be in"
    " DB_PASSWORD instead.",
)
def copy(source: str, target: str) -> None:
    """Copy everything from a SQLite database into an empty PostgreSQL database.

    The server must be stopped. A copy that was interrupted goes on where it was when it is started
    again. At the end both databases are compared, row by row.
    """
    here = _settings(source, "--from", "sqlite")
    there = _settings(target, "--to", "postgres")
    console = Console(stderr=True, highlight=False)
    try:
        with _shown(console) as report:
            copied = copy_database(here, there, report)
    except CopyFailed as error:
        raise click.ClickException(str(error)) from None
    except (StoreError, OSError) as error:
        raise UsageProblem(str(error)) from None
    before = f" ({copied.before:,} of them before)" if copied.before else ""
    click.echo(
        f"{sum(copied.rows.values()):,} rows of {len(copied.rows)} tables copied{before},"
        f" {copied.rows['transactions']:,} transactions among them; counts and checksums agree"
    )


def _settings(url: str, option: str, kind: str) -> Settings:
    try:
        settings = config.of_database(url)
    except ConfigError as error:
        raise UsageProblem(
            "; ".join(each.replace(config.DATABASE_URL, option) for each in error.problems)
        ) from None
    if settings.db_type != kind:
        scheme = "sqlite:" if kind == "sqlite" else "postgresql://"
        raise UsageProblem(
            f"{option} must begin with {scheme}: copies go from SQLite to PostgreSQL"
        )
    return settings


@contextmanager
def _shown(console: Console) -> Iterator[Report]:
    """A progress bar on a terminal, elsewhere a line for each tenth; yields what is to be told."""
    if not console.is_terminal:
        told = -1

        def line(about: str, done: int, total: int) -> None:
            nonlocal told
            tenth = 10 * done // total if total else 10
            if tenth != told:
                told = tenth
                console.print(f"{about}: {done:,}/{total:,} rows")

        yield line
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("rows"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("copying", total=None)
        yield lambda about, done, total: progress.update(
            task, completed=done, total=total, description=about
        )
