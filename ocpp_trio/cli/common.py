"""What every verb shares: settings, and errors in words instead of tracebacks."""

from __future__ import annotations

from pathlib import Path

import click

from ocpp_trio import config
from ocpp_trio.errors import ConfigError

env_file_option = click.option(
    "--env-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File of settings to read instead of .env; the environment wins over it.",
)


class UsageProblem(click.ClickException):
    """A problem the caller can mend; exits with 2."""

    exit_code = 2


def settings_from(env_file: Path | None) -> config.Settings:
    """The settings in force; ends the command with every problem named."""
    try:
        return config.from_environment(env_file)
    except ConfigError as error:
        lines = "\n".join(f"  {problem}" for problem in error.problems)
        raise UsageProblem(f"these settings cannot be used:\n{lines}") from None
