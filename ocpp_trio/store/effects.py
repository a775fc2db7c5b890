"""What a command changes in the books beside its own record, in the same transaction as the record.

Two tables, by action: CREATED runs when a command is recorded, before it is sent; ENDED when its
end is known, whoever waited for it or not. An effect stands in the module of the noun it changes,
and never raises: the station has done its part already.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ocpp_trio.domain.commands import Command
from ocpp_trio.store import (
    charge_points,
    charging_profiles,
    composite_schedules,
    local_lists,
    reservations,
    stops,
)
from ocpp_trio.store.database import Tx

Effect = Callable[[Tx, Command, int], None]
"""`effect(tx, command, now)`: a unit of work that is part of the command's own."""


CREATED: Mapping[str, Effect] = {
    "ReserveNow": reservations.request,
    "SendLocalList": local_lists.note_sending,
}

ENDED: Mapping[str, Effect] = {
    "CancelReservation": reservations.cancel,
    "ChangeConfiguration": charge_points.note_heartbeat_interval,
    "ClearChargingProfile": charging_profiles.note_clear,
    "GetCompositeSchedule": composite_schedules.record,
    "GetLocalListVersion": local_lists.note_version,
    "RemoteStartTransaction": charging_profiles.note_remote_start,
    "RemoteStopTransaction": stops.note_remote_stop_reason,
    "ReserveNow": reservations.answer,
    "SendLocalList": local_lists.note_answer,
    "SetChargingProfile": charging_profiles.note_set,
}
