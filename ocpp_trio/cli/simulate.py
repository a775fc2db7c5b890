"""ocpp-trio simulate: charge points of our own that play whole sessions."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import click
import trio
from rich.console import Console

from ocpp_trio import logs
from ocpp_trio.cli.common import UsageProblem
from ocpp_trio.cli.credentials import credential_options, endpoint_from, planned
from ocpp_trio.cli.progress import show_progress
from ocpp_trio.simulator import fleet
from ocpp_trio.simulator.api import ApiError, register_tags
from ocpp_trio.simulator.endpoint import CannotConnect
from ocpp_trio.simulator.faults import KINDS, Faults
from ocpp_trio.simulator.ledger import Ledger
from ocpp_trio.simulator.plan import Plan, Run
from ocpp_trio.simulator.summary import Outcome, Tally

FAULTS = "\n".join(
    (
        "\b",
        "Faults, each as --fault ACTION=KIND; DataTransfer with vendorId ocpp-trio.simulator,",
        "messageId fault and the same text as data changes them at run time:",
        *(f"  {kind:18}{what}" for kind, what in KINDS.items()),
    )
)

# OCPP 1.6 section 7.15: IdToken.
MAX_TAG = 20
EXIT_INTERRUPTED = 130


@click.command(epilog=FAULTS)
@click.option(
    "--url",
    default="ws://localhost:9000",
    show_default=True,
    metavar="URL",
    help="Central system, ws:// or wss://; the charge point's id is put behind it.",
)
@click.option(
    "--api",
    metavar="URL",
    help="HTTP API, for instance http://localhost:9001: the tags are registered there first.",
)
@click.option(
    "--api-key",
    envvar="OCPP_API_KEY",
    show_envvar=True,
    metavar="KEY",
    help="Key for the API; in the variable it is not seen in the list of processes.",
)
@credential_options
@click.option(
    "--count",
    type=click.IntRange(1, 100_000),
    default=1,
    show_default=True,
    help="Charge points, all at the same time.",
)
@click.option(
    "--sessions",
    type=click.IntRange(0),
    default=1,
    show_default=True,
    help="Sessions of each charge point, one after the other.",
)
@click.option(
    "--prefix",
    default="SIM",
    show_default=True,
    metavar="TEXT",
    help="Ids are SIM0001, SIM0002, ...; tags are SIM0001TAG, SIM0002TAG, ...",
)
@click.option("--id-tag", metavar="TAG", help="One tag for all charge points instead.")
@click.option(
    "--meter-values",
    type=click.IntRange(0),
    default=3,
    show_default=True,
    help="MeterValues of each session.",
)
@click.option(
    "--interval",
    type=click.FloatRange(0),
    default=0.0,
    show_default=True,
    metavar="SECONDS",
    help="Pause before each MeterValues. Below 1, each stands for a minute of charging.",
)
@click.option(
    "--stay",
    is_flag=True,
    help="Stay connected after the sessions and obey commands, until Ctrl-C; prints them.",
)
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="ACTION=KIND",
    help="What it does wrong when it is told ACTION; may be given again for others. KINDs below.",
)
@click.option(
    "--job-step",
    type=click.FloatRange(0),
    default=1.0,
    show_default=True,
    metavar="SECONDS",
    help="How long each step of an upload or of new firmware takes.",
)
@click.option(
    "--ledger",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Append every acknowledged start, meter value and stop to this file, as JSON lines.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(0, min_open=True),
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="For the handshake and for every answer.",
)
@click.option(
    "--give-up",
    type=click.FloatRange(0, min_open=True),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="How long a charge point tries to be connected and accepted (again).",
)
@click.option(
    "--boot-wait",
    type=click.FloatRange(0, min_open=True),
    default=10.0,
    show_default=True,
    metavar="SECONDS",
    help="Longest wait after a boot answered with Pending or Rejected.",
)
@click.option(
    "--concurrency",
    type=click.IntRange(1),
    default=50,
    show_default=True,
    help="How many connect at the same moment.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def simulate(
    url: str,
    api: str | None,
    api_key: str | None,
    secure_url: str | None,
    count: int,
    sessions: int,
    prefix: str,
    id_tag: str | None,
    meter_values: int,
    interval: float,
    stay: bool,
    faults: tuple[str, ...],
    job_step: float,
    ledger: Path | None,
    timeout: float,
    give_up: float,
    boot_wait: float,
    concurrency: int,
    as_json: bool,
    **credentials: Any,
) -> None:
    """Play charge points against a central system (any OCPP 1.6J one).

    Each boots, then plays its sessions: authorize, start, charge with meter values, stop. Meanwhile
    it obeys commands, and when the connection drops it comes back and delivers what is due, like a
    real one. Without --api its tag must be known to the central system already.

    \b
    ocpp-trio simulate --api http://localhost:9001
    ocpp-trio simulate --api http://localhost:9001 --count 50 --sessions 3
    ocpp-trio simulate --url wss://csms.example.com/ocpp --id-tag RFID123
    ocpp-trio simulate --api http://localhost:9001 --sessions 0 --stay
    ocpp-trio simulate --sessions 0 --stay --fault Reset=silent --fault GetLog=fail:BadMessage

    wss:// is verified by the system's certificate authorities; --ca-file or SSL_CERT_FILE names
    others. A charge point may be told to use another key or a higher security profile, and to have
    a certificate signed, which it then uses.

    The summary goes to stdout. Exit code 0 if every session was completed, 1 if not, 130 after
    Ctrl-C, which is a power cut: a running transaction stays open.
    """
    plan = Plan(
        count=count,
        sessions=sessions,
        prefix=prefix,
        id_tag=id_tag,
        meter_values=meter_values,
        interval=interval,
        stay=stay,
        timeout=timeout,
        give_up=give_up,
        boot_wait=boot_wait,
        concurrency=concurrency,
        faults=faults,
        job_step=job_step,
        **planned(count, **credentials),
    )
    try:
        Faults(faults)
    except ValueError as error:
        raise UsageProblem(f"--fault: {error}") from None
    longest = plan.tag(count)
    if len(longest) > MAX_TAG:
        raise UsageProblem(f"the tag {longest} is longer than the {MAX_TAG} characters of OCPP 1.6")
    endpoint = endpoint_from("--url", url)
    secure_endpoint = (
        None if secure_url is None else endpoint_from("--secure-url", secure_url, secure=True)
    )
    try:
        acknowledged = Ledger(ledger)
    except OSError as error:
        raise UsageProblem(f"--ledger {ledger}: {error.strerror}") from None
    console = Console(stderr=True, highlight=False)
    logs.configure("warning", "console")
    with acknowledged, show_progress(console, count * sessions) as advance:
        # Around text of a central system no markup is read.
        def say(line: str) -> None:
            console.print(line, markup=False, soft_wrap=True)

        tally = Tally(say)
        tell = say if stay else None
        run = Run(plan, endpoint, tally, acknowledged, on_session=advance, tell=tell)
        run.secure_endpoint = secure_endpoint
        try:
            interrupted = trio.run(_play, run, api, api_key)
        except CannotConnect as error:
            raise click.ClickException(f"cannot connect to {url}: {error}") from None
        except ApiError as error:
            raise click.ClickException(str(error)) from None
    click.echo(json.dumps(tally.as_json(count)) if as_json else tally.as_text(count))
    if interrupted:
        sys.exit(EXIT_INTERRUPTED)
    sys.exit(1 if tally.outcomes[Outcome.REFUSED] + tally.outcomes[Outcome.FAILED] else 0)


async def _play(run: Run, api: str | None, api_key: str | None) -> bool:
    """Play the run; whether a signal ended it."""
    interrupted = False
    async with trio.open_nursery() as nursery:
        with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:

            async def watch(arriving: AsyncIterator[int]) -> None:
                nonlocal interrupted
                async for _ in arriving:
                    interrupted = True
                    nursery.cancel_scope.cancel()
                    return

            nursery.start_soon(watch, signals)
            failure = await _work(run, api, api_key)
        nursery.cancel_scope.cancel()
    if not interrupted and failure is not None:
        raise failure
    return interrupted


async def _work(run: Run, api: str | None, api_key: str | None) -> CannotConnect | ApiError | None:
    """Register the tags and play. A failure is returned: a nursery would wrap it in a group."""
    try:
        if api is not None:
            await register_tags(api, api_key, run.plan.tags(), timeout=run.plan.timeout)
        await fleet.play(run)
    except (CannotConnect, ApiError) as error:
        return error
    return None
