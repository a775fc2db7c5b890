"""How long a command takes that crosses from one server to another, beside one that does not.

    python -m tests.acceptance.crossing

Two servers on one PostgreSQL look for what the other left only every 10 s: what is faster was
woken. The requests take turns, so that whatever else the machine does meets all of them alike.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import click

from tests.acceptance.test_nodes import answering, booted, post
from tests.support.postgres import OCPP, Postgres
from tests.support.server import Server

WORDS = {
    "status": "GET /api/status",
    "here": "a command, posted where its station is",
    "there": "a command, posted at the other server",
}


def crossing(folder: Path, times: int) -> dict[str, list[float]]:
    """Seconds that each kind of request took."""
    postgres = Postgres(is_durable=True)
    servers: list[Server] = []
    try:
        postgres.start()
        variables = postgres.create(OCPP) | {"OCPP_POLL_INTERVAL": "10"}
        for name in ("a", "b"):
            (folder / name).mkdir()
            servers.append(Server(folder / name, OCPP_NODE_ID=name, **variables))
            servers[-1].start()
        a, b = servers
        took: dict[str, list[float]] = {name: [] for name in WORDS}
        kinds: dict[str, Callable[[], object]] = {
            "status": lambda: a.get("/api/status"),
            "here": lambda: post(b),
            "there": lambda: post(a),
        }
        with booted(b) as station:
            answering(station)
            for _ in range(times):
                for name, do in kinds.items():
                    began = time.perf_counter()
                    do()
                    took[name].append(time.perf_counter() - began)
        return took
    finally:
        for server in servers:
            server.end()
        postgres.remove()


@click.command()
@click.option("--times", type=click.IntRange(3), default=200, show_default=True)
def main(times: int) -> None:
    """Measure, and print medians and the slowest of twenty."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        took = crossing(Path(folder), times)
    for name, seconds in took.items():
        ms = sorted(1000 * each for each in seconds)
        late = ms[int(len(ms) * 0.95)]
        click.echo(f"{WORDS[name]:42} median {statistics.median(ms):6.1f} ms, p95 {late:6.1f} ms")


if __name__ == "__main__":
    main()
