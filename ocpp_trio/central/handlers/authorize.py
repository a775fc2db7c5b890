"""Authorize (OCPP 1.6 section 4.1): may this tag charge?"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from ocpp_trio.domain import rules
from ocpp_trio.errors import StoreUnavailable
from ocpp_trio.ocppj.frames import Payload
from ocpp_trio.ocppj.peer import Request
from ocpp_trio.store import id_tags

if TYPE_CHECKING:
    from ocpp_trio.central.session import Session


async def authorize(session: Session, request: Request) -> Payload:
    """Answer with the tag's status; an unknown tag is Invalid and remembered, or stored if the
    settings say so.
    """
    central = session.central
    id_tag = request.call.payload["idTag"]
    accept_unknown = central.settings.unknown_tags == "accept"
    now = central.now()
    if accept_unknown:
        info = await central.database.write(id_tags.authorize, id_tag, True, now)
    else:
        info = await central.database.look_up(id_tags.authorize, id_tag, False, now)
    if info.status == rules.INVALID:
        # The answer does not depend on it.
        with suppress(StoreUnavailable):
            await central.database.write(
                id_tags.note_unknown,
                id_tag,
                session.charge_point_id,
                central.settings.unknown_tags_limit,
                now,
            )
        central.hints.refused_tag(session.charge_point_id, id_tag)
    return {"idTagInfo": info.payload()}
