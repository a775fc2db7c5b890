"""SignCertificate (Security Whitepaper section 5.17): the station wants its key signed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from ocpp_trio import authority
from ocpp_trio.ocppj.frames import Payload
from ocpp_trio.ocppj.peer import Request
from ocpp_trio.store import certificates

if TYPE_CHECKING:
    from ocpp_trio.central.session import Session

log = structlog.get_logger(source="charge point")


async def sign_certificate(session: Session, request: Request) -> Payload:
    """Keep the request; Rejected if nobody could sign it. The certificate follows in a
    CertificateSigned.
    """
    central = session.central
    signs = authority.is_there(central.settings)
    problem = await central.database.write(
        certificates.keep_request,
        session.charge_point_id,
        request.call.payload["csr"],
        central.settings.cpo_name if signs else None,
        central.now(),
    )
    if problem is not None:
        log.warning(
            f"certificate request rejected: it {problem}", charge_point=session.charge_point_id
        )
        return {"status": "Rejected"}
    log.info("certificate request received", charge_point=session.charge_point_id)
    central.requests_waiting.ring()
    return {"status": "Accepted"}
