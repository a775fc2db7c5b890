"""ocpp-trio ca: the certificate authority that signs the certificates of charge points."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import TextIO

import click

from ocpp_trio import authority
from ocpp_trio.authority import Authority
from ocpp_trio.certificates import read_request
from ocpp_trio.cli.common import UsageProblem, env_file_option, settings_from
from ocpp_trio.config import Settings
from ocpp_trio.domain.client_certificates import name_problem, organization_problem
from ocpp_trio.errors import AuthorityError
from ocpp_trio.private_files import PRIVATE, PUBLIC

DAYS = click.IntRange(1, 36_500)
KINDS = click.Choice(["rsa", "ec"])


class Refused(click.ClickException):
    """It was not done, and why; exits with 1."""


@click.group()
def ca() -> None:
    """The certificate authority that signs the certificates of charge points.

    It lies in two files, ca.pem and ca-key.pem beside the database file, or where OCPP_CA_CERT_FILE
    and OCPP_CA_KEY_FILE say. Whoever has the key can be any charge point: keep a copy in a safe
    place, and nobody else near it.

    \b
    ocpp-trio ca init --organization "Example CPO"
    ocpp-trio ca server csms.example.com
    ocpp-trio ca export > root.pem
    """


@ca.command()
@click.option(
    "--organization",
    metavar="NAME",
    help="Whose it is; without it the first of OCPP_CPO_NAME, else OCPP_SYSTEM_NAME.",
)
@click.option(
    "--key", "kind", type=KINDS, default="rsa", show_default=True, help="3072 bits, or P-256."
)
@click.option("--days", type=DAYS, default=3650, show_default=True, help="How long it is good.")
@env_file_option
def init(organization: str | None, kind: str, days: int, env_file: Path | None) -> None:
    """Make the authority. Existing files are never overwritten.

    A running server uses it at once (OCPP_TLS_RELOAD_INTERVAL).
    """
    settings = settings_from(env_file)
    files = authority.files_of(settings)
    name = organization or authority.organization_of(settings)
    try:
        authority.create(files, name, kind, days, _now())
    except AuthorityError as error:
        raise Refused(str(error)) from None
    click.echo(f"certificate  {files.certificate}\nprivate key  {files.key} (only you may read it)")


@ca.command()
@env_file_option
def show(env_file: Path | None) -> None:
    """Show the authority: whose it is, until when it is good, whether its key fits."""
    settings = settings_from(env_file)
    found = _found(settings)
    try:
        found.key()
    except AuthorityError as error:
        raise Refused(str(error)) from None
    for name, text in found.described():
        click.echo(f"{name:13}{text}")
    if found.is_exposed():
        click.echo(f"Warning: others may read the key: chmod 600 {found.files.key}")
    if settings.ca == "off":
        click.echo("Warning: OCPP_CA=off: the server does not use it")


@ca.command()
@env_file_option
def export(env_file: Path | None) -> None:
    """Print the authority's certificate as PEM: what charge points install. Never the key."""
    click.echo(_found(settings_from(env_file)).pem, nl=False)


@ca.command()
@click.argument("request_file", metavar="REQUEST", type=click.File())
@click.option("--charge-point", required=True, metavar="ID", help="Whose certificate it will be.")
@click.option("--serial-number", metavar="TEXT", help="Its common name, if that is not the id.")
@click.option("--days", type=DAYS, help="How long it is good; else OCPP_CLIENT_CERTIFICATE_DAYS.")
@env_file_option
def sign(
    request_file: TextIO,
    charge_point: str,
    serial_number: str | None,
    days: int | None,
    env_file: Path | None,
) -> None:
    """Sign a certificate request (PEM; - is stdin) by hand, and print the certificate.

    For charge points that cannot send SignCertificate. The server lists it from its first use on.
    """
    settings = settings_from(env_file)
    csr = request_file.read()
    request = read_request(csr)
    problem = (
        request.problem
        or name_problem(request.common_names, (charge_point, serial_number))
        or organization_problem(request.organizations, settings.cpo_name)
    )
    if problem is not None:
        raise UsageProblem(f"the request {problem}")
    found = _found(settings)
    try:
        made = found.sign_request(csr, days or settings.client_certificate_days, _now())
    except AuthorityError as error:
        raise Refused(str(error)) from None
    click.echo(found.chain_of(made.pem), nl=False)


@ca.command()
@click.argument("hosts", metavar="HOST...", nargs=-1, required=True)
@click.option("--cert-file", type=click.Path(path_type=Path), help="Else OCPP_CERT_FILE.")
@click.option("--key-file", type=click.Path(path_type=Path), help="Else OCPP_KEY_FILE.")
@click.option(
    "--key", "kind", type=KINDS, default="rsa", show_default=True, help="2048 bits, or P-256."
)
@click.option("--days", type=DAYS, default=365, show_default=True, help="How long it is good.")
@env_file_option
def server(
    hosts: tuple[str, ...],
    cert_file: Path | None,
    key_file: Path | None,
    kind: str,
    days: int,
    env_file: Path | None,
) -> None:
    """Make a certificate for the server itself: the first HOST is its common name.

    Charge points trust it once they have the authority's certificate. New files only.
    """
    settings = settings_from(env_file)
    cert, key = cert_file or Path(settings.cert_file), key_file or Path(settings.key_file)
    try:
        for path in (cert, key):
            if path.exists():
                raise AuthorityError(f"{path} exists already")
        chain, secret = _found(settings).make_server_certificate(hosts, kind, days, _now())
        authority.write(key, secret, PRIVATE)
        authority.write(cert, chain.encode(), PUBLIC)
    except AuthorityError as error:
        raise Refused(str(error)) from None
    click.echo(f"certificate  {cert}\nprivate key  {key} (only you may read it)")


def _found(settings: Settings) -> Authority:
    try:
        return Authority(authority.files_of(settings))
    except AuthorityError as error:
        raise Refused(f"{error} (`ocpp-trio ca init` makes an authority)") from None


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
