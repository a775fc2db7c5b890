"""A station that was offline for three days sends its queue, while others charge as ever.

    python -m tests.acceptance.offline_queue --messages 5000

The queue holds many sessions on several connectors, shuffled, a quarter of it retries, and the link
breaks before some of the answers. Everything must be answered and stored once, and the other
stations must not feel it.
"""

from __future__ import annotations

import socket
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import click

from ocpp_trio.domain.times import format_timestamp, system_now
from tests.support.offline import (
    DAYS,
    REGISTER,
    TAGS,
    Queued,
    Sample,
    Session,
    make_queue,
)
from tests.support.server import Server, running
from tests.support.sync_station import SyncStation, connected

NAME = "OFFLINE"
P99_LIMIT = 0.5
LIVE_INTERVAL = 0.25
CUT_EVERY = 97
"""The link breaks before the answer to every so manieth message."""

# A service may ask about running sessions that send nothing new; that is not the matter here.
VARIABLES = {"OCPP_METER_COLLECTION": "off", "OCPP_STATUS_REFRESH": "off"}


class Result(NamedTuple):
    """What was seen; times in seconds."""

    messages: int
    sessions: int
    seconds: float
    live_messages: int
    p50: float
    p99: float
    longest: float

    def __str__(self) -> str:
        return (
            f"{self.messages} messages of {self.sessions} sessions answered in"
            f" {self.seconds:.1f} s, each stored once; {self.live_messages} meter values of other"
            f" stations meanwhile: p50 {self.p50 * 1000:.1f} ms, p99 {self.p99 * 1000:.1f} ms,"
            f" longest {self.longest * 1000:.1f} ms"
        )


def offline_queue(
    folder: Path,
    messages: int,
    stations: int,
    seed: int,
    tell: Callable[[int], object] = lambda _: None,
) -> Result:
    """Send such a queue to a server of its own. `tell` hears how many messages more are done.

    Raises AssertionError when a message is not answered with a result, or the books are not right.
    """
    now = system_now()
    sessions, queue = make_queue(messages, now, seed)
    with running(folder, **VARIABLES) as server:
        for tag in {tag.lower() for tag in TAGS}:
            assert server.request("POST", "/api/authorizations", {"idTag": tag}).status == 201
        with live_stations(server, stations) as times:
            began = time.monotonic()
            send_queue(server, queue, tell)
            seconds = time.monotonic() - began
        check_sessions(server, sessions)
        check_meter_values(server, sessions)
        check_reports(server, sessions, now)
        assert server.get("/api/review") == []
        assert server.stop() == 0
        assert server.errors() == []
    cuts = statistics.quantiles(times, n=100, method="inclusive")
    return Result(len(queue), len(sessions), seconds, len(times), cuts[49], cuts[98], max(times))


def send_queue(server: Server, queue: Sequence[Queued], tell: Callable[[int], object]) -> None:
    """Send every message and wait for its answer; when the link breaks, send it again."""
    ids: dict[tuple[Session, str, int], str] = {}
    with ExitStack() as link:
        station = link.enter_context(connected(server.url, NAME))
        assert station.boot()["status"] == "Accepted"
        for place, each in enumerate(queue, 1):
            message_id = ids.setdefault(each[:3], f"q{place}")
            if each.is_retry and not each.is_same_id:
                message_id = f"r{place}"
            if place % CUT_EVERY == 0:
                cut(station, each, message_id)
                link.close()
                station = link.enter_context(connected(server.url, NAME))
            answer(station, each, message_id)
            tell(1)


def cut(station: SyncStation, each: Queued, message_id: str) -> None:
    """Send a message, and lose the connection before its answer is read."""
    station.send(each.action, each.payload(), message_id)
    station.websocket.socket.shutdown(socket.SHUT_RDWR)


def answer(station: SyncStation, each: Queued, message_id: str) -> None:
    """Send a message and check its answer; that of a start is always the same."""
    kind, _, payload = station.call(each.action, each.payload(), message_id)
    assert kind == 3, (each, payload)
    if each.action == "StartTransaction":
        number = payload["transactionId"]
        assert payload["idTagInfo"]["status"] == "Accepted"
        assert each.session.transaction_id in {0, number}, each
        each.session.transaction_id = number


