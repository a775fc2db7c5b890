"""Stations over memory streams against the real central system, each step compared with a model.

A history is a list of operations that hold only small numbers: what they refer to is found when
they run, so that any part of a history is a history too, and a failing one shrinks.
"""

from __future__ import annotations

import copy
import json
import sqlite3
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import psycopg
import pytest
import trio
from trio.testing import (
    MemoryReceiveStream,
    MemorySendStream,
    memory_stream_pair,
    wait_all_tasks_blocked,
)
from trio_websocket import ConnectionClosed, WebSocketConnection, wrap_client_stream

from ocpp_trio.central import keepalive
from ocpp_trio.central.context import Central
from ocpp_trio.central.listener import Listener
from ocpp_trio.config import Settings
from ocpp_trio.store import id_tags
from ocpp_trio.store.opening import open_database
from tests.support.clock import FakeNow
from tests.support.faults import Killed
from tests.support.model import Books, Moment, Payload, Tag, read_view

BOOT = {"chargePointVendor": "Test", "chargePointModel": "T1"}
TAGS = {
    "GOOD": Tag(),
    "ONE": Tag(limit=1),
    "BLOCKED": Tag("Blocked"),
    "EXPIRED": Tag("Expired"),
}
REMEMBERED = 8

MemoryStream = trio.StapledStream[MemorySendStream, MemoryReceiveStream]

NOW, QUEUED, UNANSWERED, KILLED = "now", "queued", "unanswered", "killed"


class Sent(NamedTuple):
    """A message that a station has made."""

    station: str
    action: str
    payload: Payload
    id: str

    @property
    def text(self) -> str:
        return json.dumps([2, self.id, self.action, self.payload])


class Link:
    """A station's connection; `memory` is what the server must answer from memory."""

    def __init__(self, websocket: WebSocketConnection, stream: MemoryStream) -> None:
        self.websocket = websocket
        self.stream = stream
        self.memory: OrderedDict[str, tuple[str, Payload]] = OrderedDict()

    def cut(self) -> None:
        """The network goes away, at once."""
        self.stream.send_stream.close()
        self.stream.receive_stream.close()

    def remember(self, sent: Sent, answer: Payload) -> None:
        self.memory[sent.id] = (sent.text, answer)
        self.memory.move_to_end(sent.id)
        if len(self.memory) > REMEMBERED:
            self.memory.popitem(last=False)


def _connect(settings: Settings) -> sqlite3.Connection | psycopg.Connection[Any]:
    """A connection of one's own. It makes the file of SQLite if there is none."""
    if settings.db_type == "sqlite":
        return sqlite3.connect(settings.db_sqlite_path, isolation_level=None)
    return psycopg.connect(
        host=settings.db_host,
        port=settings.db_port,
        user=settings.db_user,
        dbname=settings.db_name,
        autocommit=True,
    )


