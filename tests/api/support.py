"""A charge point for API tests, and requests by words."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, cast

import httpx
import msgspec

from ocpp_trio.api.app import build_app
from ocpp_trio.api.context import Context
from ocpp_trio.api.keyring import Keys
from ocpp_trio.central.carrier import Order
from ocpp_trio.central.context import Central
from ocpp_trio.central.session import Session
from ocpp_trio.certificates import ClientCertificate
from ocpp_trio.config import Settings
from ocpp_trio.domain.commands import state_of
from ocpp_trio.errors import CommandFailed, StoreUnavailable
from ocpp_trio.store import charge_points, commands, id_tags, meter_values, starts, stops
from ocpp_trio.store.database import Database
from ocpp_trio.store.starts import Started
from tests.support.clock import MINUTE, FakeNow
from tests.support.sessions import message, meter_value

ANSWER = {"status": "Accepted"}
ANSWERS: dict[str, dict[str, Any]] = {"GetLocalListVersion": {"listVersion": 0}}
"""What a station answers if it is told nothing else, where that is not ANSWER."""
JSON = {"Content-Type": "application/json"}


class Station:
    """A connected charge point, as far as commands see one: it answers with `answers` in turn."""

    connection = 0
    accepted = True
    booted = True
    idle = True
    waiting = 0
    certificate: ClientCertificate | None = None

    def __init__(self, central: Central, charge_point_id: str) -> None:
        self.central = central
        self.charge_point_id = charge_point_id
        self.registration = "Accepted"
        self.carrier = self
        self.answers: list[dict[str, Any] | CommandFailed] = []
        self.received: list[tuple[str, dict[str, Any]]] = []
        self.timeouts: list[float] = []
        self.ended: tuple[int, str] | None = None
        self.make: tuple[str | None, ...] = ()

    async def hand_over(self, order: Order) -> None:
        """Answer a command, and store what became of it."""
        self.received.append((order.action, order.payload))
        self.timeouts.append(order.timeout)
        usual = ANSWERS.get(order.action, ANSWER)
        answer = self.answers.pop(0) if self.answers else usual
        state, text, error = "accepted", None, None
        if isinstance(answer, CommandFailed):
            order.error = answer
            state, error = answer.state, str(answer)
        else:
            order.response = answer
            state = state_of(answer)
            text = msgspec.json.encode(answer).decode()
        now = self.central.now()
        database = self.central.database
        order.claimed = order.marked or await database.write(
            commands.mark_sent, order.command_id, now
        )
        with suppress(StoreUnavailable):
            await database.write(commands.finish, order.command_id, state, text, error, now)
        order.done.set()
        self.central.queue.over(order.command_id, order.response, order.error)

    def set_tolerance(self, *make: str | None) -> None:
        """Note what is to be known of this make."""
        self.make = make

    def end(self, code: int, reason: str) -> None:
        """Note that the connection was closed."""
        self.ended = (code, reason)


@dataclass
class Api:
    """The application, its database and clock, and a client for it."""

    context: Context
    central: Central
    client: httpx.AsyncClient
    now: FakeNow
    stations: dict[str, Station] = field(default_factory=dict)

    @property
    def database(self) -> Database:
        return self.context.database

    async def get(self, url: str, **options: Any) -> httpx.Response:
        return await self.client.get(url, **options)

    async def post(self, url: str, body: Any = None, **options: Any) -> httpx.Response:
        """POST a body as JSON; None: no body."""
        if body is None:
            return await self.client.post(url, **options)
        return await self.client.post(url, json=body, **options)

    async def connect(self, charge_point_id: str = "CP001", **flags: Any) -> Station:
        """A registered charge point with a connection."""
        await self.register(charge_point_id)
        station = Station(self.central, charge_point_id)
        for name, value in flags.items():
            setattr(station, name, value)
        self.central.hub.add(cast(Session, station))
        self.stations[charge_point_id] = station
        return station

    async def register(
        self, charge_point_id: str = "CP001", registration: str = "Accepted"
    ) -> None:
        """A registered charge point without a connection."""
        await self.database.write(
            charge_points.register, charge_point_id, registration, {}, self.now()
        )

    async def start(
        self,
        charge_point_id: str = "CP001",
        connector_id: int = 1,
        meter_start: int = 1000,
        timestamp: str = "2026-11-23T07:00:00Z",
        id_tag: str = "TAG1",
    ) -> int:
        """Start a transaction; its id."""
        payload = {
            "connectorId": connector_id,
            "idTag": id_tag,
            "meterStart": meter_start,
            "timestamp": timestamp,
        }
        started: Started = await self.database.write(
            starts.start, charge_point_id, payload, "{}", False, self.now()
        )
        return started.transaction_id

    async def stop(
        self,
        transaction_id: int,
        meter_stop: int = 5000,
        timestamp: str = "2026-11-23T07:30:00Z",
        charge_point_id: str = "CP001",
    ) -> None:
        """Stop a transaction."""
        payload = {
            "transactionId": transaction_id,
            "meterStop": meter_stop,
            "timestamp": timestamp,
            "reason": "EVDisconnected",
        }
        text = json.dumps(payload)
        await self.database.write(stops.stop, charge_point_id, payload, text, self.now())

    async def meter(
        self,
        transaction_id: int | None,
        value: str,
        minute: int = 0,
        charge_point_id: str = "CP001",
        **sampled: str,
    ) -> None:
        """MeterValues with one sampled value, so many minutes from now."""
        sent = meter_value(self.now() + minute * MINUTE, value, **sampled)
        read = message(charge_point_id, transaction_id, [sent], self.now())
        await self.database.write(meter_values.record, read)

    async def tag(self, id_tag: str = "TAG1", **fields: Any) -> None:
        """Store a tag."""
        await self.database.write(id_tags.put, id_tag, fields, self.now())


def client_of(context: Context, **options: Any) -> httpx.AsyncClient:
    """A client for the application, in process."""
    transport = httpx.ASGITransport(app=build_app(context))
    return httpx.AsyncClient(transport=transport, base_url="http://localhost:9001", **options)


def context_of(
    settings: Settings, central: Central, commands_: Any, health: Any, keys: Keys, started: float
) -> Context:
    """A context around the real central system."""
    return Context(
        settings=settings,
        database=central.database,
        hub=central.hub,
        commands=commands_,
        health=health,
        keys=keys,
        authentication=central.authentication,
        now=central.now,
        started=started,
        node=central.node,
        counts=central.counts,
    )


def assert_problem(response: httpx.Response, status: int, kind: str) -> dict[str, Any]:
    """The body of a problem, after checking that it is one."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert body["type"] == kind
    assert body["status"] == status
    assert body["title"]
    assert body["detail"]
    return body
