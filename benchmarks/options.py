"""Options that several commands of the benchmarks have."""

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from benchmarks.machine import filesystem
from benchmarks.peers import PEERS, Peer

F = TypeVar("F", bound=Callable[..., Any])

DISK = Path("/var/tmp")
"""Unlike /tmp, this is on disk on nearly every system."""


def progress(text: str) -> None:
    """Say how far it is, on stderr."""
    click.echo(text, err=True)


def announce(title: str, machine: dict[str, str]) -> None:
    """What is measured, and on what."""
    click.echo(title)
    for heading, text in machine.items():
        click.echo(f"{heading}: {text}")
    click.echo()


def parse_peers(_: click.Context, __: click.Parameter, value: str) -> list[Peer]:
    """The peers of a comma-separated list, in its order."""
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


def folder_option(command: F) -> F:
    """Where databases go."""
    return click.option(
        "--folder",
        type=click.Path(exists=True, file_okay=False, writable=True, path_type=Path),
        callback=_parse_folder,
        help=f"Where temporary databases go; must be on a disk.  [default: {DISK}]",
    )(command)


def json_option(command: F) -> F:
    """Where the raw results go."""
    return click.option(
        "--json",
        "json_file",
        type=click.Path(dir_okay=False, writable=True, path_type=Path),
        help="Write every figure to this file.",
    )(command)


def write_json(file: Path | None, report: dict[str, Any]) -> None:
    """Keep a report, if it is wanted."""
    if file:
        file.write_text(json.dumps(report, indent=2, default=str) + "\n")
