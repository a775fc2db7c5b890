"""DataTransfers of charge points: a vendor's own data, and how it was answered (OCPP 1.6 section
4.3).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ocpp_trio.store import queries
from ocpp_trio.store.database import Tx
from ocpp_trio.store.listing import Listing

Q = queries.load("data_transfers")


def record(tx: Tx, charge_point_id: str, payload: Mapping[str, Any], answer: str, now: int) -> None:
    """Keep a DataTransfer and the status it was answered with."""
    tx.run(
        Q.insert,
        charge_point_id=charge_point_id,
        vendor_id=payload["vendorId"],
        message_id=payload.get("messageId"),
        data=payload.get("data"),
        answer=answer,
        now=now,
    )


class Filter(NamedTuple):
    """Which transfers; `since` and `until` in ms. None does not count."""

    charge_point_id: str | None = None
    vendor_id: str | None = None
    message_id: str | None = None
    since: int | None = None
    until: int | None = None


listing = Listing(Q.page, Q.count)
"""DataTransfers; takes a Filter."""