class World:
    """A central system, its stations, and the model of its books."""

    def __init__(self, settings: Settings, now: FakeNow, clients: trio.Nursery) -> None:
        self.settings = settings
        self.now = now
        self.books = Books(copy.deepcopy(TAGS))
        self.moments: dict[str, Moment] = {}
        self.history: list[Sent] = []
        self.queues: dict[str, list[Sent]] = {}
        self.links: dict[str, Link] = {}
        self._clients = clients
        self._ids = 0
        self._sessions: trio.Nursery | None = None
        self.stopped = trio.Event()
        # Its own view of the database, over the server's head.
        self._reader = _connect(settings)

    def close(self) -> None:
        """Let go of the database."""
        self._reader.close()

    # The server.

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """One life of the server process, until it is ended or killed."""
        self.stopped = stopped = trio.Event()
        try:
            async with open_database(self.settings, inline=True) as database:
                self.central = Central(self.settings, database, self.now)
                self.listener = Listener(self.central)
                async with trio.open_nursery() as sessions:
                    self._sessions = sessions
                    sessions.start_soon(keepalive.watch, self.central)
                    task_status.started()
        except* Killed:
            pass
        finally:
            self.links.clear()
            stopped.set()

    async def start_server(self) -> None:
        await self._clients.start(self.serve)

    async def end_server(self, *, orderly: bool) -> None:
        """End the server: as SIGTERM does, or in the middle of whatever it does."""
        assert self._sessions is not None
        if orderly:
            self.central.hub.end_all(1001, "the server is stopping")
            await wait_all_tasks_blocked()
        self._sessions.cancel_scope.cancel()
        await self.stopped.wait()
        await wait_all_tasks_blocked()

    async def set_tag(self, name: str, tag: Tag) -> None:
        """Change a tag, as over the API."""
        fields: Payload = {"status": tag.status, "max_active_transactions": tag.limit}
        self.books.tags[name] = tag
        await self.central.database.write(id_tags.put, name, fields, self.now())

    # Connections.

    async def connect(self, station: str) -> None:
        """Connect; an older connection of the station must be closed at once."""
        older = self.links.get(station)
        ours, theirs = memory_stream_pair()
        assert self._sessions is not None
        self._sessions.start_soon(self.listener.serve_stream, theirs)
        websocket = await wrap_client_stream(
            self._clients,
            ours,  # type: ignore[arg-type]
            "test",
            f"/{station}",
            subprotocols=("ocpp1.6",),
        )
        self.links[station] = Link(websocket, ours)
        if older is not None:
            with trio.fail_after(1), pytest.raises(ConnectionClosed) as closed:
                await older.websocket.get_message()
            assert closed.value.reason is not None
            assert closed.value.reason.code == 1008

    async def cut(self, station: str) -> None:
        """The network goes away under the station."""
        link = self.links.pop(station, None)
        if link is not None:
            link.cut()
            await wait_all_tasks_blocked()

    # Messages.

    def message_id(self, fixed: bool) -> str:
        """A new message id, or the one that some stations use for every message."""
        if fixed:
            return "1"
        self._ids += 1
        return f"m{self._ids}"

    async def emit(self, sent: Sent, how: str) -> None:
        """A station has something to say: now, later, without hearing the answer, or as the server
        dies.
        """
        self.history.append(sent)
        if how != QUEUED and sent.station not in self.links:
            await self.connect(sent.station)
        if how == QUEUED:
            self.queues.setdefault(sent.station, []).append(sent)
        elif how == NOW:
            await self.deliver(sent)
        else:
            await self._unanswered(sent, killed=how == KILLED)

    async def deliver(self, sent: Sent) -> None:
        """Send a message, and compare its answer with what it must be."""
        link = self.links[sent.station]
        # No two messages come at the same moment: a repeat is not known by its arrival.
        self.now.ms += 1
        await link.websocket.send_message(sent.text)
        with trio.fail_after(5):
            kind, number, *rest = json.loads(await link.websocket.get_message())
        assert number == sent.id
        remembered = link.memory.get(sent.id)
        if remembered is not None and remembered[0] == sent.text:
            assert (kind, rest[0]) == (3, remembered[1]), "not the first answer again"
            return
        answer = rest[0]
        told = answer.get("transactionId") if kind == 3 else None
        expected = self._book(sent, told)
        if isinstance(expected, str):
            assert (kind, rest[0]) == (4, expected)
            return
        assert kind == 3, rest
        link.remember(sent, answer)
        if sent.action == "BootNotification":
            answer = {"status": answer["status"]}
        assert answer == expected

    def _book(self, sent: Sent, new_id: int | None) -> Payload | str:
        return self.books.handle(
            sent.station, sent.action, sent.payload, self.moments, self.now(), new_id
        )

    async def _unanswered(self, sent: Sent, *, killed: bool) -> None:
        """Send a message and never learn its answer: the server has it, whole, or has it not."""
        link = self.links.pop(sent.station)
        remembered = link.memory.get(sent.id)
        await link.websocket.send_message(sent.text)
        if killed:
            await self.end_server(orderly=False)
            await self.start_server()
        else:
            link.cut()
            await wait_all_tasks_blocked()
        if remembered is None or remembered[0] != sent.text:
            self.learn(sent, perhaps=killed)

    def learn(self, sent: Sent, *, perhaps: bool) -> bool:
        """Book a message whose answer nobody heard; whether it is stored. `perhaps` it is not."""
        view, _ = read_view(self._reader)
        if perhaps and view == self.books.view():
            return False
        fresh = set(view["transactions"]) - set(self.books.transactions)
        self._book(sent, max(fresh, default=None))
        return True

    def check(self) -> None:
        """The books are what the model says."""
        view, registers = read_view(self._reader)
        expected = self.books.view()
        for part, content in expected.items():
            assert view[part] == content, part
        self.books.check_registers(registers)


@asynccontextmanager
async def world(settings: Settings, now: FakeNow) -> AsyncIterator[World]:
    """A world with its server running and its tags registered; checked once more at the end."""
    async with trio.open_nursery() as clients:
        made = World(settings, now, clients)
        try:
            await made.start_server()
            for name, tag in TAGS.items():
                await made.set_tag(name, tag)
            yield made
            await made.end_server(orderly=True)
            made.check()
        finally:
            made.close()
        clients.cancel_scope.cancel()


def register_reading(moment: Moment, wh: int) -> dict[str, Any]:
    """One MeterValue with the energy register."""
    return {"timestamp": moment.text, "sampledValue": [{"value": str(wh)}]}
