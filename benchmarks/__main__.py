"""The command: `python -m benchmarks p1`. One sub-command per scenario."""

import dataclasses
import json
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any, NoReturn

import click

from benchmarks.machine import describe, filesystem
from benchmarks.peers import PEERS, Peer
from benchmarks.rounds import RoundFailed, Settings, measure
from benchmarks.scenarios import SCENARIOS
from benchmarks.scenarios.base import Scenario
from benchmarks.table import ratios, render, summarise

ROUNDS, SECONDS, WARMUP = 5, 5.0, 1.5
QUICK_ROUNDS, QUICK_SECONDS, QUICK_WARMUP = 3, 2.0, 1.0
LOAD_LIMIT = 0.8
"""Cores; a load generator that needs more may be what is being measured."""
DISK = Path("/var/tmp")
"""Unlike /tmp, this is on disk on nearly every system."""


def _progress(text: str) -> None:
    click.echo(text, err=True)


def _parse_peers(_: click.Context, __: click.Parameter, value: str) -> list[Peer]:
    names = [name.strip() for name in value.split(",")]
    unknown = [name for name in names if name not in PEERS]
    if unknown:
        raise click.BadParameter(f"unknown: {', '.join(unknown)}; known: {', '.join(PEERS)}")
    return [PEERS[name] for name in dict.fromkeys(names)]


def _parse_folder(_: click.Context, __: click.Parameter, value: Path | None) -> Path:
    folder = value or (DISK if DISK.is_dir() else Path(tempfile.gettempdir()))
    if filesystem(folder) in ("tmpfs", "ramfs"):
        raise click.BadParameter(f"{folder} is in memory: nothing written there is durable")
    return folder


def run(
    scenario: Scenario,
    rounds: int | None,
    seconds: float | None,
    warmup: float | None,
    quick: bool,
    peers: list[Peer],
    folder: Path,
    json_file: Path | None,
) -> None:
    """Measure, print the table, keep every figure in the JSON file if one is wanted."""
    settings = Settings(
        rounds=rounds or (QUICK_ROUNDS if quick else ROUNDS),
        seconds=seconds or (QUICK_SECONDS if quick else SECONDS),
        warmup=(QUICK_WARMUP if quick else WARMUP) if warmup is None else warmup,
        folder=folder,
    )
    machine = describe(folder)
    click.echo(f"{scenario.name}: {scenario.title}")
    click.echo(f"{settings.rounds} rounds of {settings.seconds:g} s, interleaved; medians")
    for heading, text in machine.items():
        click.echo(f"{heading}: {text}")
    click.echo()
    try:
        results = measure(scenario, peers, settings, _progress)
    except RoundFailed as error:
        raise click.ClickException(str(error)) from error

    summaries = {name: summarise(each) for name, each in results.items()}
    click.echo(render(summaries))
    for name, summary in summaries.items():
        if summary.load_cpu > LOAD_LIMIT:
            _progress(f"warning: the load generator was busy ({name}: {summary.load_cpu:.0%})")
    if json_file:
        report = {
            "scenario": scenario.name,
            "settings": {**dataclasses.asdict(settings), "folder": str(folder)},
            "machine": machine,
            "medians": {name: dataclasses.asdict(each) for name, each in summaries.items()},
            "ratios": ratios(summaries),
            "rounds": {name: list(map(dataclasses.asdict, each)) for name, each in results.items()},
        }
        json_file.write_text(json.dumps(report, indent=2) + "\n")


def command(scenario: Scenario) -> click.Command:
    """The sub-command of a scenario that is a plain load on each peer in turn."""

    @click.command(
        scenario.name,
        short_help=scenario.title,
        help=f"{scenario.title}.\n\nPrints a table of medians; progress goes to stderr.",
    )
    @click.option("--rounds", type=click.IntRange(1), help=f"Per peer.  [default: {ROUNDS}]")
    @click.option(
        "--seconds", type=click.FloatRange(0.5), help=f"Measured per round.  [default: {SECONDS:g}]"
    )
    @click.option(
        "--warmup", type=click.FloatRange(0), help=f"Seconds before them.  [default: {WARMUP:g}]"
    )
    @click.option(
        "--quick",
        is_flag=True,
        help=f"Under a minute: {QUICK_ROUNDS} rounds of {QUICK_SECONDS:g} s, for a first look.",
    )
    @click.option(
        "--peers",
        default=",".join(PEERS),
        show_default=True,
        callback=_parse_peers,
        help="Which, in which order.",
    )
    @click.option(
        "--folder",
        type=click.Path(exists=True, file_okay=False, writable=True, path_type=Path),
        callback=_parse_folder,
        help=f"Where temporary databases go; must be on a disk.  [default: {DISK}]",
    )
    @click.option(
        "--json",
        "json_file",
        type=click.Path(dir_okay=False, writable=True, path_type=Path),
        help="Write the figures of every round to this file.",
    )
    def callback(**options: Any) -> None:
        run(scenario, **options)

    return callback


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def main() -> None:
    """Compare ocpp_trio with other OCPP 1.6J servers on this machine, over loopback.

    Each peer gets the same frames from the same load generator, in turn, several times. Compare
    the ratios of one run, not the figures of two. See benchmarks/README.md.
    """


def _leave(signum: int, _: object) -> NoReturn:
    sys.exit(128 + signum)  # by way of every finally, which is where children are ended


for each in SCENARIOS.values():
    main.add_command(command(each))

if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGHUP, _leave)
    main(prog_name="python -m benchmarks")
