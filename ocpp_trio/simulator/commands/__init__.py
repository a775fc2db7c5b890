"""What a charge point answers to the central system, and does afterwards.

One function per action, in a module per profile of OCPP 1.6, and one table. Each takes the charge
point and the request's payload, and returns the answer with what follows it. A fault that was asked
for comes between: see ocpp_trio.simulator.faults.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

import trio

from ocpp_trio.domain.redaction import redact
from ocpp_trio.errors import CallRefused
from ocpp_trio.ocppj import frames
from ocpp_trio.ocppj.frames import Call, Payload
from ocpp_trio.simulator.commands import (
    core,
    firmware,
    local_list,
    reservation,
    security,
    smart_charging,
    trigger,
    vendor,
)
from ocpp_trio.simulator.commands.replies import Command
from ocpp_trio.simulator.connection import Connection, LinkLost, Response
from ocpp_trio.simulator.faults import WRONG_SCHEMA, Fault, refusal

if TYPE_CHECKING:
    from ocpp_trio.simulator.charge_point import ChargePoint

COMMANDS: Mapping[str, Command] = {
    "CancelReservation": reservation.cancel_reservation,
    "CertificateSigned": security.certificate_signed,
    "ChangeAvailability": core.change_availability,
    "ChangeConfiguration": core.change_configuration,
    "ClearCache": core.clear_cache,
    "ClearChargingProfile": smart_charging.clear_charging_profile,
    "DataTransfer": vendor.data_transfer,
    "DeleteCertificate": security.delete_certificate,
    "ExtendedTriggerMessage": trigger.extended_trigger_message,
    "GetCompositeSchedule": smart_charging.get_composite_schedule,
    "GetConfiguration": core.get_configuration,
    "GetDiagnostics": firmware.get_diagnostics,
    "GetInstalledCertificateIds": security.get_installed_certificate_ids,
    "GetLocalListVersion": local_list.get_local_list_version,
    "GetLog": security.get_log,
    "InstallCertificate": security.install_certificate,
    "RemoteStartTransaction": core.remote_start_transaction,
    "RemoteStopTransaction": core.remote_stop_transaction,
    "ReserveNow": reservation.reserve_now,
    "Reset": core.reset,
    "SendLocalList": local_list.send_local_list,
    "SetChargingProfile": smart_charging.set_charging_profile,
    "SignedUpdateFirmware": firmware.signed_update_firmware,
    "TriggerMessage": trigger.trigger_message,
    "UnlockConnector": core.unlock_connector,
    "UpdateFirmware": firmware.update_firmware,
}


def answer(point: ChargePoint, call: Call) -> Response | None:
    """The answer to a CALL, None if there is none (yet); raises CallRefused for a CALLERROR."""
    fault = None if vendor.is_own(call) else point.faults.get(call.action)
    if fault is None or fault.kind == "fail":
        response = COMMANDS[call.action](point, call.payload)
        _tell(point, call, response.payload)
        return response
    _tell(point, call, fault)
    if fault.kind == "callerror":
        raise CallRefused(fault.word, "a fault that was asked for")
    if fault.kind == "wrong-schema":
        return Response(WRONG_SCHEMA)
    if fault.kind == "refuse":
        refused = refusal(call.action)
        assert refused is not None
        return Response(refused)
    if fault.kind in {"slow", "late"}:
        link = point.uplink.link
        assert link is not None
        point.spawn(_answer_later, point, link, call, fault)
    return None


async def _answer_later(point: ChargePoint, link: Connection, call: Call, fault: Fault) -> None:
    """Answer over the same connection, if it is still there."""
    if fault.kind == "slow":
        await trio.sleep(fault.seconds)
    response = COMMANDS[call.action](point, call.payload)
    if fault.kind == "late":
        _follow(response)
        await trio.sleep(fault.seconds)
    _tell(point, call, response.payload)
    try:
        await link.send(frames.encode_result(call.id, response.payload))
    except LinkLost:
        point.complain(f"{call.action}: the connection ended before it was answered")
    if fault.kind == "slow":
        _follow(response)


def _follow(response: Response) -> None:
    if response.then is not None:
        response.then()


def _tell(point: ChargePoint, call: Call, answered: Payload | Fault) -> None:
    if point.run.tell is not None:
        words = f"fault {answered}" if isinstance(answered, Fault) else json.dumps(answered)
        told = json.dumps(redact(call.payload))
        point.tell(f"told {call.action} {told} -> {words}")
