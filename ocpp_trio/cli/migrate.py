"""ocpp-trio migrate: bring the database's schema up to date."""

from __future__ import annotations

from pathlib import Path

import click

from ocpp_trio.cli.common import UsageProblem, env_file_option, settings_from
from ocpp_trio.config import Settings
from ocpp_trio.errors import StoreError
from ocpp_trio.store.migrate import migrate_sqlite, sqlite_state
from ocpp_trio.store.sqlite import SqliteLock


@click.command()
@click.option("--check", is_flag=True, help="Only say what is pending; exit 1 if anything is.")
@env_file_option
def migrate(check: bool, env_file: Path | None) -> None:
    """Bring the database's schema up to date (a server that uses SQLite must be stopped)."""
    settings = settings_from(env_file)
    place = settings.database_place
    try:
        if check:
            pending = _pending(settings)
            click.echo(
                f"{place}: " + (f"pending: {', '.join(pending)}" if pending else "up to date")
            )
            raise SystemExit(1 if pending else 0)
        done = _migrate(settings)
    except (StoreError, OSError) as error:
        raise UsageProblem(str(error)) from None
    click.echo(f"{place}: " + (f"applied {', '.join(done)}" if done else "already up to date"))


def _pending(settings: Settings) -> tuple[str, ...]:
    if settings.db_type == "postgres":
        # Imported here and below: SQLite need not load psycopg.
        from ocpp_trio.store import opening_postgres

        return opening_postgres.state(settings).pending
    return sqlite_state(Path(settings.db_sqlite_path)).pending


def _migrate(settings: Settings) -> tuple[str, ...]:
    """What was applied."""
    if settings.db_type == "postgres":
        from ocpp_trio.store import opening_postgres

        return opening_postgres.bring_up_to_date(settings).pending
    path = Path(settings.db_sqlite_path)
    lock = SqliteLock(path)
    try:
        return migrate_sqlite(path).pending
    finally:
        lock.release()
