"""Growth: what a message costs with ever more stations, a page and a report with ever more rows.

Flat is good: the cost must not depend on how many others there are.
"""

import dataclasses
import statistics
import tempfile
from pathlib import Path
from typing import Any

import click

from benchmarks.books import MONTH, serve_and_ask
from benchmarks.fill import fill
from benchmarks.machine import describe
from benchmarks.options import (
    announce,
    folder_option,
    json_option,
    progress,
    write_json,
)
from benchmarks.peers import OCPP_TRIO
from benchmarks.processes import raise_file_limit
from benchmarks.rounds import Settings, measure
from benchmarks.scenarios import SCENARIOS
from benchmarks.table import cells, grid, summarise

STATIONS = (10, 100, 1_000, 10_000)
TRANSACTIONS = (10_000, 100_000, 1_000_000)
VALUES_PER_TRANSACTION = 20
SHOWN = (
    "/api/charge-points?limit=50",
    "/api/transactions?limit=50",
    "/api/transactions?limit=50&chargePointId=CP0500",
    "/api/transactions/{middle}",
    "/api/meter-values?limit=50&transactionId={middle}",
    f"/api/reports/energy?{MONTH}&groupBy=day",
)
"""Of p6, what is shown: a page of each kind, and a report, which must grow with its month."""


def _stations(name: str, counts: list[int], rounds: int, seconds: float, folder: Path) -> Any:
    """A load with ever more stations."""
    scenario = SCENARIOS[name]
    rows, figures = [], {}
    for count in counts:
        settings = Settings(rounds, seconds, 1.5, folder, count)
        progress(f"{name} with {count} stations")
        found = measure(scenario, [OCPP_TRIO], settings, progress)[OCPP_TRIO.name]
        summary = summarise(found)
        shown = dict(cells(summary, ("rate", "cpu_per_message", "p50", "p99", "memory")))
        rows.append({name: f"{count:,} stations", **shown})
        figures[count] = [dataclasses.asdict(each) for each in found]
    click.echo(grid([list(rows[0]), *(list(row.values()) for row in rows)]) + "\n")
    return figures


def _rows(counts: list[int], rounds: int, folder: Path) -> Any:
    """Pages and a report with ever more transactions."""
    figures: dict[int, dict[str, float]] = {}
    for count in counts:
        progress(f"p6 with {count} transactions")
        with tempfile.TemporaryDirectory(prefix="ocpp-bench-", dir=folder) as name:
            file = Path(name) / "bench.sqlite3"
            fill(file, count, count * VALUES_PER_TRANSACTION, lambda _: None)
            took, _ = serve_and_ask(file, rounds, progress)
        middle = f"{count // 2}"
        figures[count] = {
            path: statistics.median(took[path.format(middle=middle)]) for path in SHOWN
        }
    heads = ["p6, p50 ms", *(f"{count:,} transactions" for count in counts)]
    rows = [[path, *(f"{figures[count][path]:.1f}" for count in counts)] for path in SHOWN]
    click.echo(grid([heads, *rows]))
    return figures


@click.command("growth", short_help="p1, p3 and p6 with ever more stations and rows")
@click.option("--most-stations", type=click.IntRange(10), default=10_000, show_default=True)
@click.option("--most-transactions", type=click.IntRange(0), default=1_000_000, show_default=True)
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True)
@click.option("--seconds", type=click.FloatRange(0.5), default=5.0, show_default=True)
@click.option("--quick", is_flag=True, help="100 stations, 10,000 transactions, one round of 2 s.")
@folder_option
@json_option
def main(
    most_stations: int,
    most_transactions: int,
    rounds: int,
    seconds: float,
    quick: bool,
    folder: Path,
    json_file: Path | None,
) -> None:
    """The cost of a message with 10, 100, 1,000 and 10,000 stations (p1, p3), and of a page with
    10,000, 100,000 and 1,000,000 transactions (p6). It should be flat.
    """
    if quick:
        most_stations, most_transactions, rounds, seconds = 100, 10_000, 1, 2.0
    stations = [count for count in STATIONS if count <= most_stations]
    transactions = [count for count in TRANSACTIONS if count <= most_transactions]
    raise_file_limit(max(stations))
    machine = describe(folder)
    announce(f"growth: {rounds} rounds of {seconds:g} s; medians", machine)
    report = {"scenario": "growth", "machine": machine}
    report["p1"] = _stations("p1", stations, rounds, seconds, folder)
    report["p3"] = _stations("p3", stations, rounds, max(seconds, 20.0 * (not quick)), folder)
    if transactions:
        report["p6"] = _rows(transactions, 10, folder)
    write_json(json_file, report)
