"""What a command changes in the books beside its own record, in the same transaction as the record.

Two tables, by action: CREATED runs when a command is recorded, before it is sent; ENDED when its
end is known, whoever waited for it or not. An effect stands in the module of the noun it changes,
and never raises: the station has done its part already.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ocpp_trio.domain.commands import Command
from ocpp_trio.store import charge_points, remote_starts, stops
from ocpp_trio.store.database import Tx

Effect = Callable[[Tx, Command, int], None]
"""`effect(tx, command, now)`: a unit of work that is part of the command's own."""


CREATED: Mapping[str, Effect] = {
    "RemoteStartTransaction": remote_starts.create,
}

ENDED: Mapping[str, Effect] = {
    "ChangeConfiguration": charge_points.note_heartbeat_interval,
    "RemoteStartTransaction": remote_starts.note_answer,
    "RemoteStopTransaction": stops.note_remote_stop_reason,
}
