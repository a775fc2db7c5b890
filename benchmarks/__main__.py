"""The command: `python -m benchmarks p1`. One sub-command per scenario."""

import signal
import sys
from typing import NoReturn

import click

from benchmarks import books, commands, fill, growth, loads, nodes, pictures, soak
from benchmarks.scenarios import SCENARIOS


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def main() -> None:
    """Compare ocpp_trio with other OCPP 1.6J servers on this machine, over loopback.

    Each peer gets the same frames from the same load generator, in turn, several times. Compare
    the ratios of one run, not the figures of two. See benchmarks/README.md.
    """


def _leave(signum: int, _: object) -> NoReturn:
    sys.exit(128 + signum)  # by way of every finally, which is where children are ended


for each in SCENARIOS.values():
    main.add_command(loads.command(each))
main.add_command(commands.main)
main.add_command(books.main)
main.add_command(nodes.main)
main.add_command(fill.main)
main.add_command(growth.main)
main.add_command(soak.main)
main.add_command(pictures.main)

if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGHUP, _leave)
    main(prog_name="python -m benchmarks")
