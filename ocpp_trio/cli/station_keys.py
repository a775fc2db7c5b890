"""ocpp-trio station-keys: the keys of charge points, whether a server runs or not."""

from __future__ import annotations

import sys
from urllib.parse import quote

import click

from ocpp_trio.cli.access import Access, audited, with_access, work
from ocpp_trio.cli.common import UsageProblem
from ocpp_trio.cli.remote import ask
from ocpp_trio.domain import station_keys as keys
from ocpp_trio.store import station_keys as store
from ocpp_trio.store.database import Database


@click.group("station-keys")
def station_keys() -> None:
    """Set and delete the keys with which charge points prove who they are.

    If no server holds the database, it is worked on directly; otherwise by the API of the server
    that runs, which takes a key with the role admin.
    """


@station_keys.command()
@click.argument("charge_point_id")
@with_access
def generate(access: Access, charge_point_id: str) -> None:
    """Make a key for a charge point. It goes to standard output, this once: configure it there."""

    def by_api() -> str:
        return str(ask(access.remote, "POST", _path(charge_point_id), {})["key"])

    async def directly(database: Database) -> str:
        key = keys.generate()
        await _put(database, charge_point_id, key, keys.SHA256)
        return key.hex()

    made = work(access, directly, by_api)
    click.echo(
        f"the key of {charge_point_id}, shown this once, as hexadecimal digits; from its next"
        " connection on the charge point must present it:",
        err=True,
    )
    click.echo(made)


@station_keys.command("set")
@click.argument("charge_point_id")
@with_access
def set_key(access: Access, charge_point_id: str) -> None:
    """Set a key of your choice, 16 to 20 characters or as many bytes in hexadecimal digits.

    It is read from standard input, or asked for: on the command line others could see it.
    """
    text = _read_key()

    def by_api() -> str | None:
        warning: str | None = ask(access.remote, "POST", _path(charge_point_id), {"key": text})[
            "warning"
        ]
        return warning

    async def directly(database: Database) -> str | None:
        key = keys.read(text)
        problem = keys.unusable(key, strict=access.settings.strict_keys)
        if problem is not None:
            raise UsageProblem(f"the key {problem}")
        await _put(database, charge_point_id, key, keys.SCRYPT)
        return keys.weakness(key)

    warning = work(access, directly, by_api)
    if warning is not None:
        click.echo(f"warning: the key {warning}", err=True)
    click.echo(f"from its next connection on {charge_point_id} must present this key")


@station_keys.command()
@click.argument("charge_point_id")
@with_access
def delete(access: Access, charge_point_id: str) -> None:
    """Take a charge point's key away: from then on it is not checked."""

    def by_api() -> None:
        ask(access.remote, "DELETE", _path(charge_point_id))

    async def directly(database: Database) -> None:
        if not await audited(
            database, "deleteChargePointKey", charge_point_id, None, store.remove, charge_point_id
        ):
            raise _unknown(charge_point_id)

    work(access, directly, by_api)
    click.echo(f"{charge_point_id} has no key any more")


async def _put(database: Database, point: str, key: bytes, scheme: str) -> None:
    kept = keys.hashed(key, scheme)
    if await audited(database, "setChargePointKey", point, None, store.put, point, kept) is None:
        raise _unknown(point)


def _read_key() -> str:
    if sys.stdin.isatty():
        text: str = click.prompt("Key", hide_input=True, confirmation_prompt=True)
    else:
        text = sys.stdin.readline().rstrip("\r\n")
    if not text:
        raise UsageProblem("no key was given on standard input")
    return text


def _path(charge_point_id: str) -> str:
    return f"/api/charge-points/{quote(charge_point_id, safe='')}/key"


def _unknown(charge_point_id: str) -> UsageProblem:
    return UsageProblem(f"no charge point {charge_point_id} is registered")
