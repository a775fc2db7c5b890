"""The certificates that charge points prove themselves with (security profile 3): those signed
here, those signed elsewhere that were shown, and which are revoked.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from ocpp_trio.certificates import ClientCertificate
from ocpp_trio.domain.client_certificates import name_problem, organization_problem
from ocpp_trio.store import charge_points, node_messages, queries
from ocpp_trio.store.database import Row, Tx
from ocpp_trio.store.listing import Listing

Q = queries.load("client_certificates")

USED_INTERVAL = 86_400_000
"""Milliseconds after which the use of a certificate is noted again."""


class Judgement(NamedTuple):
    """What is wrong with a certificate, None if nothing is; whether its use is to be noted; whether
    its charge point is registered.
    """

    problem: str | None
    is_news: bool = False
    is_registered: bool = False


def judge(
    tx: Tx,
    charge_point_id: str,
    certificate: ClientCertificate,
    organizations: Collection[str],
    now: int,
) -> Judgement:
    """Whether a certificate that TLS has verified is the charge point's, and still good."""
    row = tx.one(Q.of_fingerprint, fingerprint=certificate.fingerprint)
    is_registered = charge_points.find(tx, charge_point_id) is not None
    if row is not None and row["revoked_at"] is not None:
        return Judgement("has been revoked", is_registered=is_registered)
    if certificate.not_after <= now:
        # OpenSSL does not look again when a client resumes its TLS session.
        return Judgement("has expired", is_registered=is_registered)
    if row is None or row["issued_at"] is None:
        problem = name_problem(certificate.common_names, names(tx, charge_point_id))
    elif row["charge_point_id"] != charge_point_id:
        problem = f"was issued to {row['charge_point_id']}"
    else:
        # Its name was compared when it was signed.
        problem = None
    problem = problem or organization_problem(certificate.organizations, organizations)
    is_news = (
        row is None
        or row["charge_point_id"] != charge_point_id
        or now - (row["last_used"] or 0) >= USED_INTERVAL
    )
    return Judgement(problem, is_news and problem is None, is_registered)


def names(tx: Tx, charge_point_id: str) -> tuple[str | None, ...]:
    """What a charge point may be called in its certificate."""
    row = charge_points.find(tx, charge_point_id)
    if row is None:
        return (charge_point_id,)
    return charge_point_id, row["serial_number"], row["charge_box_serial_number"]


def _columns(certificate: ClientCertificate) -> dict[str, str | int]:
    return {
        "fingerprint": certificate.fingerprint,
        "subject": certificate.subject,
        "issuer": certificate.issuer,
        "serial_number": certificate.serial_number,
        "not_before": certificate.not_before,
        "not_after": certificate.not_after,
        "pem": certificate.pem,
    }


def note_use(tx: Tx, charge_point_id: str, certificate: ClientCertificate, now: int) -> None:
    """A charge point proved itself with a certificate."""
    tx.run(
        Q.put_used,
        charge_point_id=charge_point_id,
        now=now,
        **_columns(certificate),
    )


def of_request(tx: Tx, request_id: int) -> Row | None:
    """The certificate that was signed for a request."""
    return tx.one(Q.of_request, request_id=request_id)


def issue(tx: Tx, request: Row, certificate: ClientCertificate, now: int) -> Row | None:
    """A certificate was signed for a request; the one that counts: the first."""
    tx.run(
        Q.put_issued,
        charge_point_id=request["charge_point_id"],
        request_id=request["id"],
        now=now,
        **_columns(certificate),
    )
    return of_request(tx, request["id"])


def to_renew(tx: Tx, expires_before: int) -> Sequence[Row]:
    """The connected charge points whose newest certificate expires before a moment in ms."""
    return tx.all(Q.to_renew, expires_before=expires_before)


def find(tx: Tx, certificate_id: int) -> Row | None:
    """One certificate."""
    return tx.one(Q.find, id=certificate_id)


def revoke(
    tx: Tx,
    certificate_id: int,
    actor: str,
    reason: str | None,
    now: int,
    here: str | None = None,
) -> Row | None:
    """Revoke a certificate for good; its row, None if there is none. Again: nothing changes.

    Another node than `here` is told, if the charge point is connected there.
    """
    tx.run(Q.revoke, id=certificate_id, actor=actor, reason=reason, now=now)
    row = find(tx, certificate_id)
    point = None if row is None else charge_points.find(tx, row["charge_point_id"])
    if point is not None:
        node_messages.tell_owner(tx, point, here)
    return row


class Filter(NamedTuple):
    """Which certificates; `expires_before` in ms, `is_revoked` 0 or 1. None does not count."""

    charge_point_id: str | None = None
    expires_before: int | None = None
    is_revoked: int | None = None


listing = Listing(Q.page, Q.count)
"""Client certificates; takes a Filter."""
