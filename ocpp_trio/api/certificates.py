"""Certificates of charge points: requests to sign, and what is installed (Security Whitepaper)."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct
from starlette.responses import Response

from ocpp_trio import authority
from ocpp_trio.api.answers import Resource, Timestamp, answer
from ocpp_trio.api.listing import ListQuery, answer_newest_first
from ocpp_trio.api.operation import Call, operation
from ocpp_trio.api.params import ChargePointId, Moment, moment
from ocpp_trio.api.problems import invalid
from ocpp_trio.api.sending import Command, CommandAnswer, SendQuery, command, send, words
from ocpp_trio.certificates import read_certificate, read_chain
from ocpp_trio.config import Settings
from ocpp_trio.domain.times import format_timestamp
from ocpp_trio.errors import AuthorityError
from ocpp_trio.store import certificates
from ocpp_trio.store.database import Row

TAG = "Certificates"

Type = Literal["CentralSystemRootCertificate", "ManufacturerRootCertificate"]
RequestState = Literal["received", "rejected", "sent", "installed", "refused"]


class HashData(Struct, rename="camel"):
    """CertificateHashData as the charge point lists it."""

    hash_algorithm: Literal["SHA256", "SHA384", "SHA512"]
    issuer_name_hash: Annotated[str, Meta(max_length=128)]
    issuer_key_hash: Annotated[str, Meta(max_length=128)]
    serial_number: Annotated[str, Meta(max_length=40)]

    def payload(self) -> dict[str, str]:
        """As OCPP spells it."""
        return {
            "hashAlgorithm": self.hash_algorithm,
            "issuerNameHash": self.issuer_name_hash,
            "issuerKeyHash": self.issuer_key_hash,
            "serialNumber": self.serial_number,
        }


class InstalledCertificate(Resource):
    """A certificate in a charge point. Subject and validity are known of those installed from here.

    `installedAt`: the charge point accepted it; `listedAt`: it named it itself.
    """

    id: int
    charge_point_id: str
    certificate_type: str
    certificate_hash_data: HashData
    subject: str | None
    not_before: Timestamp | None
    not_after: Timestamp | None
    installed_at: Timestamp | None
    listed_at: Timestamp | None


def _show(row: Row) -> InstalledCertificate:
    return InstalledCertificate(
        id=row["id"],
        charge_point_id=row["charge_point_id"],
        certificate_type=row["certificate_type"],
        certificate_hash_data=HashData(
            row["hash_algorithm"],
            row["issuer_name_hash"],
            row["issuer_key_hash"],
            row["serial_number"],
        ),
        subject=row["subject"],
        not_before=format_timestamp(row["not_before"]),
        not_after=format_timestamp(row["not_after"]),
        installed_at=format_timestamp(row["installed_at"]),
        listed_at=format_timestamp(row["listed_at"]),
    )


class CertificatesQuery(ListQuery, forbid_unknown_fields=True):
    """Which certificates."""

    charge_point_id: ChargePointId | None = None
    expires_before: Moment | None = None


@operation(
    tag=TAG,
    answer=list[InstalledCertificate],
    query=CertificatesQuery,
    example={"expiresBefore": "2027-01-01T00:00:00Z"},
)
async def list_certificates(call: Call[CertificatesQuery, None]) -> Response:
    """List the certificates installed in charge points, newest first."""
    query = call.query
    which = certificates.Filter(
        query.charge_point_id, moment("expiresBefore", query.expires_before)
    )
    return await answer_newest_first(call, certificates.listing, which, _show)


class CertificateRequest(Resource):
    """A SignCertificate. `problem` is why it was answered Rejected or not signed, null if it was.

    `securityProfile` is that of the connection that brought it.
    """

    id: int
    charge_point_id: str
    csr: str
    subject: str | None
    problem: str | None
    state: str
    security_profile: int | None
    command_id: int | None
    received_at: Timestamp | None
    updated_at: Timestamp | None


def show_request(row: Row) -> CertificateRequest:
    """A stored request as the API shows it."""
    return CertificateRequest(
        id=row["id"],
        charge_point_id=row["charge_point_id"],
        csr=row["csr"],
        subject=row["subject"],
        problem=row["problem"],
        state=row["state"],
        security_profile=row["security_profile"],
        command_id=row["command_id"],
        received_at=format_timestamp(row["received_at"]),
        updated_at=format_timestamp(row["updated_at"]),
    )


class RequestsQuery(ListQuery, forbid_unknown_fields=True):
    """Which requests."""

    charge_point_id: ChargePointId | None = None
    state: RequestState | None = None


@operation(
    tag=TAG,
    answer=list[CertificateRequest],
    query=RequestsQuery,
    example={"chargePointId": "CP001", "state": "received"},
)
async def list_certificate_requests(call: Call[RequestsQuery, None]) -> Response:
    """List what charge points asked to have signed, newest first.

    The answer to a request is `certificate-signed`.
    """
    which = certificates.RequestFilter(call.query.charge_point_id, call.query.state)
    return await answer_newest_first(call, certificates.requests, which, show_request)


class CertificateSigned(Command):
    """The signed certificate, and those between it and the root."""

    certificate_chain: Annotated[str, Meta(max_length=10000, description="PEM")]


@command(
    body=CertificateSigned,
    example={"chargePointId": "CP001", "certificateChain": "-----BEGIN CERTIFICATE-----..."},
)
async def certificate_signed(call: Call[SendQuery, CertificateSigned]) -> Response:
    """Send a charge point the certificate that it asked for.

    It answers the newest request of the charge point that waits.
    """
    body = call.body
    try:
        read_chain(body.certificate_chain)
    except ValueError as error:
        raise invalid("certificateChain", str(error)) from None
    payload = {"certificateChain": body.certificate_chain}
    outcome = await send(call, body.charge_point_id, "CertificateSigned", payload)
    return answer(CommandAnswer(**words(body.charge_point_id, outcome)))


class InstallCertificate(Command):
    """A root certificate, and what it is for.

    `certificate` may be left out of a CentralSystemRootCertificate: it is that of the server's own
    authority then.
    """

    certificate_type: Type
    certificate: Annotated[str, Meta(max_length=5500, description="PEM")] | None = None


@command(
    body=InstallCertificate,
    example={
        "chargePointId": "CP001",
        "certificateType": "CentralSystemRootCertificate",
        "certificate": "-----BEGIN CERTIFICATE-----...",
    },
)
async def install_certificate(call: Call[SendQuery, InstallCertificate]) -> Response:
    """Install a root certificate in a charge point."""
    body = call.body
    pem = body.certificate
    if pem is None:
        pem = _own_root(call.context.settings, body.certificate_type)
    try:
        read_certificate(pem)
    except ValueError as error:
        raise invalid("certificate", str(error)) from None
    payload = {"certificateType": body.certificate_type, "certificate": pem}
    outcome = await send(call, body.charge_point_id, "InstallCertificate", payload)
    return answer(CommandAnswer(**words(body.charge_point_id, outcome)))


def _own_root(settings: Settings, kind: Type) -> str:
    """The certificate of the server's own authority, as PEM; a Problem if that will not do."""
    if kind != "CentralSystemRootCertificate":
        raise invalid("certificate", "is needed: only the central system's root can be left out")
    try:
        own = authority.find(settings)
    except AuthorityError as error:
        raise invalid("certificate", f"is needed: {error}") from None
    if own is None:
        raise invalid("certificate", "is needed: this server has no authority of its own")
    return own.pem


