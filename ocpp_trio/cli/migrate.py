"""ocpp-trio migrate: bring the database's schema up to date."""

from __future__ import annotations

from pathlib import Path

import click

from ocpp_trio.cli.common import UsageProblem, env_file_option, settings_from
from ocpp_trio.errors import StoreError
from ocpp_trio.store.migrate import migrate_sqlite, sqlite_state
from ocpp_trio.store.sqlite import SqliteLock


@click.command()
@click.option("--check", is_flag=True, help="Only say what is pending; exit 1 if anything is.")
@env_file_option
def migrate(check: bool, env_file: Path | None) -> None:
    """Bring the database's schema up to date (the server must be stopped)."""
    settings = settings_from(env_file)
    if settings.db_type != "sqlite":
        raise UsageProblem("DB_TYPE=postgres is not part of this version yet")
    path = Path(settings.db_sqlite_path)
    try:
        if check:
            pending = sqlite_state(path).pending
            click.echo(
                f"{path}: " + (f"pending: {', '.join(pending)}" if pending else "up to date")
            )
            raise SystemExit(1 if pending else 0)
        lock = SqliteLock(path)
        try:
            done = migrate_sqlite(path).pending
        finally:
            lock.release()
    except (StoreError, OSError) as error:
        raise UsageProblem(str(error)) from None
    click.echo(f"{path}: " + (f"applied {', '.join(done)}" if done else "already up to date"))
