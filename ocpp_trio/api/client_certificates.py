"""The certificates that charge points prove themselves with (security profile 3)."""

from __future__ import annotations

from typing import Annotated

import structlog
from msgspec import Meta
from starlette.responses import Response

from ocpp_trio.api.answers import Resource, Timestamp, answer
from ocpp_trio.api.auth import ADMIN
from ocpp_trio.api.fields import missing, number_in_path
from ocpp_trio.api.listing import ListQuery, answer_newest_first
from ocpp_trio.api.operation import Call, operation
from ocpp_trio.api.params import ChargePointId, Moment, NoQuery, Strict, moment
from ocpp_trio.domain.times import format_timestamp
from ocpp_trio.store import client_certificates
from ocpp_trio.store.database import Row

log = structlog.get_logger(source="api")

TAG = "Certificates"
WHAT = "client certificate"

CLOSE_REVOKED = 1008


class ClientCertificate(Resource):
    """A client certificate. `fingerprint`: SHA-256. `issuedAt`: signed here, null if elsewhere.

    `lastUsedAt` is noted once a day.
    """

    id: int
    charge_point_id: str
    fingerprint: str
    subject: str
    issuer: str
    serial_number: str
    not_before: Timestamp | None
    not_after: Timestamp | None
    certificate: str
    issued_at: Timestamp | None
    certificate_request_id: int | None
    last_used_at: Timestamp | None
    revoked_at: Timestamp | None
    revoked_by: str | None
    revoked_reason: str | None


def show(row: Row) -> ClientCertificate:
    """A stored certificate as the API shows it."""
    return ClientCertificate(
        id=row["id"],
        charge_point_id=row["charge_point_id"],
        fingerprint=row["fingerprint"],
        subject=row["subject"],
        issuer=row["issuer"],
        serial_number=row["serial_number"],
        not_before=format_timestamp(row["not_before"]),
        not_after=format_timestamp(row["not_after"]),
        certificate=row["pem"],
        issued_at=format_timestamp(row["issued_at"]),
        certificate_request_id=row["request_id"],
        last_used_at=format_timestamp(row["last_used"]),
        revoked_at=format_timestamp(row["revoked_at"]),
        revoked_by=row["revoked_by"],
        revoked_reason=row["revoked_reason"],
    )


class ClientCertificatesQuery(ListQuery, forbid_unknown_fields=True):
    """Which certificates."""

    charge_point_id: ChargePointId | None = None
    expires_before: Moment | None = None
    is_revoked: bool | None = None


@operation(
    tag=TAG,
    answer=list[ClientCertificate],
    query=ClientCertificatesQuery,
    example={"chargePointId": "CP001", "isRevoked": "false"},
)
async def list_client_certificates(call: Call[ClientCertificatesQuery, None]) -> Response:
    """List the certificates that charge points prove themselves with, newest first."""
    query = call.query
    which = client_certificates.Filter(
        query.charge_point_id,
        moment("expiresBefore", query.expires_before),
        None if query.is_revoked is None else int(query.is_revoked),
    )
    return await answer_newest_first(call, client_certificates.listing, which, show)


class Revocation(Strict):
    """Why a certificate is revoked."""

    reason: Annotated[str, Meta(max_length=500)] | None = None


@operation(
    tag=TAG,
    answer=ClientCertificate,
    role=ADMIN,
    body=Revocation,
    example={"reason": "the charge point was scrapped"},
    problems=("not-found",),
)
async def revoke_client_certificate(call: Call[NoQuery, Revocation]) -> Response:
    """Revoke a client certificate, for good.

    No charge point comes in with it any more; one that is connected with it is disconnected.
    """
    context, number = call.context, number_in_path(call, WHAT)
    row = await context.database.write(
        client_certificates.revoke,
        number,
        call.actor,
        call.body.reason,
        context.now(),
        context.node.id,
    )
    if row is None:
        raise missing(call, WHAT)
    session = context.hub.get(row["charge_point_id"])
    used = session.certificate if session is not None else None
    if used is not None and used.fingerprint == row["fingerprint"]:
        context.hub.end(row["charge_point_id"], CLOSE_REVOKED, "its certificate was revoked")
    log.info(
        "client certificate revoked",
        charge_point=row["charge_point_id"],
        fingerprint=row["fingerprint"],
        by=call.actor,
    )
    return answer(show(row))
