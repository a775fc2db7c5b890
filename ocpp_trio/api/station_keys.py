"""Keys and security profiles of charge points. A key is in one answer only, and in no record."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

import structlog
from msgspec import Meta
from starlette.responses import Response

from ocpp_trio.api.answers import Resource, answer, no_content
from ocpp_trio.api.auth import ADMIN
from ocpp_trio.api.charge_point_records import TAG, unknown
from ocpp_trio.api.context import Context
from ocpp_trio.api.operation import Call, operation
from ocpp_trio.api.params import NoQuery, Strict
from ocpp_trio.api.problems import Problem, invalid
from ocpp_trio.api.sending import PROBLEMS, CommandAnswer, Timeout, words
from ocpp_trio.domain import station_keys as keys
from ocpp_trio.store import certificates, charge_points, station_keys
from ocpp_trio.store.database import Row
from ocpp_trio.store.station_keys import AUTHORIZATION_KEY, SECURITY_PROFILE

log = structlog.get_logger(source="api")

ROOT = "CentralSystemRootCertificate"

Key = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=keys.LONGEST,
        description="16 to 20 characters, or as many bytes in hexadecimal digits",
    ),
]


class NewKey(Strict):
    """A key for a charge point; without one it is made."""

    key: Key | None = None


class StationKey(Resource):
    """A key that is in force now. `key`: one that was made, as hexadecimal digits, only here."""

    charge_point_id: str
    key: str | None
    warning: str | None


@operation(
    tag=TAG,
    answer=StationKey,
    role=ADMIN,
    body=NewKey,
    example={"key": "000102030405060708090a0b0c0d0e0f10111213"},
    problems=("charge-point-unknown", "busy"),
)
async def set_charge_point_key(call: Call[NoQuery, NewKey]) -> Response:
    """Set a charge point's key, or make one; from now on it must present it.

    The charge point itself is told nothing: configure the key there. It is presented as the
    password of HTTP Basic authentication, with the id as user name. Whatever key was in force, or
    was sent by rotation, no longer counts. A connection that is open stays.
    """
    key, warning = _chosen(call.body.key, call.context)
    shown = await issue(call.context, call.id, call.actor, key)
    return answer(StationKey(charge_point_id=call.id, key=shown, warning=warning))


async def issue(
    context: Context, charge_point_id: str, actor: str, key: bytes | None
) -> str | None:
    """Put a key in force; None makes one, whose digits are returned."""
    made = keys.generate() if key is None else None
    kept = await context.authentication.hashing.make(made or key or b"", is_random=made is not None)
    row = await context.database.write(station_keys.put, charge_point_id, kept, context.now())
    if row is None:
        raise unknown(charge_point_id)
    log.info("key of a charge point set", charge_point=charge_point_id, by=actor)
    return None if made is None else made.hex()


def _chosen(
    text: str | None, context: Context, *, for_station: bool = False
) -> tuple[bytes | None, str | None]:
    """The key that a person chose, and what is wrong with it; raises a Problem if that is too much.

    `for_station`: it is to be sent, and OCPP 1.6 knows no other length.
    """
    if text is None:
        return None, None
    key = keys.read(text)
    weakness = keys.weakness(key)
    problem = keys.unusable(key, strict=context.settings.strict_keys)
    if for_station and weakness is not None:
        problem = weakness
    if problem is not None:
        raise invalid("key", problem)
    return key, weakness


@operation(tag=TAG, answer=None, status=204, role=ADMIN, problems=("charge-point-unknown",))
async def delete_charge_point_key(call: Call[NoQuery, None]) -> Response:
    """Take a charge point's key away.

    From now on it is not checked, or not let in where a security profile of 1 or 2 is the minimum.
    """
    context = call.context
    row = await context.database.write(station_keys.remove, call.id, context.now())
    if row is None:
        raise unknown(call.id)
    log.info("key of a charge point deleted", charge_point=call.id, by=call.actor)
    return no_content()


class AskQuery(Strict):
    """How long to wait."""

    timeout: Timeout | None = None


@operation(
    tag=TAG,
    answer=CommandAnswer,
    role=ADMIN,
    query=AskQuery,
    body=NewKey,
    example={"key": "000102030405060708090a0b0c0d0e0f10111213"},
    problems=(*PROBLEMS, "conflict", "busy"),
)
async def rotate_charge_point_key(call: Call[AskQuery, NewKey]) -> Response:
    """Send a charge point a new key (ChangeConfiguration AuthorizationKey).

    Once it says Accepted only the new one counts. If it refuses, only the old one does. Until it is
    known which of them it has both count: it is never locked out. A key that is made is not shown:
    the charge point has it. Over a connection without TLS it can be read on the way.
    """
    context, body = call.context, call.body
    if await context.database.read(charge_points.find, call.id) is None:
        raise unknown(call.id)
    chosen, _ = _chosen(body.key, context, for_station=True)
    key = chosen or keys.generate()
    kept = await context.authentication.hashing.make(key, is_random=chosen is None)
    return await _change(
        call, AUTHORIZATION_KEY, key.hex(), partial(station_keys.propose, key=kept)
    )


class NewProfile(Strict):
    """A security profile: 1 a key, 2 a key and TLS, 3 TLS with a certificate of its own."""

    profile: Annotated[int, Meta(ge=1, le=3)]


@operation(
    tag=TAG,
    answer=CommandAnswer,
    role=ADMIN,
    query=AskQuery,
    body=NewProfile,
    example={"profile": 2},
    problems=(*PROBLEMS, "conflict"),
)
async def raise_security_profile(call: Call[AskQuery, NewProfile]) -> Response:
    """Tell a charge point to use a higher security profile (ChangeConfiguration SecurityProfile).

    It uses it after a reset. Once it connects with it, that is its `minimumProfile`, and it is not
    let in with less; until then it may come as before. What it needs must be there first: a key for
    1 and 2, the server's root certificate for 2 and 3, a certificate of its own for 3. A profile is
    never lowered this way.
    """
    context, profile = call.context, call.body.profile
    row = await context.database.read(charge_points.find, call.id)
    if row is None:
        raise unknown(call.id)
    missing = await _missing(context, row, profile)
    if missing is not None:
        raise Problem("conflict", missing)
    return await _change(
        call, SECURITY_PROFILE, str(profile), partial(station_keys.expect_profile, profile=profile)
    )


async def _missing(context: Context, row: Row, profile: int) -> str | None:
    """Why a charge point cannot be told to use a profile, None if it can."""
    point, settings, database = row["id"], context.settings, context.database
    if profile <= row["minimum_profile"] or profile < row["security_profile"]:
        current = max(row["minimum_profile"], row["security_profile"])
        return f"charge point {point} uses security profile {current}: it is only ever raised"
    if profile < 3 and row["key_digest"] is None:
        return f"charge point {point} has no key: send it one with key/rotate first"
    if profile == 1:
        return None
    if not (settings.use_tls or settings.wss_port is not None or settings.trusted_proxies):
        return (
            "charge points cannot come with TLS: set OCPP_USE_TLS, OCPP_WSS_PORT, or for a proxy in"
            " front OCPP_TRUSTED_PROXIES"
        )
    if not await database.read(certificates.has_installed, point, ROOT):
        return (
            f"charge point {point} has no {ROOT} as far as is known: install one, or ask with"
            " get-installed-certificate-ids"
        )
    if profile == 3 and not await database.read(certificates.has_signed, point):
        return f"charge point {point} has no certificate of its own: have one signed first"
    return None


async def _change(call: Call[AskQuery, Any], key: str, value: str, also: Any) -> Response:
    outcome = await call.context.commands.execute(
        call.id,
        "ChangeConfiguration",
        {"key": key, "value": value},
        actor=call.actor,
        timeout=call.query.timeout,
        also=also,
    )
    return answer(CommandAnswer(**words(call.id, outcome)))
