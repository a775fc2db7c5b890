"""ocpp-trio serve: the server."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ocpp_trio import __version__
from ocpp_trio.cli.common import UsageProblem, env_file_option, settings_from
from ocpp_trio.config import Settings
from ocpp_trio.errors import ConfigError, StoreError
from ocpp_trio.network import reachable_addresses

if TYPE_CHECKING:
    from ocpp_trio import app


@click.command()
@env_file_option
@click.option(
    "--role",
    type=click.Choice(["all", "api", "websocket"]),
    help="Serve one side only: OCPP_ROLE. Needs PostgreSQL.",
)
def serve(env_file: Path | None, role: str | None) -> None:
    """Run the server until Ctrl-C or SIGTERM.

    The database is created, or brought up to date, by itself. Several servers may share one
    PostgreSQL.
    """
    # Imported here: `ocpp-trio --help` need not load the whole server.
    from ocpp_trio import app as server

    settings = settings_from(env_file)
    if role is not None:
        settings = replace(settings, role=role)

    def announce(started: app.Started) -> None:
        for line in first_lines(settings, started):
            click.echo(line)

    try:
        server.run(settings, announce)
    except (ConfigError, StoreError) as error:
        problems = error.problems if isinstance(error, ConfigError) else [str(error)]
        raise UsageProblem(
            "cannot start:\n" + "\n".join(f"  {each}" for each in problems)
        ) from None


def first_lines(settings: Settings, started: app.Started) -> list[str]:
    """What a person needs to know first: where chargers and people go, and what may go wrong."""
    ws = "wss" if settings.use_tls else "ws"
    http = "https" if settings.api_tls else "http"
    wildcard = settings.host in {"0.0.0.0", "::"}  # noqa: S104 - compared, not bound
    addresses = reachable_addresses() if wildcard or settings.on_loopback else [settings.host]
    here = "localhost" if wildcard else _url_host(settings.host)
    there = addresses[0] if wildcard and addresses else here
    lines = [f"ocpp-trio {__version__}, database {settings.db_type} {settings.database_place}"]
    if started.websocket_port is not None:
        url = f"{ws}://{there}:{started.websocket_port}"
        lines.append(f"Charge points connect to  {url}/<charge point id>")
    if started.wss_port is not None:
        url = f"wss://{there}:{started.wss_port}"
        lines.append(f"{'or, with TLS, to':26}{url}/<charge point id>")
    if started.api_port is not None:
        url = f"{http}://{there}:{started.api_port}"
        lines.append(f"People and programs use   {url}/api/status  (all endpoints: {url}/docs)")
    if settings.on_loopback:
        example = ""
        if addresses and started.websocket_port is not None:
            example = f"; chargers then use {ws}://{addresses[0]}:{started.websocket_port}/<id>"
        lines.append(
            f"Warning: OCPP_HOST={settings.host} cannot be reached from the network, also not by a"
            f" charger. Set OCPP_HOST=0.0.0.0 to let them in{example}"
        )
    if settings.unknown_policy == "pending":
        lines.append("Unregistered charge points wait as Pending; the log shows how to adopt them")
    if settings.api_auth == "off":
        lines.append("Warning: OCPP_API_AUTH=off: everybody who reaches the API may use it")
    if settings.unknown_charge_points == "accept" and not settings.on_loopback:
        lines.append("Warning: OCPP_UNKNOWN_CHARGE_POINTS=accept: any charge point is let in")
    if started.needs_key and not started.made_key and not settings.api_key:
        lines.append(
            "The API asks for a key; if that of the first start is lost, set OCPP_API_KEY, or stop"
            " the server and run `ocpp-trio keys create --name NAME --role admin`"
        )
    if started.made_key:
        lines.append(
            f"API key (shown this once; send it as `Authorization: Bearer ...`): {started.made_key}"
        )
    return lines


def _url_host(host: str) -> str:
    return f"[{host}]" if ":" in host else host
