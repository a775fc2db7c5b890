"""What other nodes leave for this one: commands to send, outcomes somebody waits for here, stations
to look at again. All of it is in the database; a notification only says when to look.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import structlog
import trio

from ocpp_trio.central.context import Central
from ocpp_trio.central.hub import REPLACED
from ocpp_trio.central.queue import Waiter
from ocpp_trio.errors import ChargePointOffline, CommandTimedOut, StoreUnavailable
from ocpp_trio.ocppj.frames import Payload
from ocpp_trio.sealing import seal
from ocpp_trio.store import client_certificates, commands, node_messages, nodes
from ocpp_trio.store.database import Row

log = structlog.get_logger(source="nodes")

REMOVED = "removed from the list of charge points"


class Wakeups:
    """Looks when it is rung, and every OCPP_POLL_INTERVAL."""

    def __init__(self, central: Central) -> None:
        self._central = central
        self._bell = trio.Event()
        # What rang: commands by id, or that there is something else.
        self._commands: set[int] = set()
        self._whole = False

    def ring(self, hint: str) -> None:
        """A notification came; it says what of."""
        if hint.isascii() and hint.isdigit():
            self._commands.add(int(hint))
        else:
            self._whole = True
        self._bell.set()

    async def run(self, serve: Callable[[Row], None]) -> None:
        """Look, for ever. `serve` is given each command that this node is to send; again and again,
        as long as it is not sent.
        """
        interval = self._central.settings.poll_interval
        due = trio.current_time()
        while True:
            with trio.move_on_at(due):
                await self._bell.wait()
            self._bell = trio.Event()
            hinted, self._commands = self._commands, set()
            is_due = self._whole or trio.current_time() >= due
            try:
                if is_due:
                    self._whole = False
                    due = trio.current_time() + interval
                    await self._look(serve)
                else:
                    for row in await self._central.database.read(commands.several, list(hinted)):
                        self._take(row, serve)
            except StoreUnavailable:
                # What was missed is found at the next look.
                self._give_up_in_time()
                await trio.sleep(min(interval, 1))

    async def _look(self, serve: Callable[[Row], None]) -> None:
        central = self._central
        news = await central.database.read(nodes.news, central.node.id, list(central.queue.awaited))
        for row in news.commands:
            self._take(row, serve)
        for row in news.messages:
            await self._look_at(row)
        if news.messages:
            done = [row["message_id"] for row in news.messages]
            await central.database.write(node_messages.delete, done)

    def _take(self, row: Row, serve: Callable[[Row], None]) -> None:
        here = self._central.node.id
        if row["state"] == "queued" and row["node_id"] == here and row["from_node_id"] != here:
            serve(row)
        else:
            self._central.queue.recorded(row)

    async def _look_at(self, row: Row) -> None:
        central = self._central
        session = central.hub.get(row["charge_point_id"])
        if session is None:
            return
        if row["id"] is None:
            session.end(1008, REMOVED)
        elif row["connection"] != session.connection:
            session.end(1008, REPLACED)
        else:
            session.registration = row["registration"]
            session.set_tolerance(
                row["vendor"], row["model"], row["firmware_version"], row["conformance"]
            )
            central.queue.add(session.charge_point_id)
            if session.certificate is not None:
                judgement = await central.database.read(
                    client_certificates.judge,
                    session.charge_point_id,
                    session.certificate,
                    central.settings.cpo_name,
                    central.now(),
                )
                if judgement.problem is not None:
                    session.end(1008, f"its certificate {judgement.problem}")

    def _give_up_in_time(self) -> None:
        """Nobody is kept waiting for longer than the database may fail."""
        central = self._central
        if central.database.failing_for() >= central.settings.db_offline_after:
            for command_id in central.queue.awaited:
                error = CommandTimedOut(
                    "the database is not available; the command may have been carried out"
                )
                central.queue.over(command_id, None, error)


async def hear_of_others(central: Central, serve: Callable[[Row], None]) -> None:
    """Do what others leave for this node, for ever; with PostgreSQL woken by it."""
    wakeups = Wakeups(central)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(wakeups.run, serve)
        if central.settings.listen:
            # Imported here: SQLite need not load psycopg.
            from ocpp_trio.store.listening import listen

            nursery.start_soon(listen, central.settings, central.node.id, wakeups.ring)


def owner_of(central: Central, row: Row) -> str | None:
    """The node to which a stored charge point is connected, if that is another than this one."""
    session = central.hub.get(row["id"])
    if not row["is_connected"] or row["node_id"] == central.node.id:
        return None
    return None if session and session.connection >= row["connection"] else row["node_id"]


async def sealed_for(central: Central, node_id: str, payload: Payload) -> str:
    """A payload that no record may show, for the node that sends it.

    Raises ChargePointOffline if that is no more.
    """
    row = await central.database.read(nodes.find, node_id)
    if row is None:
        raise ChargePointOffline("the server to which the charge point was connected is gone")
    return seal(row["public_key"], msgspec.json.encode(payload))


async def sent_elsewhere(central: Central, waiter: Waiter, answer_timeout: float) -> None:
    """Wait until another node has carried a command out, or has turned out to be dead.

    One that lives and cannot write what the station answered, for want of the database, is not
    waited for longer than a dead one would be.
    """
    await waiter.begun.wait()
    with trio.move_on_after(answer_timeout + central.settings.node_dead_after):
        await waiter.done.wait()
        return
    waiter.error = CommandTimedOut("no word from the node that sent the command")
