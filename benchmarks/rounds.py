"""Measuring peers in turn: A B C, A B C, ... so that a noisy minute hits all of them."""

import json
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import click

from benchmarks.measurement import Measurement
from benchmarks.peers import Peer, Place, new_place
from benchmarks.processes import environment, running
from benchmarks.scenarios.base import Scenario
from benchmarks.table import cells, summarise

READY_TIMEOUT = 20.0
"""Seconds a server has from its start until it is ready."""
LOAD_TIMEOUT = 60.0
"""Seconds the load generator may take on top of warm-up and window before it is killed."""
LOG_LINES = 20
"""How much of a server's last words goes into an error."""


class RoundFailed(click.ClickException):
    """A peer could not be measured; says which and why."""


@dataclass(frozen=True)
class Settings:
    """What the caller may choose. Times in seconds."""

    rounds: int
    seconds: float
    warmup: float
    folder: Path
    """Where the servers' files go: a temporary folder inside it, removed after each round."""
    connections: int


def measure(
    scenario: Scenario,
    peers: Sequence[Peer],
    settings: Settings,
    progress: Callable[[str], None],
) -> dict[str, list[Measurement]]:
    """All rounds of all peers, each with a new process and an empty database."""
    results: dict[str, list[Measurement]] = {peer.name: [] for peer in peers}
    for number in range(1, settings.rounds + 1):
        for peer in peers:
            measured = _round(scenario, peer, settings)
            results[peer.name].append(measured)
            summary = summarise([measured])
            shown = (f"{heading} {cell}" for heading, cell in cells(summary, scenario.columns))
            progress(f"round {number}/{settings.rounds}  {peer.name:<10} {', '.join(shown)}")
    return results


@contextmanager
def serving(peer: Peer, place: Place) -> Iterator[subprocess.Popen[bytes]]:
    """A peer's server for the length of the block, ready and prepared. Raises RoundFailed, with its
    last words, for whatever went wrong with it or in the block.
    """
    log = place.folder / "server.log"
    env = environment(place.folder, peer.environment(place))
    try:
        with running(peer.command(place), env, place.folder, log) as server:
            _wait_until_ready(peer, place, server)
            peer.prepare(place)
            yield server
            if server.poll() is not None:
                raise RoundFailed(f"the server left with status {server.returncode}")
    except (RoundFailed, OSError, sqlite3.Error, subprocess.TimeoutExpired) as error:
        last_words = log.read_text(errors="replace").splitlines()[-LOG_LINES:]
        raise RoundFailed("\n  ".join([f"{peer.name}: {error}", *last_words])) from error


def _round(scenario: Scenario, peer: Peer, settings: Settings) -> Measurement:
    with tempfile.TemporaryDirectory(prefix="ocpp-bench-", dir=settings.folder) as name:
        place = new_place(Path(name))
        with serving(peer, place) as server:
            api_port = place.api_port if peer.has_api else None
            measured = load(scenario, settings, place.folder, [(place, server)], api_port)
        _check_stored(scenario, peer, place, measured)
    return measured


def _wait_until_ready(peer: Peer, place: Place, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + READY_TIMEOUT
    while not peer.is_ready(place):
        if server.poll() is not None:
            raise RoundFailed(f"the server left with status {server.returncode} at its start")
        if time.monotonic() > deadline:
            raise RoundFailed(f"not ready within {READY_TIMEOUT:g} s")
        time.sleep(0.05)


def load(
    scenario: Scenario,
    settings: Settings,
    folder: Path,
    servers: Sequence[tuple[Place, subprocess.Popen[bytes]]],
    api_port: int | None = None,
) -> Measurement:
    """Put a scenario's load on servers that are ready, the stations dealt out to them in turn."""
    command = [sys.executable, "-m", "benchmarks.load", scenario.name]
    for place, server in servers:
        command += ["--port", str(place.websocket_port), "--server-pid", str(server.pid)]
    if api_port is not None:
        command += ["--api-port", str(api_port)]
    command += [
        *("--connections", str(settings.connections)),
        *("--warmup", str(settings.warmup), "--seconds", str(settings.seconds)),
    ]
    done = subprocess.run(
        command,
        env=environment(folder),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=settings.warmup + settings.seconds + scenario.setup_timeout * 2 + LOAD_TIMEOUT,
        start_new_session=True,
    )
    if done.returncode != 0:
        raise RoundFailed(done.stderr.strip() or f"the load left with status {done.returncode}")
    return Measurement(**json.loads(done.stdout))


def _check_stored(scenario: Scenario, peer: Peer, place: Place, measured: Measurement) -> None:
    """Every answered meter value must be in the database the stopped server left behind."""
    expected = measured.answered * scenario.rows_per_message
    if peer.stored is None or expected == 0:
        return
    with closing(sqlite3.connect(place.database)) as db:
        found = db.execute(peer.stored).fetchone()[0]
    if found < expected:
        raise RoundFailed(f"answered for {expected} meter values, stored {found}")
