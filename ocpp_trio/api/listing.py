"""Lists: a page of them, or everything as a stream that needs no more memory than a page."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import Annotated, Any, NamedTuple
from urllib.parse import urlencode

import msgspec
from msgspec import Meta
from starlette.responses import Response

from ocpp_trio.api.answers import Stream, answer, encode
from ocpp_trio.api.operation import Call
from ocpp_trio.api.params import INT64_MAX, Lenient
from ocpp_trio.store.database import Row
from ocpp_trio.store.listing import Filter, Listing

PAGE = 1000
"""Rows of one read: a longer snapshot would keep SQLite's WAL from being checkpointed."""

Limit = Annotated[
    int,
    Meta(
        description="at most so many: 1 to 1000, other values are brought into that range",
        extra_json_schema={"minimum": 1, "maximum": PAGE},
    ),
]
Offset = Annotated[int, Meta(ge=0, le=INT64_MAX, description="leave out so many at the beginning")]


class ListQuery(Lenient):
    """What every list can be asked."""

    limit: Limit | None = None
    offset: Offset = 0


class Source(NamedTuple):
    """Where a list's rows come from, and how one is shown.

    `page(limit, offset)` gives rows and how many there are in all, None for too many to count;
    `behind(row, limit)` the rows that follow one.
    """

    page: Callable[[int, int], Awaitable[tuple[Sequence[Row], int | None]]]
    behind: Callable[[Row, int], Awaitable[Sequence[Row]]]
    show: Callable[[Row], Any]


async def answer_list(call: Call[Any, Any], source: Source, default: int | None = None) -> Response:
    """The rows that the query's `limit` (or else `default`) and `offset` ask for; None: all."""
    query = call.query
    asked = default if query.limit is None else query.limit
    limit = None if asked is None else min(max(asked, 1), PAGE)
    rows, total = await source.page(limit or PAGE, query.offset)
    headers = {} if total is None else {"X-Total-Count": str(total)}
    if limit is None and len(rows) == PAGE:
        return Stream(_pieces(rows, source), headers)
    if limit is not None:
        is_more = query.offset + limit < total if total is not None else len(rows) == limit
        links = _links(call, limit, is_more=is_more)
        if links:
            headers["Link"] = links
    return answer([source.show(row) for row in rows], headers=headers)


async def answer_newest_first(
    call: Call[Any, Any], listing: Listing, which: Filter, show: Callable[[Row], Any]
) -> Response:
    """A list in the order of falling ids."""
    database = call.context.database

    async def first(limit: int, offset: int) -> tuple[Sequence[Row], int]:
        total = await database.read(listing.count, which)
        return await database.read(listing.page, which, None, limit, offset), total

    async def behind(row: Row, limit: int) -> Sequence[Row]:
        return await database.read(listing.page, which, row["id"], limit, 0)

    return await answer_list(call, Source(first, behind, show))


async def _pieces(rows: Sequence[Row], source: Source) -> AsyncGenerator[bytes, None]:
    before = b"["
    while rows:
        yield before + encode([source.show(row) for row in rows])[1:-1]
        before = b","
        rows = await source.behind(rows[-1], PAGE) if len(rows) == PAGE else ()
    yield b"]"


def _links(call: Call[Any, Any], limit: int, *, is_more: bool) -> str:
    offset = call.query.offset
    places = {}
    if is_more:
        places["next"] = offset + limit
    if offset > 0:
        places["prev"] = max(offset - limit, 0)
    links = []
    for relation, place in places.items():
        given = msgspec.to_builtins(call.query) | {"limit": limit, "offset": place}
        query = urlencode(
            {
                name: str(value).lower() if isinstance(value, bool) else value
                for name, value in given.items()
                if value is not None
            }
        )
        links.append(f'<{call.path}?{query}>; rel="{relation}"')
    return ", ".join(links)
