"""The command line: one file per verb."""

from __future__ import annotations

import click

from ocpp_trio import __version__
from ocpp_trio.cli.backup import backup
from ocpp_trio.cli.ca import ca
from ocpp_trio.cli.config import config
from ocpp_trio.cli.copy import copy
from ocpp_trio.cli.keys import keys
from ocpp_trio.cli.migrate import migrate
from ocpp_trio.cli.report import report
from ocpp_trio.cli.serve import serve
from ocpp_trio.cli.simulate import simulate
from ocpp_trio.cli.station_keys import station_keys
from ocpp_trio.cli.tags import tags
from ocpp_trio.cli.verify import verify


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="ocpp-trio")
def main() -> None:
    """OCPP 1.6J central system: charge points by WebSocket, people and programs by HTTP.

    Settings come from the environment and from .env; `ocpp-trio config` shows them.
    """


for verb in (
    serve,
    migrate,
    config,
    simulate,
    tags,
    keys,
    station_keys,
    ca,
    backup,
    copy,
    verify,
    report,
):
    main.add_command(verb)
