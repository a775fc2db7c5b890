"""Commands of the profile LocalAuthListManagement."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocpp_trio.ocppj.frames import Payload
from ocpp_trio.simulator.commands.replies import status
from ocpp_trio.simulator.configuration import LIST_ENABLED
from ocpp_trio.simulator.connection import Response

if TYPE_CHECKING:
    from ocpp_trio.simulator.charge_point import ChargePoint

NOT_ENABLED = -1


def get_local_list_version(point: ChargePoint, _: Payload) -> Response:
    """Section 5.10: 0 for an empty list, -1 where lists are switched off."""
    enabled = point.configuration.flag(LIST_ENABLED)
    return Response({"listVersion": point.local_list.version if enabled else NOT_ENABLED})


def send_local_list(point: ChargePoint, request: Payload) -> Response:
    """Section 5.15."""
    if not point.configuration.flag(LIST_ENABLED):
        return status("NotSupported")
    return status(point.local_list.update(request))
