"""A flood from strangers on both ports while honest stations work: what these notice of it.

    python -m tests.acceptance.flood --minutes 10 --rate 5000

Starts a server of its own on loopback, with default limits, keys for stations and for the API, and
floods only that; ends by itself. Prints a line every ten seconds and a summary; fails if the server
died, an honest station failed, or memory grew without end.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import trio

from tests.acceptance.honest import Honest, Watch
from tests.support.server import Server
from tests.support.waiting import until

API_KEY = "admin key of the flood"
BEARER = {"Authorization": f"Bearer {API_KEY}"}
STATIONS = 100
PAUSE = 1.0
"""Seconds between two messages of one station."""
SESSIONS = 5
"""Sessions of a station before it connects anew."""
FLOODERS = 2
"""Processes that flood; each sends its part."""
LINE_EVERY = 10.0
GROWTH = 1.25
"""How much memory may grow between the second fifth of the time and the end."""

SETTINGS = {
    "OCPP_API_KEY": API_KEY,
    # The flood's wrong keys come from the address that asks what was counted afterwards.
    "OCPP_API_FAILURE_WINDOW": "5",
    "OCPP_UNKNOWN_CHARGE_POINTS": "reject",
    "OCPP_MIN_SECURITY_PROFILE": "1",
    "OCPP_BACKUP": "false",
}


class Moment(NamedTuple):
    """The server at one time: seconds since the start, memory in bytes, CPU seconds used."""

    at: float
    rss: int
    cpu: float


@dataclass
class Outcome:
    """What came of a flood."""

    watch: Watch
    moments: list[Moment] = field(default_factory=list)
    sent: dict[str, int] = field(default_factory=dict)
    limits: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    is_alive: bool = False
    errors: list[str] = field(default_factory=list)

    @property
    def packets(self) -> int:
        """All packets that went out."""
        return sum(self.sent.values())

    @property
    def growth(self) -> float:
        """Memory at the end, as a multiple of what it was after a fifth of the time."""
        after_a_while = self.moments[len(self.moments) // 5]
        return self.moments[-1].rss / after_a_while.rss

    @property
    def is_good(self) -> bool:
        """Whether nobody was harmed."""
        return (
            self.is_alive and not self.watch.failures and not self.errors and self.growth < GROWTH
        )


def moment(server: Server, began: float) -> Moment:
    """How the server is."""
    assert server.process is not None
    place = Path(f"/proc/{server.process.pid}")
    pages = int((place / "statm").read_text().split()[1])
    times = (place / "stat").read_text().rpartition(")")[2].split()
    ticks = int(times[11]) + int(times[12])
    return Moment(
        time.monotonic() - began,
        pages * os.sysconf("SC_PAGESIZE"),
        ticks / os.sysconf("SC_CLK_TCK"),
    )


def ask(server: Server, method: str, path: str, body: object = None) -> Any:
    """The body of an answer that must be a success."""
    answer = server.request(method, path, body, BEARER)
    assert answer.status < 300, answer
    return answer.body


def limits(server: Server) -> dict[str, int]:
    """What was counted; asked for once all that still stands in line has had its turn, and the
    wrong keys from this address are long enough ago.
    """

    def counted() -> Any:
        try:
            answer = server.request("GET", "/api/status", None, BEARER)
        except OSError:
            return None
        return None if answer.status == 429 else answer.body["limits"]

    found: dict[str, int] = until(counted, 120)
    return found


def registered(server: Server) -> list[tuple[str, str]]:
    """The honest stations: id, and the header with the key that each was given."""
    ask(server, "POST", "/api/authorizations", {"idTag": "TAG"})
    found = []
    for number in range(STATIONS):
        name = f"HONEST{number}"
        ask(server, "POST", "/api/charge-points", {"id": name})
        key: str = ask(server, "POST", f"/api/charge-points/{name}/key", {})["key"]
        found.append((name, f"Authorization: Basic {b64encode(f'{name}:{key}'.encode()).decode()}"))
    return found


@contextmanager
def flooding(server: Server, rate: float, seconds: float) -> Iterator[list[subprocess.Popen[str]]]:
    """Processes that flood the server for so long."""
    flooders = [
        subprocess.Popen(
            [
                *(sys.executable, "-m", "tests.acceptance.flooder"),
                *(str(server.websocket_port), str(server.api_port)),
                *(str(rate / FLOODERS), str(seconds)),
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(FLOODERS)
    ]
    try:
        yield flooders
    finally:
        for flooder in flooders:
            flooder.kill()
            flooder.wait()


async def _work(station: Honest, outcome: Outcome) -> None:
    """A station's life: it connects anew after some sessions, or when its connection was cut."""

    async def pause() -> None:
        await trio.sleep(PAUSE)

    while True:
        try:
            await station.connect()
            for _ in range(SESSIONS):
                await station.session(pause)
                await pause()
        except (OSError, trio.BrokenResourceError, AssertionError) as error:
            outcome.watch.failures.append(f"{station.name}: {error!r}")
        finally:
            await station.close()
        await pause()


