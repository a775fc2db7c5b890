"""ocpp-trio tags: tags as CSV, in and out, whether a server runs or not."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO, BinaryIO, NamedTuple, TypeVar

import click
import trio

from ocpp_trio import logs
from ocpp_trio.cli.common import UsageProblem, env_file_option, settings_from
from ocpp_trio.cli.remote import ApiRefused, Remote, asking, default_url, pieces
from ocpp_trio.config import Settings
from ocpp_trio.domain import tag_csv
from ocpp_trio.domain.times import system_now
from ocpp_trio.errors import DatabaseInUse, StoreError, TagFileRefused
from ocpp_trio.store import id_tags, tag_files
from ocpp_trio.store import logs as log_store
from ocpp_trio.store.database import Database
from ocpp_trio.store.opening import open_database
from ocpp_trio.store.tag_files import Counts

PAGE = 1000
STANDARD = "-"

T = TypeVar("T")
Command = Callable[..., None]


class Access(NamedTuple):
    """The settings in force, and the API that may be asked: at once if its URL was given."""

    settings: Settings
    remote: Remote
    is_given: bool


@click.group()
def tags() -> None:
    """Import and export the tags that may charge, as CSV.

    If no server holds the database, it is worked on directly; otherwise by the API of the server
    that runs.
    """


def _access_options(command: Command) -> Command:
    for option in (
        env_file_option,
        click.option(
            "--timeout",
            type=click.FloatRange(0, min_open=True),
            default=60.0,
            show_default=True,
            metavar="SECONDS",
            help="For an answer of the API.",
        ),
        click.option(
            "--api-key",
            envvar="OCPP_API_KEY",
            show_envvar=True,
            metavar="KEY",
            help="Key for the API; in the variable it is not seen in the list of processes.",
        ),
        click.option(
            "--api",
            metavar="URL",
            help="HTTP API to use in any case; otherwise, if a server holds the database, that of"
            " the settings.",
        ),
    ):
        command = option(command)
    return command


def _access(env_file: Path | None, api: str | None, api_key: str | None, timeout: float) -> Access:
    logs.configure("warning", "console")
    settings = settings_from(env_file)
    remote = Remote(api or default_url(settings), api_key or settings.api_key, timeout)
    return Access(settings, remote, api is not None)


@tags.command("import")
@click.argument("file", type=click.File("rb"))
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@_access_options
def import_tags(
    file: BinaryIO,
    dry_run: bool,
    env_file: Path | None,
    api: str | None,
    api_key: str | None,
    timeout: float,
) -> None:
    """Create and change tags from a CSV file ("-": standard input), all of them or none.

    The first line names the columns: idTag, and any of parentIdTag, status, expiryDate,
    maxActiveTransactions, note. A column that is absent leaves what is stored, an empty field
    clears it. One line that cannot be used refuses the file.
    """
    access = _access(env_file, api, api_key, timeout)
    raw = file.read()

    def by_api() -> Counts:
        path = f"/api/authorizations/import?dry_run={str(dry_run).lower()}"
        with asking(access.remote, "POST", path, raw, "text/csv") as response:
            told = json.loads(response.read())
            return Counts(*(told[name] for name in Counts._fields))

    async def directly(database: Database) -> Counts:
        try:
            given = tag_csv.read(raw)
        except TagFileRefused as refused:
            lines = [f"  line {line}: {text}" for line, text in refused.problems]
            more = refused.total - len(lines)
            lines += [f"  and {more} more"] if more else []
            raise UsageProblem(
                "nothing was stored; these lines cannot be used:\n" + "\n".join(lines)
            ) from None
        if dry_run:
            return await database.read(tag_files.compare, given)
        now = system_now()
        counts = await database.write(tag_files.store, given, now)
        text = f"tags imported (created: {counts.created}, updated: {counts.updated})"
        entry = logs.Entry(None, now, "INFO", "command line", text)
        await database.write(log_store.insert, [entry])
        return counts

    counts = _work(access, directly, by_api)
    click.echo(
        f"{counts.created} created, {counts.updated} updated, {counts.unchanged} unchanged"
        + (" (dry run: nothing was stored)" if dry_run else "")
    )


@tags.command("export")
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True))
@_access_options
def export_tags(
    file: str, env_file: Path | None, api: str | None, api_key: str | None, timeout: float
) -> None:
    """Write all tags to a CSV file ("-": standard output), which can be imported again."""
    access = _access(env_file, api, api_key, timeout)
    with _writing(file) as out:

        def by_api() -> None:
            with asking(access.remote, "GET", "/api/authorizations/export") as response:
                out.writelines(pieces(response))

        async def directly(database: Database) -> None:
            async for piece in _pieces(database):
                out.write(piece)

        _work(access, directly, by_api)


async def _pieces(database: Database) -> AsyncIterator[bytes]:
    yield tag_csv.write((), header=True)
    last = 0
    while rows := await database.read(id_tags.after, last, PAGE):
        yield tag_csv.write(rows, header=False)
        last = rows[-1]["id"]


@contextmanager
def _writing(file: str) -> Iterator[IO[bytes]]:
    """The file to write, which is only there once it is whole."""
    path = Path(file)
    try:
        if file == STANDARD or (path.exists() and not path.is_file()):
            with click.open_file(file, "wb") as out:
                yield out
            return
        partial = Path(f"{file}.partial")
        try:
            with partial.open("wb") as out:
                yield out
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise UsageProblem(f"{file}: {error.strerror}") from None


def _work(
    access: Access, directly: Callable[[Database], Awaitable[T]], by_api: Callable[[], T]
) -> T:
    """Do it on the database if that is free, else by the API."""
    if access.is_given:
        return by_api()
    path = Path(access.settings.db_sqlite_path)
    if access.settings.db_type == "sqlite" and not path.exists():
        raise UsageProblem(
            f"there is no database {path}: start the server once, run `ocpp-trio migrate`, or set"
            " DB_SQLITE_PATH"
        )
    try:
        return trio.run(_on_database, access.settings, directly)
    except DatabaseInUse:
        pass
    except StoreError as error:
        raise UsageProblem(str(error)) from None
    try:
        return by_api()
    except ApiRefused as refused:
        raise ApiRefused(
            f"a server uses {path}, and its API did not do it (--api says where it is):\n"
            f"{refused.message}"
        ) from None


async def _on_database(settings: Settings, work: Callable[[Database], Awaitable[T]]) -> T:
    # Bringing an old schema up to date is for the server, or `ocpp-trio migrate`, to do.
    async with open_database(replace(settings, migrate="check")) as database:
        try:
            return await work(database)
        except (StoreError, click.ClickException) as error:
            # Raised further out: a nursery would wrap it in a group.
            failure = error
    raise failure
