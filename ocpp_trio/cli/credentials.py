"""Options of simulated charge points: how they prove themselves, and whom they trust."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from ocpp_trio.cli.common import UsageProblem
from ocpp_trio.domain import station_keys
from ocpp_trio.simulator.certificates import Own
from ocpp_trio.simulator.endpoint import Endpoint, endpoint_of
from ocpp_trio.simulator.identity import Credentials

F = TypeVar("F", bound=Callable[..., Any])

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
OPTIONS = (
    click.option(
        "--wss-url",
        metavar="URL",
        help="Where they go once their SecurityProfile is 2 or 3, if that is elsewhere.",
    ),
    click.option(
        "--ca-file", type=FILE, help="Authorities to trust for wss:// instead of the system's, PEM."
    ),
    click.option(
        "--key",
        envvar="OCPP_AUTHORIZATION_KEY",
        show_envvar=True,
        metavar="KEY",
        help="AuthorizationKey of all charge points: hexadecimal digits, else as it is.",
    ),
    click.option(
        "--client-cert", type=FILE, help="Certificate of the charge point with its chain, PEM."
    ),
    click.option("--client-key", type=FILE, help="Its private key, PEM."),
)


def credential_options(function: F) -> F:
    """Add the options to a command; it takes them as keyword arguments for `credentials_from`."""
    for option in reversed(OPTIONS):
        function = option(function)
    return function


def credentials_from(
    count: int,
    *,
    wss_url: str | None,
    ca_file: Path | None,
    key: str | None,
    client_cert: Path | None,
    client_key: Path | None,
) -> Credentials:
    """What the options say, for so many charge points; raises UsageProblem."""
    if (client_cert is None) != (client_key is None):
        raise UsageProblem("--client-cert and --client-key go together")
    if client_cert is not None and count > 1:
        raise UsageProblem("--client-cert is of one charge point: --count 1")
    certificate = None
    if client_cert is not None and client_key is not None:
        certificate = Own(client_cert.read_text(), client_key.read_text())
    return Credentials(
        key=None if key is None else station_keys.read(key),
        ca_file=None if ca_file is None else str(ca_file),
        certificate=certificate,
        secure=None if wss_url is None else endpoint_from("--wss-url", wss_url),
    )


def endpoint_from(option: str, url: str) -> Endpoint:
    """The endpoint that an option names; raises UsageProblem."""
    try:
        return endpoint_of(url)
    except ValueError as error:
        raise UsageProblem(f"{option} {url}: {error}") from None
