"""Certificates of charge points: what they asked to have signed, and what is installed in them
(Security Whitepaper, use cases A02, M03 to M05).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ocpp_trio.certificates import read_certificate, read_request
from ocpp_trio.domain.commands import Command
from ocpp_trio.store import queries
from ocpp_trio.store.database import Row, Tx
from ocpp_trio.store.listing import Listing

Q = queries.load("certificates")

OPEN_ENDS = frozenset({"timeout", "replaced", "unknown"})
"""Commands that ended so may have been carried out."""


def keep_request(tx: Tx, charge_point_id: str, csr: str, now: int) -> str | None:
    """Keep a SignCertificate; what is wrong with it, None if it can be signed."""
    subject, problem = read_request(csr)
    tx.run(
        Q.insert_request,
        charge_point_id=charge_point_id,
        csr=csr,
        subject=subject,
        problem=problem,
        state="received" if problem is None else "rejected",
        now=now,
    )
    return problem


def signed(tx: Tx, command: Command, now: int) -> None:
    """A CertificateSigned was recorded: it answers the newest request that waits."""
    row = tx.one(Q.newest_waiting, charge_point_id=command.charge_point_id)
    if row is not None:
        tx.run(Q.send_request, id=row["id"], command_id=command.id, now=now)


def signed_answered(tx: Tx, command: Command, now: int) -> None:
    """What became of a CertificateSigned. One that was not sent leaves the request waiting."""
    if command.response is not None:
        state = "installed" if command.status == "Accepted" else "refused"
    elif command.state in OPEN_ENDS:
        return
    else:
        state = "received"
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
