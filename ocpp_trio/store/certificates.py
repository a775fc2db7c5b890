"""Certificates of charge points: what they asked to have signed, and what is installed in them
(Security Whitepaper, use cases A02, M03 to M05).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from ocpp_trio.certificates import Request, read_certificate, read_request
from ocpp_trio.domain.client_certificates import name_problem, organization_problem
from ocpp_trio.domain.commands import Command
from ocpp_trio.store import charge_points, client_certificates, queries
from ocpp_trio.store.database import Row, Tx
from ocpp_trio.store.listing import Listing

Q = queries.load("certificates")

NEVER_SENT = frozenset({"expired", "cancelled"})
"""Commands that ended so never reached the charge point."""

LEAST_PROFILE = 2
"""The security profile from which on nobody on the way can have put in a request of their own."""

OPEN_ENDS = frozenset({"timeout", "replaced", "unknown"})
"""Commands that ended so may have been carried out."""


def keep_request(
    tx: Tx, charge_point_id: str, csr: str, organizations: Collection[str] | None, now: int
) -> str | None:
    """Keep a SignCertificate; what is wrong with it, None if it can be signed.

    `organizations` whom we sign for (empty: any); None: somebody else signs, and checks.
    """
    request = read_request(csr)
    problem = request.problem
    if problem is None and organizations is not None:
        problem = _whose(tx, charge_point_id, request, organizations)
    row = charge_points.find(tx, charge_point_id)
    tx.run(
        Q.insert_request,
        charge_point_id=charge_point_id,
        csr=csr,
        subject=request.subject,
        problem=problem,
        state="received" if problem is None else "rejected",
        security_profile=None if row is None else row["security_profile"],
        now=now,
    )
    return problem


def _whose(
    tx: Tx, charge_point_id: str, request: Request, organizations: Collection[str]
) -> str | None:
    """What is wrong with the names in a request, None if it is the charge point's own."""
    names = client_certificates.names(tx, charge_point_id)
    problem = name_problem(request.common_names, names) or organization_problem(
        request.organizations, organizations
    )
    if problem is not None:
        return problem
    (name,) = request.common_names
    if name == charge_point_id:
        return None
    # A serial number is the charge point's own word: it must not be a way to another's name.
    if tx.one(Q.other_of_name, name=name, id=charge_point_id) is not None:
        return f"has the common name {name}, which is another charge point's too"
    return None


def find_request(tx: Tx, request_id: int) -> Row | None:
    """One request."""
    return tx.one(Q.find_request, id=request_id)


def to_sign(tx: Tx) -> Sequence[Row]:
    """The newest request of each charge point that waits and may be signed without asking: those
    that came over TLS from a charge point that proved itself.
    """
    return tx.all(Q.to_sign, least_profile=LEAST_PROFILE)


def reject(tx: Tx, request_id: int, reason: str, now: int) -> Row | None:
    """Refuse a request that waits; its row, None if there is none or it waits no longer."""
    return tx.one(Q.reject_request, id=request_id, problem=reason, now=now)


def signed(tx: Tx, command: Command, now: int) -> None:
    """A CertificateSigned was recorded: it answers the request for its key, or else the newest one
    that waits. Older ones are answered with that, too.
    """
    waiting = tx.all(Q.waiting, charge_point_id=command.charge_point_id)
    key = _key_of(command.payload["certificateChain"])
    answered = next((row for row in waiting if read_request(row["csr"]).key == key), None)
    answered = answered or (waiting[0] if waiting else None)
    if answered is None:
        return
    tx.run(Q.send_request, id=answered["id"], command_id=command.id, now=now)
    for row in waiting:
        if row["id"] < answered["id"]:
            reject(tx, row["id"], "was followed by a newer one", now)


def _key_of(chain: str) -> str | None:
    try:
        return read_certificate(chain).key
    except ValueError:
        return None


def signed_answered(tx: Tx, command: Command, now: int) -> None:
    """What became of a CertificateSigned. One that was not sent leaves the request waiting."""
    if command.response is not None:
        state = "installed" if command.status == "Accepted" else "refused"
    elif command.state in OPEN_ENDS:
        return
    else:
        state = "received" if command.state in NEVER_SENT else "refused"
    tx.run(Q.end_request, command_id=command.id, state=state, now=now)


