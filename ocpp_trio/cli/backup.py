"""ocpp-trio backup: a checked copy of the database."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from ocpp_trio.cli.common import UsageProblem, env_file_option, settings_from
from ocpp_trio.config import Settings
from ocpp_trio.domain.times import system_now
from ocpp_trio.errors import BackupFailed
from ocpp_trio.maintenance.backup import Progress as Report
from ocpp_trio.maintenance.backup import back_up, directory_of


@click.command()
@click.option(
    "--to",
    "directory",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Directory for the copy, created if absent (default: OCPP_BACKUP_DIR, or backups/ beside"
    " the database).",
)
@click.option(
    "--keep",
    type=click.IntRange(1),
    metavar="N",
    help="Newest copies that are kept there (default: OCPP_BACKUP_KEEP).",
)
@env_file_option
def backup(directory: Path | None, keep: int | None, env_file: Path | None) -> None:
    """Copy the database, with the server running or stopped; print the copy's path.

    The copy holds all that was acknowledged before it began. It is checked and complete once it has
    its name, <database>-YYYYmmddTHHMMSSZ.db; older ones beyond --keep are then deleted.
    """
    settings = settings_from(env_file)
    directory = directory or directory_of(settings)
    if settings.db_type == "postgres":
        raise UsageProblem(
            f"DB_TYPE=postgres: use PostgreSQL's own tool:\n{_dump(settings, directory)}"
        )
    database = Path(settings.db_sqlite_path)
    if not database.exists():
        raise UsageProblem(
            f"there is no database at {database.absolute()}; set DB_SQLITE_PATH, or --env-file to"
            " the server's settings"
        )
    console = Console(stderr=True, highlight=False)
    try:
        with _shown(console) as report:
            made = back_up(database, directory, keep or settings.backup_keep, system_now(), report)
    except BackupFailed as error:
        raise click.ClickException(str(error)) from None
    if console.is_terminal:
        removed = f"; older ones deleted: {len(made.removed)}" if made.removed else ""
        click.echo(
            f"{made.rows['transactions']:,} transactions in {made.size:,} bytes, checked{removed}",
            err=True,
        )
    click.echo(made.path)


def _dump(settings: Settings, directory: Path) -> str:
    """The command that does the same for PostgreSQL."""
    command = [
        "pg_dump",
        "--format=custom",
        f"--file={directory / settings.db_name}.dump",
        f"--host={settings.db_host}",
        f"--port={settings.db_port}",
        f"--username={settings.db_user}",
        f"--dbname={settings.db_name}",
    ]
    return (
        f"  PGSSLMODE={settings.db_ssl_mode} {shlex.join(command)}\n"
        "It takes the password from PGPASSWORD or ~/.pgpass, or asks for it."
    )


@contextmanager
def _shown(console: Console) -> Iterator[Report]:
    """A progress bar, if there is a terminal; yields what is to be told of the progress."""
    if not console.is_terminal:
        yield lambda *_: None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("copying", total=None)

        def report(done: int, total: int) -> None:
            about = "checking" if done == total else "copying"
            progress.update(task, completed=done, total=total, description=about)

        yield report
