"""This node among the others on its database: it shows that it lives, finds out who does not, and
who of them does what is done once.
"""

from __future__ import annotations

import structlog

from ocpp_trio.central.commands import Commands
from ocpp_trio.central.context import Central
from ocpp_trio.central.hub import REPLACED
from ocpp_trio.store import charge_points, nodes
from ocpp_trio.store.database import Row

log = structlog.get_logger(source="nodes")


class Membership:
    """`alone`: nobody else can have the database open, so whoever is on the list is dead."""

    def __init__(self, central: Central, *, alone: bool) -> None:
        self._central = central
        self.alone = alone
        # Other nodes: how far each had counted, and at how many looks it had not moved.
        self._seen: dict[str, tuple[int, int]] = {}
        self._alive: list[str] = []
        settings = central.settings
        self._patience = max(2, round(settings.node_dead_after / settings.node_heartbeat))

    async def enter(self) -> None:
        """Put this node on the list, and end what is left of nodes that it has outlived."""
        central, node = self._central, self._central.node
        for left in await central.database.write(
            nodes.enter, node.member, node.beats, self.alone, central.now()
        ):
            _tell_of(left)

    async def leave(self) -> None:
        """Take it off the list, with the connections and commands it may have left open."""
        central = self._central
        await central.database.write(nodes.leave, central.node.id, central.now())

    async def tick(self, commands: Commands | None = None) -> None:
        """A sign of life, and a look at the others. What dead ones had to hand out goes on with
        `commands`.
        """
        central, node = self._central, self._central.node
        node.beats += 1
        rows = await central.database.write(nodes.beat, node.id, node.beats, central.now())
        if rows is None:
            await self._come_back()
            return
        alive = [row["id"] for row in rows if not await self._is_dead(row)]
        self._seen = {number: seen for number, seen in self._seen.items() if number in alive}
        # Silent for so long, it is dead to the others, and one of them leads.
        node.lead(central.settings.node_dead_after if alive[0] == node.id else 0)
        changed, self._alive = alive != self._alive, alive
        if changed and node.leads and commands is not None:
            await commands.batches.take_up()

    async def _is_dead(self, row: Row) -> bool:
        """Count the looks at which another node has not moved; too many, and it is dead.

        Looks, not seconds: while the database is away nobody can move, and nobody looks.
        """
        central, number, beats = self._central, row["id"], row["beats"]
        if number == central.node.id:
            return False
        before, times = self._seen.get(number, (None, 0))
        times = times + 1 if beats == before else 0
        self._seen[number] = (beats, times)
        if times < self._patience:
            return False
        buried = await central.database.write(nodes.bury, number, beats, central.now())
        if buried is not None:
            _tell_of(buried)
        return True

    async def _come_back(self) -> None:
        """The others took this node for dead: it enters again, and keeps those connections that
        have no successor elsewhere.
        """
        central, node = self._central, self._central.node
        log.warning("the other servers took this one for dead; it goes on")
        node.lead(0)
        sessions = list(central.hub.sessions())
        await self.enter()
        held = [(session.charge_point_id, session.connection) for session in sessions]
        own = await central.database.write(charge_points.reclaim, node.id, held)
        for session in sessions:
            if (session.charge_point_id, session.connection) not in own:
                session.end(1008, REPLACED)


async def joined(central: Central) -> Membership:
    """A membership that has begun. An SQLite file is open to one server only."""
    membership = Membership(central, alone=central.database.kind == "sqlite")
    await membership.enter()
    await membership.tick()
    return membership


def _tell_of(left: nodes.Buried) -> None:
    log.warning(
        "a server is gone; what it left open is put right",
        node=left.name,
        connections=left.connections,
        commands=left.commands,
    )
