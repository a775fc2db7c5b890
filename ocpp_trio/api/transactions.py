"""Transactions: who charged what, where and when."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta
from starlette.responses import Response

from ocpp_trio.api.answers import Energy, Resource, Timestamp, answer
from ocpp_trio.api.charging_limits import ChargingLimit, Limits
from ocpp_trio.api.listing import ListQuery, Source, answer_list
from ocpp_trio.api.operation import Call, operation
from ocpp_trio.api.params import ChargePointId, Int64, NoQuery, number_in
from ocpp_trio.api.problems import Problem
from ocpp_trio.domain import energy
from ocpp_trio.domain.times import format_timestamp
from ocpp_trio.store import transactions
from ocpp_trio.store.database import Row

TAG = "Transactions"

Reading = Annotated[int, Meta(description="Wh")]


class LateStop(Resource):
    """A stop that came after the transaction was closed by hand."""

    timestamp: Timestamp | None
    meter_stop: Reading
    reason: str | None
    id_tag: str | None
    received_at: Timestamp | None
    energy_delivered: Energy


class LastMeterValue(Resource):
    """The newest energy register reading of a transaction."""

    timestamp: Timestamp | None
    wh: Reading


class Transaction(Resource):
    """A transaction. `id` and `transactionId` are the same.

    `stopReason` is the station's word, `remoteStopReason` the operator's. A start that was refused
    is a transaction as well: `authorizationStatus` says what the station was told.
    """

    id: int
    transaction_id: int
    charge_point_id: str
    connector_id: int
    id_tag: str
    start_timestamp: Timestamp | None
    stop_timestamp: Timestamp | None
    meter_start: Reading
    meter_stop: Reading | None
    energy_delivered: Energy
    stop_reason: str | None
    is_complete: bool
    remote_stop_reason: str | None
    remote_start_command_id: int | None
    authorization_status: str
    reservation_id: int | None
    stop_id_tag: str | None
    received_at: Timestamp | None
    flags: list[str]
    late_stop: LateStop | None
    charging_limit: ChargingLimit | None
    last_meter_value: LastMeterValue | None
    energy_source: Annotated[
        str, Meta(description="register, or intervals: the sum of interval readings")
    ]


def delivered_wh(row: Row) -> int:
    """Energy of a stored transaction, in Wh."""
    return energy.of_transaction(row)


def _last_meter_value(row: Row) -> LastMeterValue | None:
    if row["register_wh"] is None:
        return None
    return LastMeterValue(timestamp=format_timestamp(row["register_at"]), wh=row["register_wh"])


def _flags(row: Row) -> list[str]:
    """What was found odd when it happened, and about the energy as it is now."""
    return list(dict.fromkeys([*row["flags"].split(), *energy.flags(delivered_wh(row))]))


def _show(row: Row, limits: Limits) -> Transaction:
    return Transaction(
        id=row["id"],
        transaction_id=row["id"],
        charge_point_id=row["charge_point_id"],
        connector_id=row["connector_id"],
        id_tag=row["id_tag"],
        start_timestamp=format_timestamp(row["started_at"]),
        stop_timestamp=format_timestamp(row["stopped_at"]),
        meter_start=row["meter_start"],
        meter_stop=row["meter_stop"],
        energy_delivered=delivered_wh(row) / 1000,
        stop_reason=row["stop_reason"],
        is_complete=bool(row["is_complete"]),
        remote_stop_reason=row["remote_stop_reason"],
        remote_start_command_id=row["remote_start_command_id"],
        authorization_status=row["authorization_status"],
        reservation_id=row["reservation_id"],
        stop_id_tag=row["stop_id_tag"],
        received_at=format_timestamp(row["received_at"]),
        flags=_flags(row),
        last_meter_value=_last_meter_value(row),
        energy_source=energy.source_of(row),
        late_stop=_late_stop(row),
        charging_limit=limits.of(row),
    )


def _late_stop(row: Row) -> LateStop | None:
    if row["late_stop_received_at"] is None:
        return None
    return LateStop(
        timestamp=format_timestamp(row["late_stopped_at"]),
        meter_stop=row["late_meter_stop"],
        reason=row["late_stop_reason"],
        id_tag=row["late_stop_id_tag"],
        received_at=format_timestamp(row["late_stop_received_at"]),
        energy_delivered=energy.delivered_wh(row["meter_start"], row["late_meter_stop"], None)
        / 1000,
    )


class TransactionsQuery(ListQuery):
    """Which transactions."""

    charge_point_id: ChargePointId | None = None
    is_complete: Annotated[bool, Meta(description="true: stopped, false: running")] | None = None
    transaction_id: Int64 | None = None


@operation(
    tag=TAG,
    answer=list[Transaction],
    query=TransactionsQuery,
    example={"chargePointId": "CP001", "isComplete": "true", "limit": "10"},
    problems=("not-found",),
)
async def list_transactions(call: Call[TransactionsQuery, None]) -> Response:
    """List transactions, newest first.

    With `transactionId` a list of that one; 404 if the other filters, or nothing at all, fit it.
    """
    query, database = call.query, call.context.database
    point, complete, limits = query.charge_point_id, query.is_complete, Limits(call)
    if query.transaction_id is not None:
        row = await database.read(transactions.find, query.transaction_id)
        if (
            row is None
            or (point is not None and row["charge_point_id"] != point)
            or (complete is not None and bool(row["is_complete"]) != complete)
        ):
            raise Problem("not-found", f"there is no such transaction {query.transaction_id}")
        await limits.load([row])
        return answer([_show(row, limits)], headers={"X-Total-Count": "1"})

    async def page(limit: int, offset: int) -> tuple[Sequence[Row], int]:
        total = await database.read(transactions.count, point, complete)
        rows = await database.read(transactions.page, point, complete, None, limit, offset)
        return await limits.load(rows), total

    async def behind(row: Row, limit: int) -> Sequence[Row]:
        rows = await database.read(transactions.page, point, complete, row["id"], limit, 0)
        return await limits.load(rows)

    return await answer_list(call, Source(page, behind, lambda row: _show(row, limits)))


@operation(tag=TAG, answer=Transaction, problems=("not-found",))
async def read_transaction(call: Call[NoQuery, None]) -> Response:
    """Read one transaction."""
    row = await call.context.database.read(transactions.find, number_in(call.id))
    if row is None:
        raise Problem("not-found", f"there is no transaction {call.id}")
    limits = Limits(call)
    await limits.load([row])
    return answer(_show(row, limits))