class DeleteCertificate(Command):
    """Which certificate, as the charge point lists it."""

    certificate_hash_data: HashData


@command(
    body=DeleteCertificate,
    example={
        "chargePointId": "CP001",
        "certificateHashData": {
            "hashAlgorithm": "SHA256",
            "issuerNameHash": "0a1b",
            "issuerKeyHash": "2c3d",
            "serialNumber": "4e5f",
        },
    },
)
async def delete_certificate(call: Call[SendQuery, DeleteCertificate]) -> Response:
    """Delete a certificate from a charge point."""
    point = call.body.charge_point_id
    payload = {"certificateHashData": call.body.certificate_hash_data.payload()}
    outcome = await send(call, point, "DeleteCertificate", payload)
    return answer(CommandAnswer(**words(point, outcome)))


class GetInstalledCertificateIds(Command):
    """Which kind of certificates."""

    certificate_type: Type


@command(
    body=GetInstalledCertificateIds,
    example={"chargePointId": "CP001", "certificateType": "CentralSystemRootCertificate"},
)
async def get_installed_certificate_ids(
    call: Call[SendQuery, GetInstalledCertificateIds],
) -> Response:
    """Ask a charge point which certificates it has."""
    point = call.body.charge_point_id
    payload = {"certificateType": call.body.certificate_type}
    outcome = await send(call, point, "GetInstalledCertificateIds", payload)
    return answer(CommandAnswer(**words(point, outcome)))
