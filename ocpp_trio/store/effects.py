"""What a command changes in the books beside its own record, in the same transaction as the record.

Three tables, by action: CREATED runs when a command is recorded: if it fails, there is no command.
SENT runs when it goes out, ENDED when its end is known, whoever waited for it or not; one of these
that fails is undone alone and logged. An effect stands in the module of the noun it changes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ocpp_trio.domain.commands import Command
from ocpp_trio.store import (
    certificates,
    charge_points,
    charging_profiles,
    composite_schedules,
    configuration,
    jobs,
    local_lists,
    remote_starts,
    reservations,
    station_keys,
    stops,
)
from ocpp_trio.store.database import Tx

Effect = Callable[[Tx, Command, int], None]
"""`effect(tx, command, now)`: a unit of work that is part of the command's own."""


def _configuration_changed(tx: Tx, command: Command, now: int) -> None:
    if not configuration.is_overtaken(tx, command):
        charge_points.note_heartbeat_interval(tx, command, now)
    configuration.note_change(tx, command, now)
    station_keys.note_answer(tx, command, now)


def _remote_start_answered(tx: Tx, command: Command, now: int) -> None:
    remote_starts.note_answer(tx, command, now)
    charging_profiles.note_remote_start(tx, command, now)


CREATED: Mapping[str, Effect] = {
    "CertificateSigned": certificates.signed,
    "GetDiagnostics": jobs.requested,
    "GetLog": jobs.requested,
    "RemoteStartTransaction": remote_starts.create,
    "ReserveNow": reservations.request,
    "SendLocalList": local_lists.note_sending,
    "SignedUpdateFirmware": jobs.requested,
    "UpdateFirmware": jobs.requested,
}

SENT: Mapping[str, Effect] = {
    "RemoteStartTransaction": remote_starts.sent,
    "SendLocalList": local_lists.sent,
}

ENDED: Mapping[str, Effect] = {
    "CancelReservation": reservations.cancel,
    "CertificateSigned": certificates.signed_answered,
    "ChangeConfiguration": _configuration_changed,
    "ClearChargingProfile": charging_profiles.note_clear,
    "DeleteCertificate": certificates.deleted,
    "GetCompositeSchedule": composite_schedules.record,
    "GetConfiguration": configuration.note_report,
    "GetDiagnostics": jobs.answered,
    "GetInstalledCertificateIds": certificates.listed,
    "GetLocalListVersion": local_lists.note_version,
    "GetLog": jobs.answered,
    "InstallCertificate": certificates.installed,
    "RemoteStartTransaction": _remote_start_answered,
    "RemoteStopTransaction": stops.note_remote_stop_reason,
    "ReserveNow": reservations.answer,
    "SendLocalList": local_lists.note_answer,
    "SetChargingProfile": charging_profiles.note_set,
    "SignedUpdateFirmware": jobs.answered,
    "UpdateFirmware": jobs.answered,
}
