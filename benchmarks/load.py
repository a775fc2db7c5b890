"""The load generator: a process of its own, one core, picows on uvloop.

What is said comes from the scenario. Anything but a CALLRESULT to the CALL in flight ends the run
with an error: a rate of refusals is no rate. The measurement goes to stdout as JSON, an error to
stderr with exit status 1.
"""

import asyncio
import dataclasses
import json
import sys
import time

import click
import picows
import uvloop

from benchmarks.connection import Connection, LoadError, Run
from benchmarks.measurement import Measurement, percentile
from benchmarks.processes import cpu_seconds
from benchmarks.scenarios import SCENARIOS
from benchmarks.scenarios.base import Scenario

HANDSHAKES_AT_ONCE = 50
SETUP_TIMEOUT = 30.0
"""Seconds from the first handshake until every station has finished its preparations."""
DRAIN_TIMEOUT = 10.0
"""Seconds for the answers still missing when the window closes."""


async def connect(scenario: Scenario, port: int, connections: int, run: Run) -> None:
    """Open all connections, some at a time; each station starts as soon as its own is open."""
    slots = asyncio.Semaphore(HANDSHAKES_AT_ONCE)

    async def one(number: int) -> None:
        identity = f"BENCH-{number:04d}"
        async with slots:
            await picows.ws_connect(
                lambda: Connection(identity, scenario.station(identity), run),
                f"ws://127.0.0.1:{port}/{identity}",
                extra_headers={"Sec-WebSocket-Protocol": "ocpp1.6"},
                websocket_handshake_timeout=SETUP_TIMEOUT,
            )

    await asyncio.gather(*(one(number + 1) for number in range(connections)))


async def generate(
    scenario: Scenario, port: int, connections: int, warmup: float, seconds: float, pid: int | None
) -> Measurement:
    """Put the load on 127.0.0.1:`port`; with a `pid`, measure that process' CPU time too."""
    run = Run(connections)
    await connect(scenario, port, connections, run)
    await run.until(run.prepared, SETUP_TIMEOUT, "preparing the stations")
    await run.during(warmup)

    run.measuring = True
    server = None if pid is None else cpu_seconds(pid)
    own, started = time.process_time(), time.perf_counter()
    await run.during(seconds)
    run.measuring = False
    server = None if pid is None or server is None else cpu_seconds(pid) - server
    own, elapsed = time.process_time() - own, time.perf_counter() - started

    run.stop()
    await run.until(run.drained, DRAIN_TIMEOUT, "the last answers")
    if not run.latencies:
        raise LoadError("nothing was answered in the measured window")
    ascending = sorted(latency * 1000 for latency in run.latencies)
    return Measurement(
        messages=len(ascending),
        seconds=elapsed,
        rate=len(ascending) / elapsed,
        p50=percentile(ascending, 0.5),
        p90=percentile(ascending, 0.9),
        p99=percentile(ascending, 0.99),
        max=ascending[-1],
        answered=run.answered,
        load_cpu=own / elapsed,
        server_cpu=server,
    )


@click.command()
@click.argument("scenario", type=click.Choice(list(SCENARIOS)))
@click.option("--port", type=int, required=True, help="Port of the server on 127.0.0.1.")
@click.option("--connections", type=click.IntRange(1), help="[default: the scenario's]")
@click.option("--warmup", type=float, default=1.5, show_default=True, help="Seconds, unmeasured.")
@click.option("--seconds", type=float, default=5.0, show_default=True, help="Seconds measured.")
@click.option("--server-pid", type=int, help="Measure the CPU time of this process, too.")
def main(
    scenario: str,
    port: int,
    connections: int | None,
    warmup: float,
    seconds: float,
    server_pid: int | None,
) -> None:
    """Put the load of SCENARIO on a server and print the measurement as JSON."""
    chosen = SCENARIOS[scenario]
    count = connections or chosen.connections
    try:
        measured = uvloop.run(generate(chosen, port, count, warmup, seconds, server_pid))
    except (LoadError, picows.WSError, OSError) as error:
        sys.exit(f"{type(error).__name__}: {error}")
    print(json.dumps(dataclasses.asdict(measured)))


if __name__ == "__main__":
    main()
