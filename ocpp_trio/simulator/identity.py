"""How a charge point proves itself, and to whom (Security Whitepaper, security profiles 0 to 3).

Owns its security profile and its authorization key, and says how the next connection is made.
"""

from __future__ import annotations

import re
import ssl
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ocpp_trio.domain import station_keys
from ocpp_trio.simulator.certificates import CertificateStore, Own
from ocpp_trio.simulator.endpoint import CannotConnect, Endpoint

_HEX = re.compile(r"(?:[0-9A-Fa-f]{2}){16,20}")


@dataclass(frozen=True)
class Credentials:
    """What charge points are given at their installation.

    `key`: the authorization key of all. `ca_file`: whom they trust, None: whom the system trusts.
    `certificate`: a chain and its key, PEM. `secure`: where they go once their profile is 2 or 3,
    None: where they are.
    """

    key: bytes | None = None
    ca_file: str | None = None
    certificate: Own | None = None
    secure: Endpoint | None = None


class Way(NamedTuple):
    """How a connection is made."""

    endpoint: Endpoint
    tls: ssl.SSLContext | None
    headers: tuple[tuple[str, str], ...]


class Identity:
    """The identity of one charge point; `profile` is its security profile."""

    def __init__(
        self,
        charge_point_id: str,
        endpoint: Endpoint,
        credentials: Credentials,
        certificates: CertificateStore,
    ) -> None:
        self._id = charge_point_id
        self._endpoint = endpoint
        self._credentials = credentials
        self._certificates = certificates
        self._previous: int | None = None
        self.key = credentials.key
        certificates.own = certificates.own or credentials.certificate
        if credentials.certificate is not None:
            self.profile = 3
        elif endpoint.is_secure:
            self.profile = 2
        else:
            self.profile = 0 if self.key is None else 1

    def way(self) -> Way:
        """How the next connection is made. Raises CannotConnect if files cannot be used."""
        endpoint = self._endpoint
        if self.profile >= 2 and self._credentials.secure is not None:
            endpoint = self._credentials.secure
        headers: tuple[tuple[str, str], ...] = ()
        if self.key is not None and self.profile in {1, 2}:
            headers = (("Authorization", station_keys.authorization(self._id, self.key)),)
        return Way(endpoint, self._context() if endpoint.is_secure else None, headers)

    def _context(self) -> ssl.SSLContext:
        try:
            context = ssl.create_default_context(cafile=self._credentials.ca_file)
            for pem in self._certificates.roots():
                context.load_verify_locations(cadata=pem)
            if self.profile == 3 and self._certificates.own is not None:
                _load(context, self._certificates.own)
        except (OSError, ssl.SSLError) as error:
            raise CannotConnect(f"TLS: {error}") from None
        return context

    def change_key(self, value: str) -> str:
        """A new AuthorizationKey, in hexadecimal digits; the status of ChangeConfiguration.conf.

        The first one is security profile 1 (OCPP-J 1.6 section 6.2.2).
        """
        if not _HEX.fullmatch(value):
            return "Rejected"
        self.key = bytes.fromhex(value)
        self.profile = max(self.profile, 1)
        return "Accepted"

    def change_profile(self, value: str) -> str:
        """A new SecurityProfile; the status of ChangeConfiguration.conf (A05.FR.01 to 05).

        Accepted: it counts from the next connection on.
        """
        profile = int(value) if value in {"1", "2", "3"} else 0
        if profile <= self.profile:
            return "Rejected"
        if profile < 3 and self.key is None:
            return "Rejected"
        if profile >= 2 and not self._can_verify:
            return "Rejected"
        if profile == 3 and self._certificates.own is None:
            return "Rejected"
        self._previous, self.profile = self.profile, profile
        return "Accepted"

    @property
    def _can_verify(self) -> bool:
        """Whether it knows where to go with TLS, and whom to trust there."""
        secure = self._credentials.secure or self._endpoint
        return secure.is_secure and bool(self._credentials.ca_file or self._certificates.roots())

    def connected(self) -> None:
        """The connection was made: the profile stays."""
        self._previous = None

    def fall_back(self) -> bool:
        """The connection was not made: whether another profile is to be tried (A05.FR.08)."""
        if self._previous is None:
            return False
        self.profile, self._previous = self._previous, None
        return True


def _load(context: ssl.SSLContext, own: Own) -> None:
    """OpenSSL reads keys from files only; these are gone at once."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "own.pem"
        file.touch(mode=0o600)
        file.write_text(own.key + own.chain)
        context.load_cert_chain(file)
