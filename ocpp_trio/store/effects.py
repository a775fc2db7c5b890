"""What a command changes in the books beside its own record, in the same transaction as the record.

Two tables, by action: CREATED runs when a command is recorded, before it is sent; ENDED when its
end is known, whoever waited for it or not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ocpp_trio.store import charge_points, queries
from ocpp_trio.store.database import Tx

MAX_INTERVAL = 86400

_TRANSACTIONS = queries.load("transactions")


class Command(NamedTuple):
    """A recorded command. `response` is the station's answer, None without one (or before it)."""

    id: int
    charge_point_id: str
    action: str
    payload: Mapping[str, Any]
    actor: str
    reason: str | None
    state: str
    response: Mapping[str, Any] | None

    @property
    def status(self) -> object:
        """The station's word, None without an answer or in an answer without one."""
        return None if self.response is None else self.response.get("status")


Effect = Callable[[Tx, Command, int], None]
"""`effect(tx, command, now)`: a unit of work that is part of the command's own."""


def note_heartbeat_interval(tx: Tx, command: Command, now: int) -> None:
    """A heartbeat interval that the station took: its next boot is told the same."""
    value = command.payload["value"]
    if (
        command.payload["key"].casefold() == "heartbeatinterval"
        and command.status in {"Accepted", "RebootRequired"}
        and value.isascii()
        and value.isdigit()
        and len(value) <= len(str(MAX_INTERVAL))
        and 1 <= int(value) <= MAX_INTERVAL
    ):
        charge_points.set_heartbeat_interval(tx, command.charge_point_id, int(value), now)


def note_remote_stop_reason(tx: Tx, command: Command, now: int) -> None:
    """Why an operator asked for the end of a transaction, if the station accepted."""
    if command.reason and command.status == "Accepted":
        tx.run(
            _TRANSACTIONS.set_remote_stop_reason,
            id=command.payload["transactionId"],
            charge_point_id=command.charge_point_id,
            reason=command.reason,
        )


CREATED: Mapping[str, Effect] = {}

ENDED: Mapping[str, Effect] = {
    "ChangeConfiguration": note_heartbeat_interval,
    "RemoteStopTransaction": note_remote_stop_reason,
}
