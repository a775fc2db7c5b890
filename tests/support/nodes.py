"""Nodes as the others see them."""

from __future__ import annotations

from ocpp_trio.store import nodes
from ocpp_trio.store.database import Database
from tests.support.clock import START


async def enter(
    database: Database,
    node_id: str,
    *,
    beats: int = 0,
    alone: bool = False,
    place: str = "",
    now: int = START,
) -> list[nodes.Buried]:
    """A node enters; whom it has outlived."""
    member = nodes.Member(node_id, f"name of {node_id}", "all", place)
    return await database.write(nodes.enter, member, beats, alone, now)