def installed(tx: Tx, command: Command, now: int) -> None:
    """InstallCertificate was accepted: one more certificate is in the station."""
    if command.status != "Accepted":
        return
    pem = command.payload["certificate"]
    try:
        certificate = read_certificate(pem)
    except ValueError:
        # The station could read it, we could not: GetInstalledCertificateIds will show it.
        return
    hashes = certificate.hashes[0]
    tx.run(
        Q.put_installed,
        charge_point_id=command.charge_point_id,
        certificate_type=command.payload["certificateType"],
        hash_algorithm=hashes.hash_algorithm,
        issuer_name_hash=hashes.issuer_name_hash,
        issuer_key_hash=hashes.issuer_key_hash,
        serial_number=hashes.serial_number,
        subject=certificate.subject,
        not_before=certificate.not_before,
        not_after=certificate.not_after,
        pem=pem,
        now=now,
    )


def deleted(tx: Tx, command: Command, now: int) -> None:
    """DeleteCertificate: Accepted or NotFound, it is no longer there."""
    if command.status in {"Accepted", "NotFound"}:
        for row in _same(tx, command.charge_point_id, command.payload["certificateHashData"]):
            if not command.is_overtaken_by(row["installed_at"]):
                tx.run(Q.remove, id=row["id"], now=now)


def listed(tx: Tx, command: Command, now: int) -> None:
    """GetInstalledCertificateIds shows what is there, and so what no longer is."""
    if command.response is None:
        return
    kind = command.payload["certificateType"]
    there = []
    for hashes in command.response.get("certificateHashData", []):
        same = [
            row
            for row in _same(tx, command.charge_point_id, hashes)
            if row["certificate_type"] == kind
        ]
        if same:
            there.append(same[0]["id"])
            tx.run(Q.list_again, id=same[0]["id"], now=now)
            continue
        row = tx.one(
            Q.put_listed,
            charge_point_id=command.charge_point_id,
            certificate_type=kind,
            hash_algorithm=hashes["hashAlgorithm"],
            issuer_name_hash=hashes["issuerNameHash"],
            issuer_key_hash=hashes["issuerKeyHash"],
            serial_number=hashes["serialNumber"],
            now=now,
        )
        assert row is not None
        there.append(row["id"])
    for row in tx.all(
        Q.present_of_kind, charge_point_id=command.charge_point_id, certificate_type=kind
    ):
        if row["id"] not in there and not command.is_overtaken_by(row["installed_at"]):
            tx.run(Q.remove, id=row["id"], now=now)


def _same(tx: Tx, charge_point_id: str, hashes: Mapping[str, Any]) -> list[Row]:
    """The certificates of a station that hash data speaks of, whatever algorithm it uses: issuer
    and serial number make a certificate unique (RFC 5280 section 4.1.2.2).
    """
    algorithm = hashes["hashAlgorithm"]
    wanted = (hashes["issuerNameHash"].lower(), _number(hashes["serialNumber"]))
    found = []
    for row in tx.all(Q.present, charge_point_id=charge_point_id):
        names = {row["hash_algorithm"]: row["issuer_name_hash"]}
        if row["pem"] is not None:
            certificate = read_certificate(row["pem"])
            names = {each.hash_algorithm: each.issuer_name_hash for each in certificate.hashes}
        if (names.get(algorithm, "").lower(), _number(row["serial_number"])) == wanted:
            found.append(row)
    return found


def _number(serial: str) -> str:
    """A serial number without what stations put around it: case, 0x, leading zeros."""
    return serial.lower().removeprefix("0x").lstrip("0")


def has_installed(tx: Tx, charge_point_id: str, kind: str) -> bool:
    """Whether a station has a certificate of this type, as far as is known."""
    found = tx.one(Q.present_of_kind, charge_point_id=charge_point_id, certificate_type=kind)
    return found is not None


def has_signed(tx: Tx, charge_point_id: str) -> bool:
    """Whether a station took a certificate for its own key."""
    return tx.one(Q.newest_installed, charge_point_id=charge_point_id) is not None


class RequestFilter(NamedTuple):
    """Which certificate requests. None does not count."""

    charge_point_id: str | None = None
    state: str | None = None


class Filter(NamedTuple):
    """Which installed certificates; `expires_before` in ms. None does not count."""

    charge_point_id: str | None = None
    expires_before: int | None = None


requests = Listing(Q.requests, Q.count_requests)
"""Certificate requests; takes a RequestFilter."""

listing = Listing(Q.page, Q.count)
"""Installed certificates; takes a Filter."""
