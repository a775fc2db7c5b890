"""Certificate requests by hand: signed or rejected; and whose client certificates are taken."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import structlog
from msgspec import Meta
from starlette.responses import Response

from ocpp_trio import authority
from ocpp_trio.api.answers import Resource, Timestamp, answer
from ocpp_trio.api.auth import ADMIN
from ocpp_trio.api.certificates import TAG, CertificateRequest, show_request
from ocpp_trio.api.fields import missing, number_in_path
from ocpp_trio.api.operation import Call, operation
from ocpp_trio.api.params import NoQuery, Strict
from ocpp_trio.api.problems import Problem
from ocpp_trio.api.sending import CommandAnswer, SendQuery, command, send, words
from ocpp_trio.central.signing import Signing
from ocpp_trio.certificates import ClientCertificate, read_authorities
from ocpp_trio.config import Settings
from ocpp_trio.domain.times import format_timestamp
from ocpp_trio.errors import AuthorityError
from ocpp_trio.store import certificates
from ocpp_trio.store.database import Row

log = structlog.get_logger(source="api")

WHAT = "certificate request"


async def _waiting(call: Call[SendQuery, None]) -> Row:
    """The request in the path; a Problem if it does not wait."""
    row = await call.context.database.read(certificates.find_request, number_in_path(call, WHAT))
    if row is None:
        raise missing(call, WHAT)
    if row["state"] != "received":
        raise _over(row)
    return row


def _over(row: Row) -> Problem:
    return Problem("conflict", f"certificate request {row['id']} is {row['state']}")


@command(example={}, role=ADMIN, problems=("not-found", "conflict"))
async def sign_certificate_request(call: Call[SendQuery, None]) -> Response:
    """Sign a certificate request that waits, and send the certificate to its charge point.

    By the server's own certificate authority. With OCPP_SIGN_CERTIFICATES=automatic only requests
    that came without TLS or without proof of who sent them wait for this.
    """
    context = call.context
    row = await _waiting(call)
    signing = Signing(context.settings, context.database, context.now)
    try:
        chain = await signing.chain_for(row)
    except AuthorityError as error:
        raise Problem("conflict", str(error)) from None
    point = row["charge_point_id"]
    log.info("certificate request signed", charge_point=point, request=row["id"], by=call.actor)
    outcome = await send(call, point, "CertificateSigned", {"certificateChain": chain})
    return answer(CommandAnswer(**words(point, outcome)))


class Rejection(Strict):
    """Why a request is not signed."""

    reason: Annotated[str, Meta(min_length=1, max_length=500)]


@operation(
    tag=TAG,
    answer=CertificateRequest,
    role=ADMIN,
    body=Rejection,
    example={"reason": "the charge point is to be scrapped"},
    problems=("not-found", "conflict"),
)
async def reject_certificate_request(call: Call[NoQuery, Rejection]) -> Response:
    """Reject a certificate request that waits. The charge point is not told: OCPP has no way."""
    context, number = call.context, number_in_path(call, WHAT)
    row = await context.database.write(
        certificates.reject, number, f"was rejected: {call.body.reason}", context.now()
    )
    if row is None:
        found = await context.database.read(certificates.find_request, number)
        raise missing(call, WHAT) if found is None else _over(found)
    log.info(
        "certificate request rejected",
        charge_point=row["charge_point_id"],
        request=number,
        by=call.actor,
    )
    return answer(show_request(row))


class CertificateAuthority(Resource):
    """Who may sign client certificates. `isLocal`: the server's own authority.

    `certificate` (PEM) of the local one is what charge points install as
    CentralSystemRootCertificate, if it signed the server's certificate too.
    """

    is_local: bool
    subject: str
    fingerprint: str
    not_before: Timestamp | None
    not_after: Timestamp | None
    certificate: str


@operation(tag=TAG, answer=list[CertificateAuthority])
async def list_certificate_authorities(call: Call[NoQuery, None]) -> Response:
    """List the authorities whose client certificates are taken, the server's own first."""
    return answer(
        [_show(found, is_local) for found, is_local in _authorities(call.context.settings)]
    )


def _authorities(settings: Settings) -> list[tuple[ClientCertificate, bool]]:
    files = []
    if authority.is_there(settings):
        files.append((authority.files_of(settings).certificate, True))
    if settings.client_ca_file:
        files.append((Path(settings.client_ca_file), False))
    found = []
    for path, is_local in files:
        try:
            read = read_authorities(path.read_bytes())
        except (OSError, ValueError):
            # What is in force was read before; the log says what is wrong with the new file.
            continue
        found += [(each, is_local) for each in (read[:1] if is_local else read)]
    return found


def _show(found: ClientCertificate, is_local: bool) -> CertificateAuthority:
    return CertificateAuthority(
        is_local=is_local,
        subject=found.subject,
        fingerprint=found.fingerprint,
        not_before=format_timestamp(found.not_before),
        not_after=format_timestamp(found.not_after),
        certificate=found.pem,
    )
