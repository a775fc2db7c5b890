"""ocpp-trio keys: keys for the API, made, listed and revoked, whether a server runs or not."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import click

from ocpp_trio.cli.access import Access, actor, audited, with_access, work
from ocpp_trio.cli.common import UsageProblem
from ocpp_trio.cli.remote import ask
from ocpp_trio.domain.roles import RANKS
from ocpp_trio.domain.times import format_timestamp, parse_timestamp, system_now
from ocpp_trio.store import api_keys
from ocpp_trio.store.database import Database

MOST = 100_000
UNITS_MS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000}
COLUMNS = ("id", "name", "role", "state", "created", "expires", "last used")


@click.group()
def keys() -> None:
    """Make, list and revoke keys for the API.

    If no server holds the database, it is worked on directly; otherwise by the API of the server
    that runs, which takes a key with the role admin.
    """


def _expiry(_: click.Context, __: click.Parameter, text: str | None) -> int | None:
    if text is None:
        return None
    span = re.fullmatch(r"(\d{1,6})([mhd])", text)
    if span:
        return system_now() + int(span[1]) * UNITS_MS[span[2]]
    found = parse_timestamp(text if "T" in text else f"{text}T00:00:00Z")
    if found is None:
        raise click.BadParameter(f"{text!r} is neither a moment nor a time such as 90d, 12h or 30m")
    if found <= system_now():
        raise click.BadParameter(f"{text!r} is over already")
    return found


def _name(_: click.Context, __: click.Parameter, text: str) -> str:
    if not text.isprintable() or not text.strip() or text != text.lstrip() or len(text) > 100:
        raise click.BadParameter("must be 1 to 100 printable characters")
    return text


@keys.command()
@click.option("--name", required=True, callback=_name, help="Who the key is for; in every record.")
@click.option(
    "--role",
    type=click.Choice(tuple(RANKS)),
    required=True,
    help="read looks; operate also sends commands and changes tags; admin also decides who may"
    " connect and who may call.",
)
@click.option(
    "--expires",
    callback=_expiry,
    metavar="WHEN",
    help="90d, 12h or 30m from now, or a moment such as 2030-12-31 (UTC).  [default: never]",
)
@with_access
def create(access: Access, name: str, role: str, expires: int | None) -> None:
    """Make a key. Its text goes to standard output, this once: only its hash is kept."""

    def by_api() -> str:
        body = {"name": name, "role": role, "expiresAt": format_timestamp(expires)}
        return str(ask(access.remote, "POST", "/api/keys", body)["key"])

    async def directly(database: Database) -> str:
        secret = api_keys.make_secret()
        digest = api_keys.digest(secret.encode()).hex()
        new = api_keys.NewKey(name, role, digest, actor(), expires)
        detail = {"body": {"name": name, "role": role, "expiresAt": format_timestamp(expires)}}
        if await audited(database, "createKey", name, detail, api_keys.insert, new) is None:
            raise UsageProblem(f"there is or was a key with the name {name}")
        return secret

    secret = work(access, directly, by_api)
    until = f" until {format_timestamp(expires)}" if expires is not None else ""
    click.echo(
        f"key {name} ({role}{until}), shown this once; send it as `Authorization: Bearer ...`:",
        err=True,
    )
    click.echo(secret)


@keys.command("list")
@click.option("--json", "as_json", is_flag=True, help="As JSON instead of a table.")
@with_access
def list_keys(access: Access, as_json: bool) -> None:
    """Show all keys, newest first; expired and revoked ones as well."""

    def by_api() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = ask(access.remote, "GET", "/api/keys")
        return found

    async def directly(database: Database) -> list[dict[str, Any]]:
        # Imported here: the other verbs need not load the API.
        from ocpp_trio.api.keys import plain

        rows = await database.read(api_keys.listing.page, api_keys.Filter(), None, MOST, 0)
        return [plain(row, system_now()) for row in rows]

    found = work(access, directly, by_api)
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    for line in _table(found):
        click.echo(line)


@keys.command()
@click.argument("name")
@with_access
def revoke(access: Access, name: str) -> None:
    """Revoke the key NAME, for ever. A server that runs refuses it at once."""

    def by_api() -> bool:
        found = ask(access.remote, "GET", f"/api/keys?{urlencode({'name': name})}")
        if not found:
            raise _unknown(name)
        if found[0]["state"] == "revoked":
            return False
        ask(access.remote, "POST", f"/api/keys/{found[0]['id']}/revoke")
        return True

    async def directly(database: Database) -> bool:
        rows = await database.read(api_keys.listing.page, api_keys.Filter(name), None, 1, 0)
        if not rows:
            raise _unknown(name)
        number = rows[0]["id"]
        revoke = api_keys.revoke
        row = await audited(database, "revokeKey", str(number), None, revoke, number, actor())
        return row is not None

    is_new = work(access, directly, by_api)
    click.echo(f"key {name} is revoked" if is_new else f"key {name} was revoked already")


def _unknown(name: str) -> UsageProblem:
    return UsageProblem(f"there is no key {name}; `ocpp-trio keys list` shows all")


def _table(found: list[dict[str, Any]]) -> Iterator[str]:
    fields = ("id", "name", "role", "state", "createdAt", "expiresAt", "lastUsedAt")
    rows = [COLUMNS, *(tuple(str(each[field] or "-") for field in fields) for each in found)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(COLUMNS))]
    for row in rows:
        padded = (text.ljust(width) for text, width in zip(row, widths, strict=True))
        yield "  ".join(padded).rstrip()