@contextmanager
def live_stations(server: Server, count: int) -> Iterator[list[float]]:
    """Stations that charge while the block runs; the answer times of their meter values."""
    times: list[float] = []
    ready, over = threading.Barrier(count + 1), threading.Event()

    def charge(name: str) -> tuple[int, int]:
        with connected(server.url, name) as station:
            station.boot()
            start = {"connectorId": 1, "idTag": TAGS[0], "meterStart": 0}
            kind, _, payload = station.call("StartTransaction", start | timestamp())
            assert kind == 3
            ready.wait(30)
            number, wh = payload["transactionId"], 0
            while not over.is_set():
                wh += 1
                value = timestamp() | {"sampledValue": [{"value": str(wh)}]}
                meter = {"connectorId": 1, "transactionId": number, "meterValue": [value]}
                began = time.perf_counter()
                assert station.call("MeterValues", meter)[0] == 3
                times.append(time.perf_counter() - began)
                over.wait(LIVE_INTERVAL)
            stop = {"transactionId": number, "meterStop": wh} | timestamp()
            assert station.call("StopTransaction", stop)[0] == 3
        return number, wh

    with ThreadPoolExecutor(count) as pool:
        running_ones = [pool.submit(charge, f"LIVE{number:03}") for number in range(count)]
        try:
            ready.wait(30)
            yield times
        finally:
            over.set()
        for each in running_ones:
            number, wh = each.result()
            stored = server.get(f"/api/meter-values?transactionId={number}&measurand={REGISTER}")
            assert sorted(int(row["value"]) for row in stored) == list(range(1, wh + 1))
            assert server.get(f"/api/transactions/{number}")["energyDelivered"] == wh / 1000


def timestamp() -> dict[str, str | None]:
    """Now, as a station says it."""
    return {"timestamp": format_timestamp(system_now())}


def check_sessions(server: Server, sessions: Sequence[Session]) -> None:
    """Each session is one transaction, with its own energy."""
    stored = {row["id"]: row for row in server.get(f"/api/transactions?chargePointId={NAME}")}
    assert stored.keys() == {session.transaction_id for session in sessions}
    assert len(stored) == len(sessions)
    for session in sessions:
        row = stored[session.transaction_id]
        assert row["isComplete"], row
        assert row["connectorId"] == session.connector
        assert row["idTag"] == session.tag
        assert (row["meterStart"], row["meterStop"]) == (session.meter_start, session.meter_stop)
        assert row["energyDelivered"] == session.energy / 1000
        assert row["startTimestamp"] == format_timestamp(session.started_at)
        assert row["stopTimestamp"] == format_timestamp(session.stopped_at)
        assert row["flags"] == [], row


def check_meter_values(server: Server, sessions: Sequence[Session]) -> None:
    """Each sampled value is stored once, and nothing else."""
    stored = Counter(
        Sample(
            row["transactionId"], row["timestamp"], row["measurand"], row["value"], row["source"]
        )
        for row in server.get(f"/api/meter-values?chargePointId={NAME}")
    )
    expected = Counter(sample for session in sessions for sample in session.samples())
    assert stored == expected, (stored - expected, expected - stored)


def check_reports(server: Server, sessions: Sequence[Session], now: int) -> None:
    """The energy of those days is the sum of the sessions; by day, whole and split, as well."""
    first, last = (format_timestamp(now - days * 86_400_000) or "" for days in (DAYS, 0))
    days = f"startDate={first[:10]}&endDate={last[:10]}&chargePointId={NAME}"
    total = sum(session.energy for session in sessions)
    report = server.get(f"/api/reports/energy?{days}")
    assert round(report["totalEnergyDelivered"] * 1000) == total
    assert report["completeTransactions"] == len(sessions)
    assert report["incompleteTransactions"] == 0
    by_day: Counter[str] = Counter()
    for session in sessions:
        by_day[(format_timestamp(session.started_at) or "")[:10]] += session.energy
    groups = server.get(f"/api/reports/energy?{days}&groupBy=day")["groups"]
    assert {each["day"]: round(each["energyDelivered"] * 1000) for each in groups} == by_day
    split = server.get(f"/api/reports/energy?{days}&groupBy=day&split=true")["groups"]
    assert sum(round(each["energyDelivered"] * 1000) for each in split) == total


@click.command()
@click.option("--messages", type=click.IntRange(10), default=5000, show_default=True)
@click.option(
    "--stations", type=click.IntRange(1), default=20, show_default=True, help="That charge as ever."
)
@click.option("--seed", type=int, default=1, show_default=True, help="For the disorder.")
def main(messages: int, stations: int, seed: int) -> None:
    """Send a queue three days old and check the books; the answer times of the other stations."""
    with (
        tempfile.TemporaryDirectory(dir="/var/tmp") as folder,
        click.progressbar(
            length=messages, label="Sending", file=sys.stderr, hidden=not sys.stderr.isatty()
        ) as bar,
    ):
        result = offline_queue(Path(folder), messages, stations, seed, bar.update)
    click.echo(result)
    if result.p99 >= P99_LIMIT:
        raise click.ClickException(f"p99 is not below {P99_LIMIT * 1000:.0f} ms")


if __name__ == "__main__":
    main()
