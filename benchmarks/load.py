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
from collections.abc import Sequence

import click
import picows
import uvloop

from benchmarks.api import ApiWatch
from benchmarks.connection import Connection, LoadError, Run
from benchmarks.measurement import Measurement, percentile
from benchmarks.processes import family_cpu_seconds, memory_kib, raise_file_limit
from benchmarks.scenarios import SCENARIOS
from benchmarks.scenarios.base import Scenario

DRAIN_TIMEOUT = 10.0
"""Seconds for the answers still missing when the window closes."""


async def connect(scenario: Scenario, ports: Sequence[int], connections: int, run: Run) -> None:
    """Open all connections, some at a time, to the ports in turn; each station starts as soon as
    its own is open.
    """
    slots = asyncio.Semaphore(scenario.handshakes_at_once)

    async def one(number: int) -> None:
        identity = f"BENCH-{number:04d}"
        port = ports[number % len(ports)]
        async with slots:
            await picows.ws_connect(
                lambda: Connection(identity, scenario.station(identity), run),
                f"ws://127.0.0.1:{port}/{identity}",
                extra_headers={"Sec-WebSocket-Protocol": "ocpp1.6"},
                websocket_handshake_timeout=scenario.setup_timeout,
            )

    await asyncio.gather(*(one(number + 1) for number in range(connections)))


async def generate(
    scenario: Scenario,
    ports: Sequence[int],
    api_port: int | None,
    connections: int,
    warmup: float,
    seconds: float,
    pids: Sequence[int],
) -> Measurement:
    """Put the load on `ports` of 127.0.0.1, served by the processes `pids`."""
    run = Run(connections)
    watch = ApiWatch(api_port) if scenario.asks_api and api_port else None
    if watch:
        await watch.start()
    empty = sum(map(memory_kib, pids))
    cpu, began = sum(map(family_cpu_seconds, pids)), time.perf_counter()
    await connect(scenario, ports, connections, run)
    connected = time.perf_counter() - began
    await run.until(run.prepared, scenario.setup_timeout, "preparing the stations")
    prepared, cpu_prepared = run.prepared_at - began, sum(map(family_cpu_seconds, pids)) - cpu
    api = await watch.stop() if watch else []
    await run.during(warmup)

    run.measuring = True
    cpu, own = sum(map(family_cpu_seconds, pids)), time.process_time()
    started = time.perf_counter()
    await run.during(seconds)
    run.measuring = False
    cpu = sum(map(family_cpu_seconds, pids)) - cpu
    own, elapsed = time.process_time() - own, time.perf_counter() - started
    grown = sum(map(memory_kib, pids)) - empty

    run.stop()
    await run.until(run.drained, DRAIN_TIMEOUT, "the last answers")
    if not run.latencies:
        raise LoadError("nothing was answered in the measured window")
    ascending = sorted(latency * 1000 for latency in run.latencies)
    return Measurement(
        messages=len(ascending),
        started=started,
        seconds=elapsed,
        rate=len(ascending) / elapsed,
        p50=percentile(ascending, 0.5),
        p90=percentile(ascending, 0.9),
        p99=percentile(ascending, 0.99),
        max=ascending[-1],
        answered=run.answered,
        load_cpu=own / elapsed,
        connected=connected,
        prepared=prepared,
        cpu_per_message=cpu / len(ascending) * 1e6,
        cpu_prepared=cpu_prepared,
        memory=grown / connections,
        api_p50=percentile(api, 0.5) if api else None,
        api_p99=percentile(api, 0.99) if api else None,
    )


@click.command()
@click.argument("scenario", type=click.Choice(list(SCENARIOS)))
@click.option(
    "--port",
    "ports",
    type=int,
    required=True,
    multiple=True,
    help="Port of the server on 127.0.0.1; once for each, if several share the stations.",
)
@click.option("--api-port", type=int, help="Port of its HTTP API, if it has one.")
@click.option(
    "--server-pid",
    "pids",
    type=int,
    required=True,
    multiple=True,
    help="Its process, to measure CPU, memory; once for each.",
)
@click.option("--connections", type=click.IntRange(1), help="[default: the scenario's]")
@click.option("--warmup", type=float, default=1.5, show_default=True, help="Seconds, unmeasured.")
@click.option("--seconds", type=float, default=5.0, show_default=True, help="Seconds measured.")
def main(
    scenario: str,
    ports: tuple[int, ...],
    api_port: int | None,
    pids: tuple[int, ...],
    connections: int | None,
    warmup: float,
    seconds: float,
) -> None:
    """Put the load of SCENARIO on a server and print the measurement as JSON."""
    chosen = SCENARIOS[scenario]
    count = connections or chosen.connections
    raise_file_limit(count)
    try:
        measured = uvloop.run(generate(chosen, ports, api_port, count, warmup, seconds, pids))
    except (LoadError, picows.WSError, OSError) as error:
        sys.exit(f"{type(error).__name__}: {error}")
    print(json.dumps(dataclasses.asdict(measured)))


if __name__ == "__main__":
    main()
