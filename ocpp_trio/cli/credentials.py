"""Options of simulated charge points: how they prove themselves, where they go, whom they trust."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from ocpp_trio.cli.common import UsageProblem
from ocpp_trio.domain import station_keys
from ocpp_trio.simulator.certificates import Own
from ocpp_trio.simulator.endpoint import Endpoint, endpoint_of

F = TypeVar("F", bound=Callable[..., Any])

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
OPTIONS = (
    click.option(
        "--key",
        envvar="OCPP_STATION_KEY",
        show_envvar=True,
        metavar="KEY",
        help="Key that every charge point presents (HTTP Basic): 16 to 20 characters, or as many"
        " bytes in hexadecimal digits.",
    ),
    click.option(
        "--secure-url",
        metavar="URL",
        help="wss:// URL to go to once told to use security profile 2 or 3.",
    ),
    click.option(
        "--ca-file", type=FILE, help="Authorities to trust for wss:// instead of the system's, PEM."
    ),
    click.option(
        "--client-cert",
        type=FILE,
        help="Certificate of the charge point with its chain, PEM: security profile 3.",
    ),
    click.option("--client-key", type=FILE, help="Its private key, PEM."),
)


def credential_options(function: F) -> F:
    """Add the options to a command; it takes them as keyword arguments."""
    for option in reversed(OPTIONS):
        function = option(function)
    return function


def planned(
    count: int,
    *,
    key: str | None,
    ca_file: Path | None,
    client_cert: Path | None,
    client_key: Path | None,
) -> dict[str, Any]:
    """What the options say of a plan for so many charge points; raises UsageProblem."""
    if (client_cert is None) != (client_key is None):
        raise UsageProblem("--client-cert and --client-key go together")
    if client_cert is not None and count > 1:
        raise UsageProblem("--client-cert is that of one charge point: --count 1")
    certificate = None
    if client_cert is not None and client_key is not None:
        certificate = Own(client_cert.read_text(), client_key.read_text())
    return {
        "key": None if key is None else station_keys.read(key),
        "ca_file": None if ca_file is None else str(ca_file),
        "certificate": certificate,
    }


def endpoint_from(option: str, url: str, *, secure: bool = False) -> Endpoint:
    """The endpoint that an option names, `secure`: with TLS; raises UsageProblem."""
    try:
        endpoint = endpoint_of(url)
    except ValueError as error:
        raise UsageProblem(f"{option} {url}: {error}") from None
    if secure and not endpoint.is_secure:
        raise UsageProblem(f"{option} {url}: must begin with wss://")
    return endpoint
