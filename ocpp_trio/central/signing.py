"""Certificates for charge points: signed by our own authority and sent to them.

Security Whitepaper, use cases A02 and A03.
"""

from __future__ import annotations

import datetime
from functools import partial

import structlog
import trio

from ocpp_trio import authority
from ocpp_trio.authority import Authority
from ocpp_trio.central.commands import Commands
from ocpp_trio.central.context import Central
from ocpp_trio.certificates import ClientCertificate
from ocpp_trio.config import Settings
from ocpp_trio.domain.times import Now
from ocpp_trio.errors import AuthorityError, CommandFailed
from ocpp_trio.store import certificates, client_certificates
from ocpp_trio.store.database import Database, Row

log = structlog.get_logger(source="certificate signing")

ACTOR = "certificate-authority"
AUTOMATIC = "automatic"


class Signing:
    """Signs requests that were kept. The key is read for each, in a thread, and let go again."""

    def __init__(self, settings: Settings, database: Database, now: Now) -> None:
        self._settings = settings
        self._database = database
        self._now = now
        self._limiter = trio.CapacityLimiter(1)

    async def chain_for(self, request: Row) -> str:
        """The chain that answers a request: signed now, or before if it was.

        Raises AuthorityError.
        """
        database, now = self._database, self._now()
        row = await database.read(client_certificates.of_request, request["id"])
        signer, certificate = await trio.to_thread.run_sync(
            partial(self._sign, request, now, needed=row is None), limiter=self._limiter
        )
        if certificate is not None:
            row = await database.write(client_certificates.issue, request, certificate, now)
        assert row is not None
        return signer.chain_of(row["pem"])

    def _sign(
        self, request: Row, now: int, *, needed: bool
    ) -> tuple[Authority, ClientCertificate | None]:
        settings = self._settings
        found = authority.find(settings)
        if found is None:
            raise AuthorityError(
                "there is no certificate authority here: make one with `ocpp-trio ca init`"
            )
        if not needed:
            return found, None
        moment = datetime.datetime.fromtimestamp(now / 1000, datetime.UTC)
        days = settings.client_certificate_days
        return found, found.sign_request(request["csr"], days, moment)


class AutomaticSigning:
    """Signs without asking a person what came over TLS from a charge point that proved itself."""

    def __init__(self, central: Central, commands: Commands) -> None:
        self._central = central
        self._commands = commands
        self.signing = Signing(central.settings, central.database, central.now)
        self._slots = trio.Semaphore(central.settings.asking_at_once)

    async def tick(self) -> None:
        """Wait for a request or for the interval, then answer all that wait and can be."""
        central = self._central
        with trio.move_on_after(central.settings.signing_interval):
            await central.requests_waiting.wait()
        if not authority.is_there(central.settings):
            return
        lost: BaseException | None = None
        try:
            async with trio.open_nursery() as nursery:
                for request in await central.database.read(certificates.to_sign):
                    session = central.hub.get(request["charge_point_id"])
                    if session is not None and session.accepted:
                        nursery.start_soon(self._answer, request)
        except* AuthorityError as group:
            lost = group.exceptions[0]
        if lost is not None:
            # Raised above it would be put into a group again, by some releases of Python.
            raise lost

    async def _answer(self, request: Row) -> None:
        point = request["charge_point_id"]
        async with self._slots:
            payload = {"certificateChain": await self.signing.chain_for(request)}
            try:
                outcome = await self._commands.execute(
                    point, "CertificateSigned", payload, actor=ACTOR
                )
            except CommandFailed as error:
                answer, level = str(error), log.warning
            else:
                answer = str(outcome.response.get("status"))
                level = log.info if answer == "Accepted" else log.warning
            level("certificate signed and sent", charge_point=point, answer=answer)
