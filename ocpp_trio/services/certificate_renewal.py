"""Has charge points renew their client certificates before they expire (Security Whitepaper, use
case A02): an ExtendedTriggerMessage, which they answer with a SignCertificate.
"""

from __future__ import annotations

import trio

from ocpp_trio.central.context import Central
from ocpp_trio.services.asking import SIGN_CERTIFICATE, Asking, Question
from ocpp_trio.store import client_certificates

SOURCE = "certificate renewal"
DAY = 86_400_000


class CertificateRenewal:
    """Tells each charge point in time, and not again for a while."""

    def __init__(self, central: Central, asking: Asking) -> None:
        self._central = central
        self._asking = asking
        # Charge point -> when it was told, by trio's clock.
        self._told: dict[str, float] = {}

    async def tick(self) -> None:
        """One look."""
        settings, now, steady = self._central.settings, self._central.now(), trio.current_time()
        rows = await self._central.database.read(
            client_certificates.to_renew, now + settings.certificate_renewal_before * 1000
        )
        retry = settings.certificate_renewal_retry
        self._told = {point: at for point, at in self._told.items() if steady - at < retry}
        questions = []
        for row in rows:
            point, days = row["charge_point_id"], (row["not_after"] - now) // DAY
            why = f"its certificate expires in {days} days" if days >= 0 else "it has expired"
            question = Question(point, None, SIGN_CERTIFICATE, row["last_boot"], why)
            if point not in self._told and self._asking.may_ask(question):
                self._told[point] = steady
                questions.append(question)
        await self._asking.ask(SOURCE, questions)
