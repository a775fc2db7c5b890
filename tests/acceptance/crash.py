"""Kill the server again and again under load, and compare the books each time.

    python -m tests.acceptance.crash --rounds 200
    python -m tests.acceptance.crash --rounds 20 --database postgresql

Fifty stations of the simulator charge without end. At a random moment the server gets SIGKILL; the
database is compared with what the stations were told; the server starts again, and the stations
replay what was not answered. Nothing acknowledged may be missing, nothing may be there twice.

On SQLite, in every other round, it is the process that writes that gets SIGKILL, and the server
ends by itself. On PostgreSQL, in every other round, PostgreSQL itself is ended at a random moment
before that, as by a crash, and started again.

Two more stations make what the simulator does not: starts that are refused, and the newest starts
of their own once more after each kill, with new message ids: they must be told the same again.
"""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from ocpp_trio.domain.times import format_timestamp, system_now
from tests.support.books import Entry, check_books, read_ledger
from tests.support.postgres import OCPP, Postgres
from tests.support.server import Server
from tests.support.sync_station import Payload, connected
from tests.support.waiting import until

EXIT_FAULT = 70
STARTS = 5
REPEATED = 20


class Repeater:
    """A station whose starts are acknowledged, and repeated after every kill."""

    def __init__(self, url: str, name: str, id_tag: str) -> None:
        self._began = system_now()
        self.told: list[tuple[Payload, Payload]] = []
        self._url = url
        self._name = name
        self._id_tag = id_tag

    def play(self) -> None:
        """Repeat the newest starts, and make new ones."""
        with connected(self._url, self._name) as station:
            station.boot()
            for start, first in self.told[-REPEATED:]:
                assert station.call("StartTransaction", start)[2] == first, start
            for _ in range(STARTS):
                start = {
                    "connectorId": 1,
                    "idTag": self._id_tag,
                    "meterStart": len(self.told),
                    "timestamp": format_timestamp(self._began + len(self.told)),
                }
                answer = station.call("StartTransaction", start)
                assert answer[0] == 3, answer
                self.told.append((start, answer[2]))

    def ledger(self) -> list[Entry]:
        """What it was told, as the simulator writes it."""
        return [
            start
            | answer
            | {
                "kind": "start",
                "chargePointId": self._name,
                "status": answer["idTagInfo"]["status"],
            }
            for start, answer in self.told
        ]


def simulation(url: str, api: str, ledger: Path, stations: int) -> list[str]:
    """The command of so many stations that charge without end."""
    command = [sys.executable, "-m", "ocpp_trio", "simulate", "--json", "--url", url, "--api", api]
    command += ["--ledger", str(ledger), "--count", str(stations)]
    return [*command, "--sessions", "1000000", "--interval", "0.02", "--give-up", "60"]


def go_on(client: subprocess.Popen[bytes], ledger: Path, stations: int) -> None:
    """Wait until the stations have been told as many things as there are stations."""
    enough = len(read_ledger(ledger)) + stations

    def are_on() -> bool:
        assert client.poll() is None, "the stations ended"
        return len(read_ledger(ledger)) >= enough

    until(are_on, 60)


def crash(
    folder: Path,
    rounds: int,
    stations: int,
    seed: int,
    postgres: Postgres | None = None,
    tell: Callable[[int, Counter[str]], None] = lambda *_: None,
) -> Counter[str]:
    """Run so many rounds; how many starts, meter values and stops were acknowledged in all.

    The database is a file in `folder`, or on a PostgreSQL server. Raises AssertionError when the
    books do not agree. `tell` hears of each round.
    """
    chance = random.Random(seed)
    ledger = folder / "ledger"
    server = Server(folder, **({} if postgres is None else postgres.create(OCPP)))
    database = postgres or server.database
    server.start()
    server.request("POST", "/api/authorizations", {"idTag": "REPEATED"})
    repeaters = [
        Repeater(server.url, "REPEATER", "REPEATED"),
        Repeater(server.url, "REFUSED", "NOBODY"),
    ]

    def acknowledged() -> list[Entry]:
        own = [entry for each in repeaters for entry in each.ledger()]
        return read_ledger(ledger) + own

    command = simulation(server.url, server.api, ledger, stations)
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as client:
        try:
            for number in range(1, rounds + 1):
                for each in repeaters:
                    each.play()
                go_on(client, ledger, stations)
                time.sleep(chance.uniform(0, 0.5))
                if postgres is not None and number % 2 == 0:
                    postgres.stop(signal.SIGQUIT)
                    postgres.start()
                    time.sleep(chance.uniform(0, 0.5))
                if postgres is None and number % 2 == 0:
                    server.kill_writer()
                    assert server.wait() == EXIT_FAULT
                else:
                    server.kill()
                tell(number, check_books(database, acknowledged()))
                server.start()
            client.send_signal(signal.SIGINT)
            client.wait(30)
        finally:
            client.kill()
    code = server.stop()
    assert code == 0, server.log()
    told = server.errors()
    assert len(told) == (0 if postgres is not None else rounds // 2)
    assert all("the writer process was killed by signal 9" in line for line in told)
    return check_books(database, acknowledged())


@contextmanager
def server_of(database: str) -> Iterator[Postgres | None]:
    """A PostgreSQL server that flushes to disk, if there is to be one."""
    if database == "sqlite":
        yield None
        return
    postgres = Postgres(is_durable=True)
    try:
        postgres.start()
        yield postgres
    finally:
        postgres.remove()


@click.command()
@click.option("--rounds", type=click.IntRange(1), default=5, show_default=True)
@click.option("--stations", type=click.IntRange(1), default=50, show_default=True)
@click.option(
    "--seed", type=int, default=1, show_default=True, help="For the moments of the kills."
)
@click.option(
    "--database", type=click.Choice(("sqlite", "postgresql")), default="sqlite", show_default=True
)
def main(rounds: int, stations: int, seed: int, database: str) -> None:
    """Kill the server so many times under load and compare the books."""

    def tell(number: int, counts: Counter[str]) -> None:
        click.echo(
            f"round {number}/{rounds}: {dict(counts)} acknowledged, all there once", err=True
        )

    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder, server_of(database) as postgres:
        counts = crash(Path(folder), rounds, stations, seed, postgres, tell)
    click.echo(f"{rounds} kills, acknowledged: {dict(counts)}; 0 lost, 0 doubled")


if __name__ == "__main__":
    main()
