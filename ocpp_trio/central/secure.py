"""The TLS side of a charge point's connection: its handshake, and whose certificate it showed."""

from __future__ import annotations

import ssl
from contextlib import suppress
from typing import Any

import structlog
import trio

from ocpp_trio.central.authentication import Visitor
from ocpp_trio.central.context import Central
from ocpp_trio.central.transport import ConnectionEnded, Handshake
from ocpp_trio.certificates import ClientCertificate, read_client_certificate
from ocpp_trio.domain.security_events import NOT_AUTHENTICATED
from ocpp_trio.store import client_certificates, security_events

log = structlog.get_logger(source="listener")

OFTEN = 20
"""Failed handshakes that are told of in a minute: anybody can make more."""

WORDS = {
    "HTTP_REQUEST": "it speaks ws or http without TLS",
    "UNSUPPORTED_PROTOCOL": "it speaks no TLS 1.2 or later",
    "NO_SHARED_CIPHER": "it knows none of our cipher suites (OCPP_TLS_LEGACY adds two)",
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": "it showed no certificate"
    " (OCPP_CLIENT_CERTIFICATES=required)",
    "TLSV1_ALERT_UNKNOWN_CA": "it does not know the authority that signed our certificate",
}
"""OpenSSL's reasons that an operator can do something about, by name."""

FORBIDDEN = 403
MAX_INFO = 255


async def complete_handshake(stream: trio.SSLStream[Any], remote: str) -> ClientCertificate | None:
    """Complete the handshake; the certificate that the client showed, verified, or None.

    Raises ConnectionEnded if it fails.
    """
    try:
        await stream.do_handshake()
        der: bytes | None = stream.getpeercert(binary_form=True)
        return read_client_certificate(der) if der else None
    except trio.BrokenResourceError as error:
        _tell(error.__cause__, remote)
        await _send_alert(stream)
    except ValueError as error:
        _tell(error, remote)
    raise ConnectionEnded(1006, "the TLS handshake failed")


def _tell(cause: BaseException | None, remote: str) -> None:
    """Whoever looks after charge points must know why one cannot come in (A00.FR.323)."""
    if isinstance(cause, ssl.SSLCertVerificationError):
        why = f"its certificate was refused: {cause.verify_message}"
    elif isinstance(cause, ssl.SSLError):
        why = WORDS.get(cause.reason, str(cause.reason).lower().replace("_", " "))
    elif isinstance(cause, ValueError):
        why = "its certificate cannot be read"
    else:
        log.debug("TLS handshake failed", remote=remote, why="the other side went away")
        return
    log.warning("TLS handshake failed", remote=remote, why=why, at_most=OFTEN)


async def _send_alert(stream: trio.SSLStream[Any]) -> None:
    """Send what OpenSSL has to say about a failed handshake: Trio leaves it lying, and the other
    side would see a connection that breaks without a reason.
    """
    alert = stream._outgoing.read()
    if alert:
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            await stream.transport_stream.send_all(alert)


async def check_certificate(central: Central, handshake: Handshake, visitor: Visitor) -> None:
    """Raise Refusal if a handshake came with a certificate that is not its charge point's, or is
    not good any more (A00.FR.404, 405, 407). Raises StoreUnavailable.
    """
    certificate = handshake.certificate
    if certificate is None:
        return
    point, now = visitor.charge_point_id, central.now()
    judgement = await central.database.look_up(
        client_certificates.judge, point, certificate, central.settings.cpo_name, now
    )
    if judgement.problem is None:
        if judgement.is_news:
            await central.database.write(client_certificates.note_use, point, certificate, now)
        return
    refusal = central.authentication.bad_certificate(visitor, judgement.problem)
    if refusal.status == FORBIDDEN and judgement.is_registered:
        info = f"the certificate {certificate.subject} {judgement.problem}"[:MAX_INFO]
        await central.database.write(security_events.note, point, NOT_AUTHENTICATED, info, now)
    raise refusal
