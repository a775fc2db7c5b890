"""What a command changes in the books beside its own record, in the same transaction as the record.

Two tables, by action: CREATED runs when a command is recorded, before it is sent; ENDED when its
end is known, whoever waited for it or not. An effect stands in the module of the noun it changes,
and never raises: the station has done its part already.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ocpp_trio.domain.commands import Command
from ocpp_trio.store import (
    certificates,
    charge_points,
    configuration,
    jobs,
    remote_starts,
    stops,
)
from ocpp_trio.store.database import Tx

Effect = Callable[[Tx, Command, int], None]
"""`effect(tx, command, now)`: a unit of work that is part of the command's own."""


def _configuration_changed(tx: Tx, command: Command, now: int) -> None:
    charge_points.note_heartbeat_interval(tx, command, now)
    configuration.note_change(tx, command, now)


CREATED: Mapping[str, Effect] = {
    "CertificateSigned": certificates.signed,
    "GetDiagnostics": jobs.requested,
    "GetLog": jobs.requested,
    "RemoteStartTransaction": remote_starts.create,
    "SignedUpdateFirmware": jobs.requested,
    "UpdateFirmware": jobs.requested,
}

SENT: Mapping[str, Effect] = {"RemoteStartTransaction": remote_starts.sent}

ENDED: Mapping[str, Effect] = {
    "CertificateSigned": certificates.signed_answered,
    "ChangeConfiguration": _configuration_changed,
    "DeleteCertificate": certificates.deleted,
    "GetConfiguration": configuration.note_report,
    "GetDiagnostics": jobs.answered,
    "GetInstalledCertificateIds": certificates.listed,
    "GetLog": jobs.answered,
    "InstallCertificate": certificates.installed,
    "RemoteStartTransaction": remote_starts.note_answer,
    "RemoteStopTransaction": stops.note_remote_stop_reason,
    "SignedUpdateFirmware": jobs.answered,
    "UpdateFirmware": jobs.answered,
}
