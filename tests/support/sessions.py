"""Starts, stops and meter values of a charge point, as units of the store take them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ocpp_trio.domain.times import format_timestamp
from ocpp_trio.store import meter_values, review, starts, stops, transactions
from ocpp_trio.store.database import Database, Row
from ocpp_trio.store.meter_values import Message
from ocpp_trio.store.starts import Started
from ocpp_trio.store.stops import Stopped
from tests.support.clock import FakeNow


def meter_value(moment: int, wh: int | str, **sampled: Any) -> dict[str, Any]:
    """One MeterValue with an energy register."""
    return {
        "timestamp": format_timestamp(moment),
        "sampledValue": [{"value": str(wh)} | sampled],
    }


def message(
    charge_point_id: str,
    transaction_id: int | None,
    values: Sequence[Mapping[str, Any]],
    now: int,
    *,
    connector_id: int = 1,
    known: bool = False,
) -> Message:
    """A MeterValues message, read as its handler reads it."""
    payload: dict[str, Any] = {"connectorId": connector_id, "meterValue": list(values)}
    if transaction_id is not None:
        payload["transactionId"] = transaction_id
    return meter_values.message(
        charge_point_id,
        connector_id,
        transaction_id,
        values,
        json.dumps(payload),
        now,
        transaction_is_known=known,
    )


class Station:
    """A charge point that writes to a database directly."""

    def __init__(self, database: Database, now: FakeNow, charge_point_id: str = "CP1") -> None:
        self.database = database
        self.now = now
        self.id = charge_point_id

    async def start(self, *, accept_unknown: bool = True, **fields: Any) -> Started:
        """StartTransaction on connector 1 with tag TAG, now; `fields` change the payload."""
        payload = {
            "connectorId": 1,
            "idTag": "TAG",
            "meterStart": 1000,
            "timestamp": format_timestamp(self.now()),
        } | fields
        return await self.database.write(
            starts.start,
            self.id,
            payload,
            json.dumps(payload),
            accept_unknown,
            self.now(),
        )

    async def stop(self, transaction_id: int, **fields: Any) -> Stopped:
        """StopTransaction at 5000 Wh, now; `fields` change the payload, None leaves a field out."""
        payload = {
            "transactionId": transaction_id,
            "idTag": "TAG",
            "meterStop": 5000,
            "timestamp": format_timestamp(self.now()),
        } | fields
        payload = {name: value for name, value in payload.items() if value is not None}
        return await self.database.write(
            stops.stop, self.id, payload, json.dumps(payload), self.now()
        )

    async def meter(self, transaction_id: int | None, *values: Mapping[str, Any]) -> str:
        """MeterValues; the outcome."""
        sent = message(self.id, transaction_id, values, self.now())
        return await self.database.write(meter_values.record, sent)

    async def transaction(self, transaction_id: int) -> Row:
        """The stored transaction."""
        row = await self.database.read(transactions.find, transaction_id)
        assert row is not None
        return row

    async def transactions(self) -> Sequence[Row]:
        """All transactions of the database, newest first."""
        return await self.database.read(transactions.page, None, None, None, 1000, 0)

    async def samples(self, transaction_id: int) -> Sequence[Row]:
        """The stored samples of a transaction."""
        return await self.database.read(meter_values.of_transaction, transaction_id)

    async def review(self) -> Sequence[Row]:
        """What waits for a person about this charge point."""
        return await self.database.read(review.of_charge_point, self.id)
