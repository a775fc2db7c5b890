"""Commands about local authorization lists; what charge points have is beside it."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta
from starlette.responses import Response

from ocpp_trio.api.answers import answer
from ocpp_trio.api.auth import OPERATE
from ocpp_trio.api.command_log import TAG as COMMANDS
from ocpp_trio.api.fields import Moment
from ocpp_trio.api.operation import Call, operation
from ocpp_trio.api.params import IdTag, Int64, Strict
from ocpp_trio.api.problems import invalid
from ocpp_trio.api.sending import (
    MAX_TIMEOUT,
    PROBLEMS,
    RULE,
    CommandAnswer,
    StrictCommand,
    StrictSendQuery,
    check,
    command,
    require_charge_point,
    send,
    words,
)
from ocpp_trio.central.list_sync import AUTO, FULL, ListSync, Synchronised
from ocpp_trio.config import Settings
from ocpp_trio.domain.times import format_timestamp, parse_timestamp
from ocpp_trio.store import local_lists


class GetLocalListVersion(StrictCommand):
    """Whose list."""


class VersionAnswer(CommandAnswer):
    """What the charge point answered: 0 is an empty list, -1 no support for lists."""

    list_version: int


@command(
    body=GetLocalListVersion,
    query=StrictSendQuery,
    example={"chargePointId": "CP001"},
    answer=VersionAnswer,
)
async def get_local_list_version(
    call: Call[StrictSendQuery, GetLocalListVersion],
) -> Response:
    """Ask a charge point which version of the local list it has."""
    point = call.body.charge_point_id
    outcome = await send(call, point, "GetLocalListVersion", {})
    version = outcome.response["listVersion"]
    fields = words(point, outcome) | {
        "success": version != local_lists.NO_LIST,
        "message": f"charge point {point} answered version {version}",
    }
    return answer(VersionAnswer(**fields, list_version=version))


class TagInfo(Strict, omit_defaults=True):
    """What the list says of a tag."""

    status: Literal["Accepted", "Blocked", "Expired", "Invalid", "ConcurrentTx"]
    expiry_date: Moment | None = None
    parent_id_tag: IdTag | None = None


class AuthorizationData(Strict, omit_defaults=True):
    """An entry; in a Differential update one without `idTagInfo` is removed."""

    id_tag: IdTag
    id_tag_info: TagInfo | None = None


class SendLocalList(StrictCommand):
    """What to send: without a list of its own, it is made from the authorizations."""

    update_type: Literal["auto", "Full", "Differential"] | None = None
    id_tags: Annotated[list[IdTag], Meta(description="only these tags")] | None = None
    list_version: Int64 | None = None
    local_authorization_list: (
        Annotated[list[AuthorizationData], Meta(description="this list, as it is")] | None
    ) = None


class LocalListAnswer(CommandAnswer):
    """The last answer of the charge point. `updateType` null: there was nothing to send; `entries`
    is how many were sent, `commandIds` are the records of all CALLs.
    """

    update_type: str | None
    list_version: int | None
    entries: int
    command_ids: list[int]


class SendListQuery(Strict):
    """How to send. It may take several CALLs, so this command cannot be left waiting."""

    timeout: (
        Annotated[
            float,
            Meta(gt=0, le=MAX_TIMEOUT, description="seconds to wait for each answer"),
        ]
        | None
    ) = None


@operation(
    tag=COMMANDS,
    answer=LocalListAnswer,
    role=OPERATE,
    query=SendListQuery,
    body=SendLocalList,
    example={"chargePointId": "CP001", "updateType": "Full"},
    problems=(*PROBLEMS, RULE),
)
async def send_local_list(call: Call[SendListQuery, SendLocalList]) -> Response:
    """Bring a charge point's local authorization list up to date.

    `auto` (the default) asks for its version first and sends what is missing, everything if the
    version is not the expected one. A Differential update that fails is followed by a Full one. A
    long list goes in several CALLs.
    """
    body = call.body
    point = body.charge_point_id
    payload = _own_list(body, call.context.settings)
    await require_charge_point(call, point)
    context = call.context
    execute = partial(context.commands.execute, point, actor=call.actor, timeout=call.query.timeout)
    sync = ListSync(
        context.database, context.now, point, execute, context.settings.local_list_batch
    )
    if payload is not None:
        done = await sync.explicit(
            payload["updateType"], body.list_version, payload["localAuthorizationList"]
        )
    else:
        done = await sync.update(body.update_type or AUTO, body.id_tags)
    return answer(_answer_of(point, done))


def _own_list(body: SendLocalList, settings: Settings) -> dict[str, Any] | None:
    """The payload with the body's own list, checked; None if the list is to be made."""
    if body.local_authorization_list is None:
        if body.list_version is not None:
            raise invalid("listVersion", "goes with localAuthorizationList only")
        if body.id_tags is not None and len(set(map(str.casefold, body.id_tags))) < len(
            body.id_tags
        ):
            raise invalid("idTags", "must not name a tag twice")
        return None
    if body.id_tags is not None:
        raise invalid("idTags", "does not go with localAuthorizationList")
    if body.update_type == AUTO:
        raise invalid("updateType", "must be Full or Differential with localAuthorizationList")
    entries: list[dict[str, Any]] = msgspec.to_builtins(body.local_authorization_list)
    for index, entry in enumerate(entries):
        info = entry.get("idTagInfo", {})
        if "expiryDate" in info:
            moment = parse_timestamp(info["expiryDate"])
            if moment is None:
                place = f"localAuthorizationList.{index}.idTagInfo.expiryDate"
                raise invalid(place, "must be a date and time such as 2030-12-31T23:59:59Z")
            info["expiryDate"] = format_timestamp(moment)
    payload = {
        "listVersion": 1 if body.list_version is None else body.list_version,
        "updateType": body.update_type or FULL,
        "localAuthorizationList": entries,
    }
    check("SendLocalList", payload, settings)
    return payload


def _answer_of(point: str, done: Synchronised) -> LocalListAnswer:
    fields = words(point, done.outcome)
    if done.list_version == local_lists.NO_LIST:
        fields |= {
            "success": False,
            "message": f"charge point {point} has no local lists: it answered version -1",
        }
    elif done.update_type is None:
        fields["message"] = f"charge point {point} has version {done.list_version}, nothing to send"
    return LocalListAnswer(
        **fields,
        update_type=done.update_type,
        list_version=done.list_version,
        entries=done.entries,
        command_ids=list(done.command_ids),
    )
