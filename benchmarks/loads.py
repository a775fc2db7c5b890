"""The commands of the scenarios that are a load on each peer in turn."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from benchmarks.machine import describe
from benchmarks.options import (
    announce,
    folder_option,
    json_option,
    parse_peers,
    progress,
    write_json,
)
from benchmarks.peers import Peer
from benchmarks.processes import raise_file_limit
from benchmarks.rounds import Settings, measure
from benchmarks.scenarios.base import Scenario
from benchmarks.table import ratios, render, summarise

WARMUP, QUICK_WARMUP = 1.5, 1.0
LOAD_LIMIT = 0.8
"""Cores; a load generator that needs more may be what is being measured."""


def ready(peers: Sequence[Peer]) -> list[Peer]:
    """Those that can be measured here; why not of the others goes to stderr."""
    able = []
    for peer in peers:
        why = peer.set_up(progress)
        if why is None:
            able.append(peer)
        else:
            progress(f"{peer.name} is left out: {why}")
    if not able:
        raise click.ClickException("no peer is left to measure")
    return able


def run(
    scenario: Scenario,
    rounds: int | None,
    seconds: float | None,
    warmup: float | None,
    connections: int | None,
    quick: bool,
    peers: list[Peer],
    folder: Path,
    json_file: Path | None,
) -> None:
    """Measure, print the table, keep every figure in the JSON file if one is wanted."""
    few = scenario.quick_connections if quick else None
    settings = Settings(
        rounds=rounds or (scenario.quick_rounds if quick else scenario.rounds),
        seconds=seconds or (scenario.quick_seconds if quick else scenario.seconds),
        warmup=(QUICK_WARMUP if quick else WARMUP) if warmup is None else warmup,
        folder=folder,
        connections=connections or few or scenario.connections,
    )
    raise_file_limit(settings.connections)
    peers = ready(peers)
    machine = describe(folder)
    plan = f"{settings.rounds} rounds of {settings.seconds:g} s, {settings.connections} connections"
    announce(f"{scenario.name}: {scenario.title}\n{plan}, interleaved; medians", machine)
    results = measure(scenario, peers, settings, progress)
    summaries = {name: summarise(each) for name, each in results.items()}
    click.echo(render(summaries, scenario.columns, scenario.compare))
    for name, summary in summaries.items():
        if (summary["load_cpu"] or 0) > LOAD_LIMIT:
            progress(f"warning: the load generator was busy ({name}: {summary['load_cpu']:.0%})")
    report = {
        "scenario": scenario.name,
        "settings": dataclasses.asdict(settings),
        "machine": machine,
        "medians": summaries,
        "ratios": ratios(summaries, scenario.compare),
        "rounds": {name: list(map(dataclasses.asdict, each)) for name, each in results.items()},
    }
    write_json(json_file, report)


def command(scenario: Scenario) -> click.Command:
    """The sub-command of a scenario."""

    @click.command(
        scenario.name,
        short_help=scenario.title,
        help=f"{scenario.title}.\n\nPrints a table of medians; progress goes to stderr.",
    )
    @click.option("--rounds", type=click.IntRange(1), help=_default("Per peer.", scenario.rounds))
    @click.option(
        "--seconds",
        type=click.FloatRange(0.5),
        help=_default("Measured per round.", scenario.seconds),
    )
    @click.option(
        "--warmup", type=click.FloatRange(0), help=_default("Seconds before them.", WARMUP)
    )
    @click.option(
        "--connections",
        type=click.IntRange(1),
        help=_default("How many stations.", scenario.connections),
    )
    @click.option(
        "--quick",
        is_flag=True,
        help=f"{scenario.quick_rounds} rounds of {scenario.quick_seconds:g} s, for a first look.",
    )
    @click.option(
        "--peers",
        default=",".join(scenario.peers),
        show_default=True,
        callback=parse_peers,
        help="Which, in which order.",
    )
    @folder_option
    @json_option
    def callback(**options: Any) -> None:
        run(scenario, **options)

    return callback


def _default(text: str, value: float) -> str:
    return f"{text}  [default: {value:g}]"
