"""Being woken by PostgreSQL: LISTEN, on a connection of its own, under trio-asyncio.

What is heard is a hint and nothing more: while the connection is lost, so are the notifications.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import structlog
import trio
import trio_asyncio

# isort: split
import psycopg
from psycopg import sql

from ocpp_trio.config import Settings
from ocpp_trio.store.postgres_connection import (
    FIRST_DELAY,
    LONGEST_DELAY,
    channel,
    parameters,
    words,
)

log = structlog.get_logger(source="store")

Hear = Callable[[str], None]


async def listen(settings: Settings, node_id: str, hear: Hear) -> None:
    """Call `hear` with the hint of each notification for a node, for ever. Connects again however
    often the connection is lost, and hears "" then: something may have been missed.
    """
    delay = FIRST_DELAY
    while True:
        began = trio.current_time()
        try:
            async with trio_asyncio.open_loop() as loop:
                await _listen(loop, settings, node_id, hear)
        except* (psycopg.Error, OSError) as group:
            error = group.exceptions[0]
            why = words(error) if isinstance(error, psycopg.Error) else str(error)
            log.info("the database wakes this server no longer; it is asked again", why=why)
        if trio.current_time() - began > LONGEST_DELAY:
            delay = FIRST_DELAY
        await trio.sleep(delay * random.uniform(0.5, 1))  # noqa: S311 - jitter
        delay = min(delay * 2, LONGEST_DELAY)


async def _listen(
    loop: trio_asyncio.BaseTrioEventLoop, settings: Settings, node_id: str, hear: Hear
) -> None:
    # With its loop: what psycopg does for its end happens outside of the loop's context.
    in_trio = trio_asyncio.aio_as_trio
    connection = await in_trio(psycopg.AsyncConnection.connect, loop=loop)(
        **parameters(settings), autocommit=True
    )
    try:
        statement = sql.SQL("LISTEN {}").format(sql.Identifier(channel(node_id)))
        await in_trio(connection.execute, loop=loop)(statement)
        hear("")
        async for notification in in_trio(connection.notifies(), loop=loop):
            hear(notification.payload)
    finally:
        with trio.CancelScope(shield=True):
            await in_trio(connection.close, loop=loop)()
