"""The TLS side of a charge point's connection: its handshake, and whose certificate it showed."""

from __future__ import annotations

import ssl
from contextlib import suppress
from typing import Any

import structlog
import trio

from ocpp_trio.central.burst import Burst
from ocpp_trio.central.context import Central
from ocpp_trio.central.transport import ConnectionEnded, Handshake
from ocpp_trio.certificates import ClientCertificate, read_client_certificate
from ocpp_trio.store import client_certificates

log = structlog.get_logger(source="listener")

MAX_WARNINGS = 20
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


class Handshakes:
    """Completes TLS handshakes."""

    def __init__(self) -> None:
        self._warnings = Burst(MAX_WARNINGS)

    async def complete(self, stream: trio.SSLStream[Any], remote: str) -> ClientCertificate | None:
        """Complete the handshake; the certificate that the client showed, verified, or None.

        Raises ConnectionEnded if it fails.
        """
        try:
            await stream.do_handshake()
            der: bytes | None = stream.getpeercert(binary_form=True)
            return read_client_certificate(der) if der else None
        except trio.BrokenResourceError as error:
            self._tell(error.__cause__, remote)
            await _send_alert(stream)
        except ValueError as error:
            self._tell(error, remote)
        raise ConnectionEnded(1006, "the TLS handshake failed")

    def _tell(self, cause: BaseException | None, remote: str) -> None:
        """Whoever looks after charge points must know why one cannot come in (A00.FR.323)."""
        why = "the other side went away"
        if isinstance(cause, ssl.SSLCertVerificationError):
            why = f"its certificate was refused: {cause.verify_message}"
        elif isinstance(cause, ssl.SSLError):
            why = WORDS.get(cause.reason, cause.reason.lower().replace("_", " "))
        elif isinstance(cause, ValueError):
            why = "its certificate cannot be read"
        is_news = cause is not None and not self._warnings.hit()
        (log.warning if is_news else log.debug)("TLS handshake failed", remote=remote, why=why)


async def _send_alert(stream: trio.SSLStream[Any]) -> None:
    """Send what OpenSSL has to say about a failed handshake: Trio leaves it lying, and the other
    side would see a connection that breaks without a reason.
    """
    alert = stream._outgoing.read()
    if alert:
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            await stream.transport_stream.send_all(alert)


async def certificate_is_good(
    central: Central, handshake: Handshake, charge_point_id: str, remote: str
) -> bool:
    """Whether the certificate that came with a handshake, if any, is that charge point's.

    Raises StoreUnavailable.
    """
    certificate = handshake.certificate
    if certificate is None:
        return True
    database, now = central.database, central.now()
    judgement = await database.read(
        client_certificates.judge, charge_point_id, certificate, central.settings.cpo_name, now
    )
    if judgement.problem is not None:
        log.warning(
            f"handshake refused: its certificate {judgement.problem}",
            charge_point=charge_point_id,
            remote=remote,
            subject=certificate.subject,
        )
        return False
    if judgement.is_news:
        await database.write(client_certificates.note_use, charge_point_id, certificate, now)
    return True
