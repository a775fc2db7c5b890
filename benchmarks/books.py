"""P6 and P8: a large database is served: how soon, and how fast its lists and reports are."""

import json
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import click
import uvloop

from benchmarks.api import ApiClient
from benchmarks.fill import POINTS, fill
from benchmarks.machine import describe
from benchmarks.options import announce, folder_option, json_option, progress, write_json
from benchmarks.peers import OCPP_TRIO, new_place
from benchmarks.processes import environment, memory_kib, running
from benchmarks.table import grid

START, PAGE, REPORT = "start until a handshake is answered", "page", "report"
GOALS = {START: 2_000.0, PAGE: 20.0, REPORT: 1_000.0}
"""Milliseconds."""
START_TIMEOUT = 60.0
MONTH = "startDate=2025-06-01&endDate=2025-06-30&timezone=Europe/Berlin"
PAGES = (
    "/api/charge-points?limit=50",
    "/api/charge-points/CP0500",
    "/api/connectors?chargePointId=CP0500",
    "/api/transactions?limit=50",
    "/api/transactions?limit=50&chargePointId=CP0500",
    "/api/transactions?limit=50&isComplete=false",
    "/api/transactions/{middle}",
    "/api/meter-values?limit=50&transactionId={middle}",
    "/api/authorizations?limit=50",
    "/api/review?limit=50",
    "/api/commands?limit=50",
    "/api/logs?limit=50",
)
REPORTS = (
    f"/api/reports/energy?{MONTH}&transactions=false",
    f"/api/reports/energy?{MONTH}&groupBy=day",
    f"/api/reports/energy?{MONTH}&groupBy=tag",
    f"/api/reports/energy?{MONTH}&split=true&transactions=false",
    f"/api/reports/energy?{MONTH}&split=true&groupBy=day",
)
HANDSHAKE = (
    "GET /CP0001 HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Protocol: ocpp1.6\r\n\r\n"
)


def _wait_for_handshake(port: int, deadline: float) -> None:
    """Return once a station's handshake is answered with 101."""
    while time.perf_counter() < deadline:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=5) as sock:
                sock.sendall(HANDSHAKE.encode())
                if sock.recv(64).startswith(b"HTTP/1.1 101"):
                    return
        except OSError:
            pass
        time.sleep(0.005)
    raise click.ClickException(f"no handshake was answered within {START_TIMEOUT:g} s")


async def _ask(port: int, paths: Sequence[str], rounds: int) -> dict[str, list[float]]:
    """Milliseconds of each path, the first time left out; all paths in turn."""
    took: dict[str, list[float]] = {path: [] for path in paths}
    async with ApiClient(port) as client:
        for number in range(rounds + 1):
            for path in paths:
                one, _ = await client.request("GET", path)
                if number:
                    took[path].append(one)
    return took


async def _middle(port: int) -> int:
    async with ApiClient(port) as client:
        _, newest = await client.request("GET", "/api/transactions?limit=1")
    return int(json.loads(newest)[0]["transactionId"]) // 2


def _peak_kib(pid: int) -> int:
    """The most memory a process ever had, in KiB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    raise OSError(f"/proc/{pid}/status does not tell the peak")


def serve_and_ask(
    database: Path, rounds: int, say: Callable[[str], None]
) -> tuple[dict[str, list[float]], dict[str, int]]:
    """Milliseconds of everything, by its name; and memory in KiB before and at the most."""
    folder = database.parent
    place = new_place(folder)
    env = {**OCPP_TRIO.environment(place), "DB_SQLITE_PATH": str(database)}
    took: dict[str, list[float]] = {START: []}
    memory: dict[str, int] = {}
    for number in range(3):
        began = time.perf_counter()
        with running(
            OCPP_TRIO.command(place), environment(folder, env), folder, folder / "server.log"
        ) as server:
            _wait_for_handshake(place.websocket_port, began + START_TIMEOUT)
            took[START].append((time.perf_counter() - began) * 1000)
            if number == 2:
                memory["started"] = memory_kib(server.pid)
                middle = uvloop.run(_middle(place.api_port))
                pages = [path.format(middle=middle) for path in PAGES]
                say("asking for pages")
                took |= uvloop.run(_ask(place.api_port, pages, rounds))
                say("asking for reports")
                took |= uvloop.run(_ask(place.api_port, REPORTS, max(3, rounds // 4)))
                memory["peak"] = _peak_kib(server.pid)
    return took, memory


def goal_of(name: str) -> float:
    """Milliseconds that something may take."""
    return GOALS.get(name, GOALS[REPORT] if name in REPORTS else GOALS[PAGE])


@click.command("p6", short_help="a large database: start (P8), pages and reports")
@click.option("--transactions", type=click.IntRange(100), default=1_000_000, show_default=True)
@click.option("--meter-values", type=click.IntRange(0), default=20_000_000, show_default=True)
@click.option("--rounds", type=click.IntRange(1), default=20, show_default=True)
@click.option("--quick", is_flag=True, help="20,000 transactions, 400,000 meter values, 5 rounds.")
@click.option(
    "--database",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file made by `fill`, instead of a new one.",
)
@folder_option
@json_option
def main(
    transactions: int,
    meter_values: int,
    rounds: int,
    quick: bool,
    database: Path | None,
    folder: Path,
    json_file: Path | None,
) -> None:
    """Serve a large database: the time until the first handshake is answered (P8), pages of each
    list, and a month's energy reports (P6).
    """
    if quick:
        transactions, meter_values, rounds = 20_000, 400_000, 5
    machine = describe(folder)
    what = str(database) if database else f"{transactions:,} transactions, {meter_values:,} values"
    announce(f"p6, p8: {what}, {POINTS:,} charge points; {rounds} rounds", machine)
    with tempfile.TemporaryDirectory(prefix="ocpp-bench-", dir=folder) as name:
        file = database or Path(name) / "bench.sqlite3"
        if database is None:
            with click.progressbar(
                length=transactions, label="filling the database", file=sys.stderr
            ) as bar:
                fill(file, transactions, meter_values, bar.update)
        size = file.stat().st_size
        took, memory = serve_and_ask(file, rounds, progress)
    rows = [["what", "p50 ms", "max ms", "goal ms"]]
    for what, all_of_it in took.items():
        p50 = statistics.median(all_of_it)
        rows.append([what, f"{p50:,.1f}", f"{max(all_of_it):,.1f}", f"{goal_of(what):,.0f}"])
    click.echo(grid(rows))
    mib = {name: f"{kib / 1024:.0f} MiB" for name, kib in memory.items()}
    click.echo(
        f"file: {size / 1e9:.2f} GB; memory: {mib['started']} at first, {mib['peak']} at most"
    )
    report = {"scenario": "p6", "machine": machine, "bytes": size, "ms": took, "kib": memory}
    write_json(json_file, report)
