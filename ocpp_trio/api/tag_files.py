"""Tags as CSV: a file in, a file out."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Annotated

import msgspec
import structlog
import trio
from msgspec import Meta
from starlette.responses import Response

from ocpp_trio.api.answers import Resource, Stream, answer
from ocpp_trio.api.auth import OPERATE
from ocpp_trio.api.authorizations import TAG
from ocpp_trio.api.listing import PAGE
from ocpp_trio.api.operation import Call, operation
from ocpp_trio.api.params import NoQuery, Strict
from ocpp_trio.api.problems import Problem
from ocpp_trio.domain import tag_csv
from ocpp_trio.errors import TagFileRefused
from ocpp_trio.store import id_tags, tag_files
from ocpp_trio.store.database import Database, Row

log = structlog.get_logger()

CSV = "text/csv"

_readers = trio.CapacityLimiter(1)
"""A large file takes a second to read: in a thread, one at a time."""


class ImportQuery(Strict):
    """Whether to change anything."""

    dry_run: Annotated[bool, Meta(description="true: only say what would be done")] = msgspec.field(
        default=False, name="dry_run"
    )


class Imported(Resource):
    """What became of a file of tags; with `dryRun`, what would."""

    created: int
    updated: int
    unchanged: int
    dry_run: bool


@operation(
    tag=TAG,
    answer=Imported,
    role=OPERATE,
    query=ImportQuery,
    upload=CSV,
    example={"dry_run": "true"},
)
async def import_authorizations(call: Call[ImportQuery, bytes]) -> Response:
    """Create and change tags from a CSV file, all of them or none.

    The first line names the columns: idTag, and any of parentIdTag, status, expiryDate,
    maxActiveTransactions, note. A column that is absent leaves what is stored, an empty field
    clears it. One line that cannot be used refuses the file; the answer names each, up to 100.
    """
    context, dry_run = call.context, call.query.dry_run
    try:
        file = await trio.to_thread.run_sync(tag_csv.read, call.body, limiter=_readers)
    except TagFileRefused as refused:
        raise _as_problem(refused) from None
    if dry_run:
        counts = await context.database.read(tag_files.compare, file)
    else:
        counts = await context.database.write(tag_files.store, file, context.now())
        log.info("tags imported", source="api", **counts._asdict(), by=call.actor)
    return answer(Imported(**counts._asdict(), dry_run=dry_run))


def _as_problem(refused: TagFileRefused) -> Problem:
    what = "1 line" if refused.total == 1 else f"{refused.total} lines"
    return Problem(
        "invalid-request",
        f"{what} of the file cannot be used, so nothing was stored; {refused}",
        errors=[(f"line {line}", text) for line, text in refused.problems],
    )


@operation(tag=TAG, answer=str, media_type=CSV)
async def export_authorizations(call: Call[NoQuery, None]) -> Response:
    """Write all tags as a CSV file, oldest first, which can be imported again."""
    database = call.context.database
    rows = await database.read(id_tags.after, 0, PAGE)
    headers = {"content-disposition": 'attachment; filename="tags.csv"'}
    return Stream(_pieces(database, rows), headers, CSV)


async def _pieces(database: Database, rows: Sequence[Row]) -> AsyncGenerator[bytes, None]:
    yield tag_csv.write((), header=True)
    while rows:
        yield tag_csv.write(rows, header=False)
        rows = await database.read(id_tags.after, rows[-1]["id"], PAGE) if len(rows) == PAGE else ()
