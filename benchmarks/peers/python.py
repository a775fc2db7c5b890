"""What a Python user would write today: `ocpp`, `websockets` on asyncio and `aiosqlite`.

The packages' defaults are kept, schema validation included. One connection to SQLite (WAL,
synchronous=FULL) is shared by all charge points, and each message is committed before it is
answered. A lock keeps insert and commit together: without it two messages share a transaction, and
sqlite3 raises InterfaceError when one thread drops a cursor while the other uses its statement.
"""

# mypy: disable-error-code="import-untyped,misc,untyped-decorator"

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any, NamedTuple

import aiosqlite
from ocpp.routing import on
from ocpp.v16 import ChargePoint, call_result
from ocpp.v16.datatypes import IdTagInfo
from ocpp.v16.enums import Action, AuthorizationStatus, RegistrationStatus
from websockets import ConnectionClosed, Subprotocol
from websockets.asyncio.server import ServerConnection, serve

SCHEMA = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
CREATE TABLE transactions (
    id INTEGER PRIMARY KEY AUTOINCREMENT, charge_point_id TEXT NOT NULL,
    connector_id INTEGER NOT NULL, id_tag TEXT NOT NULL,
    meter_start INTEGER NOT NULL, start_timestamp TEXT NOT NULL,
    meter_stop INTEGER, stop_timestamp TEXT, reason TEXT);
CREATE TABLE meter_values (
    id INTEGER PRIMARY KEY, charge_point_id TEXT NOT NULL, connector_id INTEGER,
    transaction_id INTEGER, timestamp TEXT NOT NULL, value TEXT NOT NULL, measurand TEXT,
    unit TEXT, context TEXT, phase TEXT, location TEXT, format TEXT);
CREATE INDEX meter_values_by_transaction ON meter_values (transaction_id, timestamp);
"""
FIELDS = ("value", "measurand", "unit", "context", "phase", "location", "format")
INSERT_METER_VALUE = (
    "INSERT INTO meter_values (charge_point_id, connector_id, transaction_id, timestamp,"
    f" {', '.join(FIELDS)}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
INSERT_START = (
    "INSERT INTO transactions (charge_point_id, connector_id, id_tag, meter_start,"
    " start_timestamp) VALUES (?, ?, ?, ?, ?)"
)
UPDATE_STOP = "UPDATE transactions SET meter_stop = ?, stop_timestamp = ?, reason = ? WHERE id = ?"
ACCEPTED = IdTagInfo(status=AuthorizationStatus.accepted)


def now() -> str:
    """The current time as OCPP wants it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Store(NamedTuple):
    """The connection to the database and the lock that belongs to it."""

    db: aiosqlite.Connection
    lock: asyncio.Lock

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[aiosqlite.Connection]:
        """Commit what the block does, before anybody else writes."""
        async with self.lock:
            yield self.db
            await self.db.commit()


class Station(ChargePoint):
    """One connected charge point."""

    def __init__(self, identity: str, socket: ServerConnection, store: Store) -> None:
        super().__init__(identity, socket)
        self._store = store

    @on(Action.boot_notification)
    async def on_boot(self, **_: Any) -> call_result.BootNotification:
        return call_result.BootNotification(now(), 300, RegistrationStatus.accepted)

    @on(Action.heartbeat)
    async def on_heartbeat(self) -> call_result.Heartbeat:
        return call_result.Heartbeat(now())

    @on(Action.status_notification)
    async def on_status(self, **_: Any) -> call_result.StatusNotification:
        return call_result.StatusNotification()

    @on(Action.authorize)
    async def on_authorize(self, **_: Any) -> call_result.Authorize:
        return call_result.Authorize(ACCEPTED)

    @on(Action.start_transaction)
    async def on_start(
        self, connector_id: int, id_tag: str, meter_start: int, timestamp: str, **_: Any
    ) -> call_result.StartTransaction:
        async with self._store.transaction() as db:
            row = (self.id, connector_id, id_tag, meter_start, timestamp)
            cursor = await db.execute(INSERT_START, row)
            transaction_id = cursor.lastrowid
        return call_result.StartTransaction(transaction_id, ACCEPTED)

    @on(Action.meter_values)
    async def on_meter_values(
        self,
        connector_id: int,
        meter_value: list[dict[str, Any]],
        transaction_id: int | None = None,
        **_: Any,
    ) -> call_result.MeterValues:
        rows = self._rows(connector_id, transaction_id, meter_value)
        async with self._store.transaction() as db:
            await db.executemany(INSERT_METER_VALUE, rows)
        return call_result.MeterValues()

    @on(Action.stop_transaction)
    async def on_stop(
        self,
        transaction_id: int,
        meter_stop: int,
        timestamp: str,
        reason: str = "Local",
        transaction_data: list[dict[str, Any]] | None = None,
        **_: Any,
    ) -> call_result.StopTransaction:
        rows = self._rows(None, transaction_id, transaction_data or [])
        async with self._store.transaction() as db:
            await db.execute(UPDATE_STOP, (meter_stop, timestamp, reason, transaction_id))
            await db.executemany(INSERT_METER_VALUE, rows)
        return call_result.StopTransaction(ACCEPTED)

    def _rows(
        self, connector_id: int | None, transaction_id: int | None, values: list[dict[str, Any]]
    ) -> list[tuple[Any, ...]]:
        """One row per sampled value."""
        return [
            (self.id, connector_id, transaction_id, value["timestamp"], *map(sample.get, FIELDS))
            for value in values
            for sample in value["sampled_value"]
        ]


async def main(port: int, path: str) -> None:
    """Serve on 127.0.0.1:`port` until the process is ended."""
    async with aiosqlite.connect(path) as db:
        await db.executescript(SCHEMA)
        store = Store(db, asyncio.Lock())

        async def handle(socket: ServerConnection) -> None:
            assert socket.request is not None
            identity = socket.request.path.rpartition("/")[2]
            with suppress(ConnectionClosed):
                await Station(identity, socket, store).start()

        subprotocols = [Subprotocol("ocpp1.6")]
        async with serve(handle, "127.0.0.1", port, subprotocols=subprotocols) as server:
            await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
