"""ocpp-trio tags: tags as CSV, in and out, whether a server runs or not."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, BinaryIO

import click

from ocpp_trio import logs
from ocpp_trio.cli.access import Access, audited, with_access, work
from ocpp_trio.cli.common import UsageProblem
from ocpp_trio.cli.remote import asking, pieces
from ocpp_trio.domain import tag_csv
from ocpp_trio.domain.times import system_now
from ocpp_trio.errors import TagFileRefused
from ocpp_trio.store import id_tags, tag_files
from ocpp_trio.store import logs as log_store
from ocpp_trio.store.database import Database
from ocpp_trio.store.tag_files import Counts

PAGE = 1000
STANDARD = "-"


@click.group()
def tags() -> None:
    """Import and export the tags that may charge, as CSV.

    If no server holds the database, it is worked on directly; otherwise by the API of the server
    that runs.
    """


@tags.command("import")
@click.argument("file", type=click.File("rb"))
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@with_access
def import_tags(
    access: Access,
    file: BinaryIO,
    dry_run: bool,
) -> None:
    """Create and change tags from a CSV file ("-": standard input), all of them or none.

    The first line names the columns: idTag, and any of parentIdTag, status, expiryDate,
    maxActiveTransactions, note. A column that is absent leaves what is stored, an empty field
    clears it. One line that cannot be used refuses the file.
    """
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
        detail = {"bytes": len(raw)}
        unit = tag_files.store
        counts: Counts = await audited(database, "importAuthorizations", None, detail, unit, given)
        text = f"tags imported (created: {counts.created}, updated: {counts.updated})"
        entry = logs.Entry(None, now, "INFO", "command line", text)
        await database.write(log_store.insert, [entry])
        return counts

    counts = work(access, directly, by_api)
    click.echo(
        f"{counts.created} created, {counts.updated} updated, {counts.unchanged} unchanged"
        + (" (dry run: nothing was stored)" if dry_run else "")
    )


@tags.command("export")
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True))
@with_access
def export_tags(access: Access, file: str) -> None:
    """Write all tags to a CSV file ("-": standard output), which can be imported again."""
    with _writing(file) as out:

        def by_api() -> None:
            with asking(access.remote, "GET", "/api/authorizations/export") as response:
                out.writelines(pieces(response))

        async def directly(database: Database) -> None:
            async for piece in _pieces(database):
                out.write(piece)

        work(access, directly, by_api)


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
