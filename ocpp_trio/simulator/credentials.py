"""How a charge point proves who it is, and to whom: its key, its certificate and its security
profile (Security Whitepaper).

What it was told counts from its next connection on.
"""

from __future__ import annotations

import ssl
import tempfile
from pathlib import Path

from ocpp_trio.domain import station_keys
from ocpp_trio.simulator.certificates import CertificateStore, Own
from ocpp_trio.simulator.endpoint import CannotConnect, Endpoint
from ocpp_trio.simulator.plan import Run

KEY = 1
"""The profile of a key, with TLS one more."""
TLS = 2
CERTIFICATE = 3


class Credentials:
    """The key and certificate of one charge point, and its security profile, which is never lowered
    but to what it was before, where the new one does not work.
    """

    def __init__(self, charge_point_id: str, run: Run, certificates: CertificateStore) -> None:
        self._id = charge_point_id
        self._run = run
        self._certificates = certificates
        self._can_use_tls = run.endpoint.is_secure or run.secure_endpoint is not None
        self._before: int | None = None
        self.key = run.plan.key
        self.profile = 0
        if run.plan.certificate is not None:
            certificates.own = run.plan.certificate
            self.profile = CERTIFICATE
        elif self.key is not None:
            self.profile = TLS if run.endpoint.is_secure else KEY

    @property
    def endpoint(self) -> Endpoint:
        """Where it goes."""
        secure = self._run.secure_endpoint
        return secure if secure is not None and self.profile >= TLS else self._run.endpoint

    @property
    def headers(self) -> list[tuple[str, str]]:
        """The headers of its handshake."""
        if self.key is None or self.profile == CERTIFICATE:
            return []
        return [("Authorization", station_keys.authorization(self._id, self.key))]

    def tls(self) -> ssl.SSLContext | None:
        """Whom it trusts, and what it shows. Raises CannotConnect if that cannot be used."""
        if not self.endpoint.is_secure:
            return None
        try:
            context = ssl.create_default_context(cafile=self._run.plan.ca_file)
            for pem in self._certificates.roots():
                context.load_verify_locations(cadata=pem)
            if self.profile == CERTIFICATE and self._certificates.own is not None:
                _load(context, self._certificates.own)
        except (OSError, ssl.SSLError) as error:
            raise CannotConnect(f"TLS: {error}") from None
        return context

    def change_key(self, digits: str) -> str:
        """Take a key; the status of ChangeConfiguration.conf (OCPP-J section 6.2.2)."""
        try:
            key = bytes.fromhex(digits)
        except ValueError:
            return "Rejected"
        if station_keys.weakness(key) is not None:
            return "Rejected"
        self.key = key
        return "Accepted"

    def change_profile(self, text: str) -> str:
        """Take a security profile; the status of ChangeConfiguration.conf (use case A05)."""
        allowed = {str(profile) for profile in (KEY, TLS, CERTIFICATE) if self._may_use(profile)}
        if text not in allowed:
            return "Rejected"
        self._before, self.profile = self.profile, int(text)
        return "Accepted"

    def _may_use(self, profile: int) -> bool:
        if profile <= self.profile or (profile >= TLS and not self._can_use_tls):
            return False
        if profile == CERTIFICATE:
            return self._certificates.own is not None
        return self.key is not None

    def proved(self) -> None:
        """It came in: its profile stays."""
        self._before = None

    def fall_back(self) -> bool:
        """It did not come in; whether it uses the profile of before again (A05.FR.08)."""
        if self._before is None:
            return False
        self.profile, self._before = self._before, None
        return True


def _load(context: ssl.SSLContext, own: Own) -> None:
    """OpenSSL reads keys from files only; these are gone at once."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "own.pem"
        file.touch(mode=0o600)
        file.write_text(own.key + own.chain)
        context.load_cert_chain(file)
