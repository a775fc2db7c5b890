"""Kill one of two servers on one PostgreSQL, again and again under load, and compare the books.

    python -m tests.acceptance.crash_nodes --rounds 50

Fifty stations of the simulator charge without end, behind a proxy. At a random moment one of the
servers gets SIGKILL: its stations come in at the other one at once. Nothing acknowledged may be
missing, nothing may be there twice, and no command may be left open or be sent twice.
"""

from __future__ import annotations

import json
import random
import signal
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import click
from websockets.exceptions import WebSocketException

from tests.acceptance.crash import Repeater, go_on, simulation
from tests.support.books import check_books, read_ledger
from tests.support.postgres import OCPP, Postgres
from tests.support.proxy import proxy
from tests.support.server import Server
from tests.support.sync_station import connected
from tests.support.waiting import until

OPEN = "SELECT id FROM commands WHERE state IN ('queued', 'sent')"


class Asked:
    """A station that counts the commands it is sent; behind the proxy, for ever."""

    def __init__(self, url: str) -> None:
        self.heard: Counter[str] = Counter()
        self._url = url
        self._goes_on = True
        self._thread = threading.Thread(target=self._play, daemon=True)
        self._thread.start()

    def _play(self) -> None:
        while self._goes_on:
            with (
                suppress(OSError, WebSocketException, TimeoutError, AssertionError),
                connected(self._url, "ASKED") as station,
            ):
                station.boot()
                while self._goes_on:
                    with suppress(TimeoutError):
                        kind, number, _, payload = json.loads(station.websocket.recv(timeout=1))
                        assert kind == 2
                        self.heard[payload["data"]] += 1
                        time.sleep(0.005)
                        station.websocket.send(json.dumps([3, number, {"status": "Accepted"}]))

    def stop(self) -> None:
        """No more."""
        self._goes_on = False
        self._thread.join(20)


def ask(servers: list[Server], chance: random.Random, number: int, count: int) -> None:
    """Commands to the station ASKED, at any server, each with a word of its own."""
    for each in range(count):
        body = {"chargePointId": "ASKED", "vendorId": "v", "data": f"{number}.{each}"}
        with suppress(OSError):
            path = "/api/commands/data-transfer?wait=0&expires=60"
            chance.choice(servers).request("POST", path, body)


def crash_nodes(
    folder: Path,
    rounds: int,
    stations: int,
    seed: int,
    tell: Callable[[int, Counter[str]], None] = lambda *_: None,
) -> Counter[str]:
    """Run so many rounds; how many starts, meter values, stops and commands there were in all.

    Raises AssertionError when the books do not agree. `tell` hears of each round.
    """
    chance = random.Random(seed)
    ledger = folder / "ledger"
    postgres = Postgres(is_durable=True)
    servers: list[Server] = []
    try:
        postgres.start()
        variables = postgres.create(OCPP)
        variables |= {"OCPP_NODE_HEARTBEAT": "0.5", "OCPP_NODE_DEAD_AFTER": "2.5"}
        for name in ("a", "b"):
            (folder / name).mkdir()
            servers.append(Server(folder / name, OCPP_NODE_ID=name, **variables))
            servers[-1].start()
        servers[0].request("POST", "/api/authorizations", {"idTag": "REPEATED"})
        with (
            proxy(*[each.websocket_port for each in servers], seed=seed) as doors,
            proxy(*[each.api_port for each in servers], seed=seed) as apis,
        ):
            url, api = f"ws://127.0.0.1:{doors.port}", f"http://127.0.0.1:{apis.port}"
            repeater, asked = Repeater(url, "REPEATER", "REPEATED"), Asked(url)

            def check() -> Counter[str]:
                return check_books(postgres, read_ledger(ledger) + repeater.ledger())

            command = simulation(url, api, ledger, stations)
            with subprocess.Popen(
                command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            ) as client:
                try:
                    for number in range(1, rounds + 1):
                        go_on(client, ledger, stations)
                        ask(servers, chance, number, 5)
                        time.sleep(chance.uniform(0, 0.3))
                        victim = chance.choice(servers)
                        victim.kill()
                        # The next connection works at once, whoever had the station.
                        repeater.play()
                        tell(number, check())
                        victim.start()
                    client.send_signal(signal.SIGINT)
                    client.wait(30)
                finally:
                    client.kill()
            until(lambda: not postgres.execute(OPEN, name=OCPP), 90)
            asked.stop()
            assert max(asked.heard.values(), default=0) == 1, "a command was sent twice"
            counts = check()
            counts["command"] = len(asked.heard)
        for server in servers:
            assert server.stop() == 0, server.log()
            assert server.errors() == []
        return counts
    finally:
        for server in servers:
            server.end()
        postgres.remove()


@click.command()
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True)
@click.option("--stations", type=click.IntRange(1), default=50, show_default=True)
@click.option(
    "--seed", type=int, default=1, show_default=True, help="For the moments of the kills."
)
def main(rounds: int, stations: int, seed: int) -> None:
    """Kill one of two servers so many times under load and compare the books."""

    def tell(number: int, counts: Counter[str]) -> None:
        click.echo(f"round {number}/{rounds}: {dict(counts)} acknowledged, all there once")

    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        counts = crash_nodes(Path(folder), rounds, stations, seed, tell)
    click.echo(f"{rounds} kills, acknowledged: {dict(counts)}; 0 lost, 0 doubled")


if __name__ == "__main__":
    main()
