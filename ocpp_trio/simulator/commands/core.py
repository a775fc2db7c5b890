"""Commands of the profile Core (OCPP 1.6 chapter 5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocpp_trio.ocppj.frames import Payload
from ocpp_trio.simulator.commands.replies import accepted, rejected, status
from ocpp_trio.simulator.configuration import KEY, PROFILE
from ocpp_trio.simulator.connection import Response
from ocpp_trio.simulator.profiles import is_playable
from ocpp_trio.simulator.schedule import TRANSACTION
from ocpp_trio.simulator.session import CONNECTOR

if TYPE_CHECKING:
    from ocpp_trio.simulator.charge_point import ChargePoint


def change_availability(point: ChargePoint, request: Payload) -> Response:
    """Section 5.2: a running session ends first, the change is then scheduled."""
    connector_id = request["connectorId"]
    if connector_id not in {0, CONNECTOR}:
        return rejected()
    if request["type"] == "Inoperative":
        point.out_of_service.add(connector_id)
        if point.session is not None:
            return status("Scheduled")
    elif connector_id:
        point.out_of_service.discard(connector_id)
    else:
        point.out_of_service.clear()

    async def follow() -> None:
        if connector_id == 0:
            await point.report_status(0)
        if point.session is None:
            await point.set_status(point.idle_status(CONNECTOR))
        point.bell.ring()

    return accepted(lambda: point.spawn(follow))


def change_configuration(point: ChargePoint, request: Payload) -> Response:
    """Section 5.3. A key and a security profile are used at once, on a new connection."""
    for name in (KEY, PROFILE):
        if request["key"].casefold() == name.casefold():
            return _change_credentials(point, name, request["value"])
    word = point.configuration.change(request["key"], request["value"])
    return status(word, point.bell.ring)


def _change_credentials(point: ChargePoint, name: str, value: str) -> Response:
    credentials = point.credentials
    word = credentials.change_key(value) if name == KEY else credentials.change_profile(value)
    if word != "Accepted":
        return status(word)
    point.configuration.set_number(PROFILE, credentials.profile)
    return accepted(lambda: point.spawn(point.uplink.reconnect))


def clear_cache(_: ChargePoint, __: Payload) -> Response:
    """Section 5.4: there is no cache, so it is clear."""
    return accepted()


def get_configuration(point: ChargePoint, request: Payload) -> Response:
    """Section 5.8."""
    return Response(point.configuration.listed(request.get("key", ())))


def remote_start_transaction(point: ChargePoint, request: Payload) -> Response:
    """Section 5.11: only on a free connector, and only on ours; a profile must be a TxProfile."""
    if request.get("connectorId", CONNECTOR) != CONNECTOR or not point.free_for(request["idTag"]):
        return rejected()
    profile = request.get("chargingProfile")
    if profile is not None and not (
        profile["chargingProfilePurpose"] == TRANSACTION and is_playable(profile)
    ):
        return rejected()
    return accepted(point.start_remotely(request["idTag"], profile))


def remote_stop_transaction(point: ChargePoint, request: Payload) -> Response:
    """Section 5.12."""
    session = point.session
    if session is None or session.stopping or session.transaction.id != request["transactionId"]:
        return rejected()
    return accepted(lambda: session.stop("Remote"))


def reset(point: ChargePoint, request: Payload) -> Response:
    """Section 5.14: a running transaction is stopped first, also for a Hard one."""
    return accepted(lambda: point.spawn(point.reset, request["type"]))


def unlock_connector(point: ChargePoint, request: Payload) -> Response:
    """Section 5.18: a running transaction is stopped."""
    if request["connectorId"] != CONNECTOR:
        return status("NotSupported")
    session = point.session
    if session is None:
        return status("Unlocked")
    return status("Unlocked", lambda: session.stop("UnlockCommand"))