async def _measure(server: Server, outcome: Outcome, seconds: float) -> None:
    began = time.monotonic()
    seen = 0
    while time.monotonic() - began < seconds:
        await trio.sleep(min(LINE_EVERY, seconds / 10))
        assert server.process is not None
        if server.process.poll() is not None:
            return
        now = moment(server, began)
        before = outcome.moments[-1] if outcome.moments else Moment(0, 0, 0)
        outcome.moments.append(now)
        recent = outcome.watch.latencies[seen:]
        seen += len(recent)
        share = (now.cpu - before.cpu) / (now.at - before.at)
        print(
            f"{now.at:5.0f} s  p50 {outcome.watch.percentile(0.5, recent) * 1000:6.1f} ms"
            f"  p99 {outcome.watch.percentile(0.99, recent) * 1000:7.1f} ms"
            f"  RSS {now.rss / 2**20:6.1f} MiB  CPU {share * 100:4.0f} %"
            f"  failed {len(outcome.watch.failures)}",
            flush=True,
        )


async def _all(
    server: Server, stations: list[tuple[str, str]], outcome: Outcome, seconds: float
) -> None:
    async with trio.open_nursery() as nursery:
        for name, key in stations:
            station = Honest(server.websocket_port, name, outcome.watch, key)
            nursery.start_soon(_work, station, outcome)
        await _measure(server, outcome, seconds)
        nursery.cancel_scope.cancel()


def flood(folder: Path, rate: float, seconds: float) -> Outcome:
    """Flood a server of its own for so long."""
    server = Server(folder, **SETTINGS)
    outcome = Outcome(Watch())
    server.start(ready=lambda: server.request("GET", "/healthz").status == 200)
    try:
        stations = registered(server)
        with flooding(server, rate, seconds) as flooders:
            began = time.monotonic()
            trio.run(_all, server, stations, outcome, seconds)
            outcome.seconds = time.monotonic() - began
            for flooder in flooders:
                text, _ = flooder.communicate(timeout=30)
                for kind, number in json.loads(text).items():
                    outcome.sent[kind] = outcome.sent.get(kind, 0) + number
        assert server.process is not None
        outcome.is_alive = server.process.poll() is None
        if outcome.is_alive:
            outcome.limits = limits(server)
            outcome.is_alive = server.stop() == 0
        outcome.errors = server.errors()
    finally:
        server.end()
    return outcome


def tell(outcome: Outcome) -> None:
    """Print what came of it."""
    watch = outcome.watch
    print(f"\n{outcome.packets} packets in {outcome.seconds:.0f} s", end="")
    print(f" ({outcome.packets / outcome.seconds:.0f} a second):")
    for kind, number in sorted(outcome.sent.items(), key=lambda each: -each[1]):
        print(f"  {number:9} {kind}")
    print(f"{STATIONS} honest stations, {watch.sessions} sessions, {len(watch.connects)} connects:")
    for name, times in (("answers", watch.latencies), ("connects", watch.connects)):
        shares = " ".join(
            f"p{share * 100:g} {watch.percentile(share, times) * 1000:.1f} ms"
            for share in (0.5, 0.95, 0.99, 0.999, 1.0)
        )
        print(f"  {len(times)} {name}: {shares}")
    print(f"  failed: {len(watch.failures)} {watch.failures[:5]}")
    first, last = outcome.moments[0], outcome.moments[-1]
    print(f"memory: {first.rss / 2**20:.1f} MiB at {first.at:.0f} s,", end="")
    print(f" {last.rss / 2**20:.1f} MiB at {last.at:.0f} s (grew by {outcome.growth:.2f})")
    print(f"CPU: {last.cpu:.0f} s")
    print(f"limits: { {name: number for name, number in outcome.limits.items() if number} }")
    print(f"alive: {outcome.is_alive}; errors logged: {outcome.errors[:3]}")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.acceptance.flood", description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0, help="how long (default: 1)")
    parser.add_argument("--rate", type=float, default=5000, help="packets a second (default: 5000)")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        outcome = flood(Path(folder), given.rate, min(given.minutes, 60) * 60)
    tell(outcome)
    sys.exit(0 if outcome.is_good else 1)


if __name__ == "__main__":
    main()
