"""What stations tell without being part of a session: diagnostics, firmware, vendors' data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ocpp_trio.store import queries
from ocpp_trio.store.database import Tx

Q = queries.load("notices")


def record_status(tx: Tx, charge_point_id: str, action: str, status: str, now: int) -> None:
    """Keep a DiagnosticsStatusNotification or FirmwareStatusNotification."""
    tx.run(Q.insert_report, charge_point_id=charge_point_id, action=action, status=status, now=now)


def record_transfer(
    tx: Tx, charge_point_id: str, payload: Mapping[str, Any], answer: str, now: int
) -> None:
    """Keep a DataTransfer and the status it was answered with."""
    tx.run(
        Q.insert_transfer,
        charge_point_id=charge_point_id,
        vendor_id=payload["vendorId"],
        message_id=payload.get("messageId"),
        data=payload.get("data"),
        answer=answer,
        now=now,
    )
