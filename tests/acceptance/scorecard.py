"""What the rows of the scorecard share: tags, messages, and what must hold after each row."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

from ocpp_trio.domain.times import format_timestamp, system_now
from tests.support.server import Server, running
from tests.support.sync_station import Payload, SyncStation, whole_session
from tests.support.waiting import until

SPARE_DESCRIPTORS = 5
DATABASE_DESCRIPTORS = 4 * 3 + 1
"""Of four readers (OCPP_DB_READERS) the file, its WAL and shared memory; and the lock."""
CLOSE_LIMIT = 2.0
"""Seconds until the system knows that connections are closed."""
PAST = "2024-05-01T08:00:00Z"
TAGS: dict[str, Payload] = {
    "TAG": {},
    "BLOCKED": {"status": "Blocked"},
    "EXPIRED": {"expiryDate": "2020-01-01T00:00:00Z"},
    "CHANGES": {},
}
LISTS = ("charge-points", "transactions", "review", "meter-values", "logs", "authorizations")

_names = count(1)


@contextmanager
def scored(folder: Path, **variables: str) -> Iterator[tuple[Server, int]]:
    """A server with tags, and how many file descriptors it has open without stations."""
    with running(folder, **variables) as started:
        for tag, fields in TAGS.items():
            body = {"idTag": tag, **fields}
            assert started.request("POST", "/api/authorizations", body).status == 201
        fresh_session(started)
        yield started, descriptors(started)
        assert started.stop() == 0


def check_well(server: Server, baseline: int) -> None:
    """The server is as well as before: it answers, a fresh station completes a session, nothing was
    logged as an error, no file descriptor is left open.
    """
    assert server.process is not None
    assert server.process.poll() is None, server.log()
    assert server.request("GET", "/healthz").status == 200
    fresh_session(server)
    assert server.errors() == []
    until(lambda: abs(descriptors(server) - baseline) <= SPARE_DESCRIPTORS, CLOSE_LIMIT)


def descriptors(server: Server) -> int:
    """How many a server holds, but for those of its database: of its readers there are as many as
    were used at once, and they stay; but never more than may be.
    """
    assert server.process is not None
    of_database = others = 0
    for each in Path(f"/proc/{server.process.pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            if each.readlink().name.startswith(server.database.name):
                of_database += 1
            else:
                others += 1
    assert of_database <= DATABASE_DESCRIPTORS
    return others


def fresh_session(server: Server) -> None:
    """A new station completes a session, and every list of the API can be read."""
    number = whole_session(server.url, new_name(), "TAG")
    assert server.get(f"/api/transactions/{number}")["energyDelivered"] == 1.0
    for name in LISTS:
        server.get(f"/api/{name}?limit=100")


def new_name() -> str:
    return f"SCORE{next(_names)}"


def now() -> str:
    """The moment, as the API writes it."""
    return format_timestamp(system_now()) or ""


def start(**fields: Any) -> Payload:
    return {"connectorId": 1, "idTag": "TAG", "meterStart": 0, "timestamp": PAST} | fields


def stop(number: int, **fields: Any) -> Payload:
    return {"transactionId": number, "meterStop": 4000, "timestamp": PAST} | fields


def meter(number: int, timestamp: str = PAST, value: str = "500") -> Payload:
    values = [{"timestamp": timestamp, "sampledValue": [{"value": value}]}]
    return {"connectorId": 1, "transactionId": number, "meterValue": values}


def result(station: SyncStation, action: str, payload: Payload) -> Payload:
    """The payload of the CALLRESULT; anything else fails."""
    kind, _, *rest = station.call(action, payload)
    assert kind == 3, (action, payload, rest)
    answered: Payload = rest[0]
    return answered


def transactions(server: Server, name: str) -> list[Payload]:
    rows: list[Payload] = server.get(f"/api/transactions?chargePointId={name}")
    return rows


def review(server: Server, name: str) -> list[Payload]:
    rows: list[Payload] = server.get(f"/api/review?chargePointId={name}")
    return rows
