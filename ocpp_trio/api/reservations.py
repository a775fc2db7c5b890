"""Reservations: commands to make and cancel them, and what became of each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from msgspec import Meta
from starlette.responses import Response

from ocpp_trio.api.answers import Resource, Timestamp, answer
from ocpp_trio.api.fields import Moment, PeriodQuery, missing, moment, number_in_path
from ocpp_trio.api.listing import Source, answer_list
from ocpp_trio.api.operation import Call, operation
from ocpp_trio.api.params import ChargePointId, IdTag, Int64, NoQuery
from ocpp_trio.api.problems import Problem, invalid
from ocpp_trio.api.sending import (
    RULE,
    CommandAnswer,
    StrictCommand,
    StrictSendQuery,
    check_rules,
    command,
    send,
    words,
)
from ocpp_trio.domain.times import format_timestamp
from ocpp_trio.store import reservations
from ocpp_trio.store.database import Row

TAG = "Reservations"
WHAT = "reservation"
MAX_SECONDS = 366 * 86400

Int32 = Annotated[int, Meta(ge=-(2**31), le=2**31 - 1)]


class ReserveNow(StrictCommand):
    """Whose reservation, where (connector 0: any), until when, and its number if it has one."""

    connector_id: Int64
    id_tag: IdTag
    parent_id_tag: IdTag | None = None
    expiry_date: Moment | None = None
    expires_in: (
        Annotated[int, Meta(ge=1, le=MAX_SECONDS, description="seconds from now")] | None
    ) = None
    reservation_id: Int32 | None = None


class ReservationAnswer(CommandAnswer):
    """What the charge point answered; the number on the wire, and the reservation's own."""

    reservation_id: int
    id: int | None


@command(
    body=ReserveNow,
    query=StrictSendQuery,
    example={
        "chargePointId": "CP001",
        "connectorId": 1,
        "idTag": "RFID123",
        "expiryDate": "2030-12-31T23:59:59Z",
    },
    answer=ReservationAnswer,
    problems=(RULE,),
)
async def reserve_now(call: Call[StrictSendQuery, ReserveNow]) -> Response:
    """Ask a charge point to reserve a connector, or any, for a tag.

    One of `expiryDate` and `expiresIn` says how long. A `reservationId` that the charge point has
    already replaces that reservation; without one it gets a number that was never used.
    """
    body, database, now = call.body, call.context.database, call.context.now()
    point = body.charge_point_id
    if (body.expiry_date is None) == (body.expires_in is None):
        message = "one of expiryDate and expiresIn is required"
        raise Problem(
            "invalid-request", message, errors=[("expiryDate", message), ("expiresIn", message)]
        )
    expires_at = moment("expiryDate", body.expiry_date)
    if body.expires_in is not None:
        expires_at = now + body.expires_in * 1000
    elif expires_at is not None and expires_at <= now:
        raise invalid("expiryDate", "must be in the future")
    payload: dict[str, Any] = {
        "connectorId": body.connector_id,
        "expiryDate": format_timestamp(expires_at),
        "idTag": body.id_tag,
        "reservationId": body.reservation_id,
    }
    if body.parent_id_tag:
        payload["parentIdTag"] = body.parent_id_tag
    check_rules("ReserveNow", payload)
    if body.reservation_id is None:
        payload["reservationId"] = await database.write(reservations.next_id, point)
    outcome = await send(call, point, "ReserveNow", payload)
    number = await database.read(reservations.of_command, outcome.command_id)
    return answer(
        ReservationAnswer(
            **words(point, outcome), reservation_id=payload["reservationId"], id=number
        )
    )


class CancelReservation(StrictCommand):
    """Which reservation, by its number on the wire."""

    reservation_id: Int64


@command(
    body=CancelReservation,
    query=StrictSendQuery,
    example={"chargePointId": "CP001", "reservationId": 7},
)
async def cancel_reservation(call: Call[StrictSendQuery, CancelReservation]) -> Response:
    """Ask a charge point to give a reservation up; one that nobody here knows is sent as well."""
    point = call.body.charge_point_id
    payload = {"reservationId": call.body.reservation_id}
    outcome = await send(call, point, "CancelReservation", payload)
    return answer(CommandAnswer(**words(point, outcome)))


class Reservation(Resource):
    """A reservation. `reservationId` is its number on the wire, `status` the station's word in
    answer to the request. States: requested, accepted, used (by `transactionId`), cancelled,
    expired, refused.
    """

    id: int
    charge_point_id: str
    connector_id: int
    reservation_id: int
    id_tag: str
    parent_id_tag: str | None
    expiry_date: Timestamp | None
    state: str
    status: str | None
    transaction_id: int | None
    command_id: int
    actor: str
    created_at: Timestamp | None
    updated_at: Timestamp | None


class ReservationChange(Resource):
    """A state of a reservation, since when, and by whom."""

    state: str
    changed_at: Timestamp | None
    actor: str | None
    note: str | None


class ReservationHistory(Reservation):
    """A reservation with all its states, oldest first."""

    history: list[ReservationChange]


def _fields(row: Row) -> dict[str, Any]:
    return {
        "id": row["id"],
        "charge_point_id": row["charge_point_id"],
        "connector_id": row["connector_id"],
        "reservation_id": row["reservation_id"],
        "id_tag": row["id_tag"],
        "parent_id_tag": row["parent_id_tag"],
        "expiry_date": format_timestamp(row["expires_at"]),
        "state": row["state"],
        "status": row["status"],
        "transaction_id": row["transaction_id"],
        "command_id": row["command_id"],
        "actor": row["actor"],
        "created_at": format_timestamp(row["created_at"]),
        "updated_at": format_timestamp(row["updated_at"]),
    }


class ReservationsQuery(PeriodQuery):
    """Which reservations; a period is that of their creation."""

    charge_point_id: ChargePointId | None = None
    connector_id: Int64 | None = None
    id_tag: Annotated[str, Meta(description="case is ignored")] | None = None
    state: Literal["requested", "accepted", "used", "cancelled", "expired", "refused"] | None = None


@operation(
    tag=TAG,
    answer=list[Reservation],
    query=ReservationsQuery,
    example={"chargePointId": "CP001", "state": "accepted"},
)
async def list_reservations(call: Call[ReservationsQuery, None]) -> Response:
    """List reservations, newest first."""
    query, database = call.query, call.context.database
    filters = reservations.Filters(
        query.charge_point_id,
        query.connector_id,
        query.id_tag,
        query.state,
        moment("from", query.since),
        moment("to", query.until),
    )

    async def page(limit: int, offset: int) -> tuple[Sequence[Row], int]:
        return await database.read(reservations.page, filters, limit, offset)

    async def behind(row: Row, limit: int) -> Sequence[Row]:
        return await database.read(reservations.behind, filters, row["id"], limit)

    return await answer_list(call, Source(page, behind, lambda row: Reservation(**_fields(row))))


@operation(tag=TAG, answer=ReservationHistory, query=NoQuery, problems=("not-found",))
async def read_reservation(call: Call[NoQuery, None]) -> Response:
    """Show a reservation and all its states."""
    found = await call.context.database.read(reservations.find, number_in_path(call, WHAT))
    if found is None:
        raise missing(call, WHAT)
    row, changes = found
    history = [
        ReservationChange(
            state=each["state"],
            changed_at=format_timestamp(each["changed_at"]),
            actor=each["actor"],
            note=each["note"],
        )
        for each in changes
    ]
    return answer(ReservationHistory(**_fields(row), history=history))
