"""ocpp-trio config: what is in force."""

from __future__ import annotations

from pathlib import Path

import click

from ocpp_trio.cli.common import env_file_option, settings_from
from ocpp_trio.config import variables


@click.command()
@click.option("--explain", is_flag=True, help="Also show what each variable is for.")
@env_file_option
def config(explain: bool, env_file: Path | None) -> None:
    """Print the settings in force, one NAME=value a line; secrets are masked."""
    known = variables()
    for name, value in settings_from(env_file).shown().items():
        default, about = known[name]
        if explain:
            click.echo(f"# {about}" + (f" (default: {default})" if default else ""))
        click.echo(f"{name}={value}")
