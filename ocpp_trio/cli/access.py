"""Verbs that change what is stored, whether a server runs or not.

On the database directly if nobody holds it, else by the API of the server that does.
"""

from __future__ import annotations

import functools
import getpass
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import click
import trio

from ocpp_trio import logs
from ocpp_trio.cli.common import UsageProblem, env_file_option, settings_from
from ocpp_trio.cli.remote import ApiRefused, Remote, default_url
from ocpp_trio.config import Settings
from ocpp_trio.domain.times import system_now
from ocpp_trio.errors import DatabaseInUse, StoreError
from ocpp_trio.store import audit
from ocpp_trio.store.database import Database
from ocpp_trio.store.opening import open_database

T = TypeVar("T")
Command = Callable[..., None]


class Access(NamedTuple):
    """The settings in force, and the API that may be asked: at once if its URL was given."""

    settings: Settings
    remote: Remote
    is_given: bool


def with_access(verb: Callable[..., None]) -> Command:
    """Give a verb the options by which it works, and the Access they make as its first argument."""

    @functools.wraps(verb)
    def command(
        env_file: Path | None, api: str | None, api_key: str | None, timeout: float, **own: Any
    ) -> None:
        verb(_access(env_file, api, api_key, timeout), **own)

    for option in (
        env_file_option,
        click.option(
            "--timeout",
            type=click.FloatRange(0, min_open=True),
            default=60.0,
            show_default=True,
            metavar="SECONDS",
            help="For an answer of the API.",
        ),
        click.option(
            "--api-key",
            envvar="OCPP_API_KEY",
            show_envvar=True,
            metavar="KEY",
            help="Key for the API; in the variable it is not seen in the list of processes.",
        ),
        click.option(
            "--api",
            metavar="URL",
            help="HTTP API to use in any case; otherwise, if a server holds the database, that of"
            " the settings.",
        ),
    ):
        command = option(command)
    return command


def _access(env_file: Path | None, api: str | None, api_key: str | None, timeout: float) -> Access:
    logs.configure("warning", "console")
    settings = settings_from(env_file)
    remote = Remote(api or default_url(settings), api_key or settings.api_key, timeout)
    return Access(settings, remote, api is not None)


def actor() -> str:
    """Who works on the database directly, as a word for records."""
    try:
        return f"command line: {getpass.getuser()}"
    except (KeyError, OSError):
        # A container may run as a number that has no name.
        return "command line"


async def audited(
    database: Database,
    action: str,
    object_id: str | None,
    detail: Mapping[str, Any] | None,
    unit: Callable[..., Any],
    *arguments: Any,
) -> Any:
    """Do a change directly, with its entry in the audit trail: both or neither.

    `unit` is called with the arguments and the present moment; `detail` is what was asked.
    """
    now = system_now()
    request = None if detail is None else json.dumps(detail)
    entry = audit.Entry(actor(), audit.COMMAND_LINE, action, object_id, request)
    return await database.write(audit.recorded, entry, now, unit, *arguments, now)


def work(
    access: Access, directly: Callable[[Database], Awaitable[T]], by_api: Callable[[], T]
) -> T:
    """Do it on the database if that is free, else by the API."""
    if access.is_given:
        return by_api()
    path = Path(access.settings.db_sqlite_path)
    if access.settings.db_type == "sqlite" and not path.exists():
        raise UsageProblem(
            f"there is no database {path}: start the server once, run `ocpp-trio migrate`, or set"
            " DB_SQLITE_PATH"
        )
    try:
        return trio.run(_on_database, access.settings, directly)
    except DatabaseInUse:
        pass
    except StoreError as error:
        raise UsageProblem(str(error)) from None
    try:
        return by_api()
    except ApiRefused as refused:
        raise ApiRefused(
            f"a server uses {path}, and its API did not do it (--api says where it is):\n"
            f"{refused.message}"
        ) from None


async def _on_database(settings: Settings, work: Callable[[Database], Awaitable[T]]) -> T:
    # Bringing an old schema up to date is for the server, or `ocpp-trio migrate`, to do.
    async with open_database(replace(settings, migrate="check")) as database:
        try:
            return await work(database)
        except (StoreError, click.ClickException) as error:
            # Raised further out: a nursery would wrap it in a group.
            failure = error
    raise failure
