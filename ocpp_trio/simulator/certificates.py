"""The certificates of a charge point: installed roots and its own (Security Whitepaper). Pure.

Certificates are read, not verified: no signature is checked, only that the own key is in it.
"""

from __future__ import annotations

import hashlib

from ocpp_trio.ocppj.frames import Payload
from ocpp_trio.simulator.der import read_chain
from ocpp_trio.simulator.signing import KeyPair

MAX_SERIAL = 40


class CertificateStore:
    """What is installed. `own` is the PEM chain that was signed for the charge point, if any."""

    def __init__(self, charge_point_id: str, max_length: int) -> None:
        """`max_length`: how many root certificates find room."""
        self._id = charge_point_id
        self._max_length = max_length
        self._roots: list[tuple[str, Payload]] = []
        self._key: KeyPair | None = None
        self.own: str | None = None

    @property
    def key(self) -> KeyPair:
        """The charge point's key pair: made when it is first asked for, it takes some work."""
        if self._key is None:
            self._key = KeyPair(self._id)
        return self._key

    def install(self, use: str, pem: str) -> str:
        """Install a root certificate; the status of InstallCertificate.conf.

        Rejected (use case M05): this is no certificate, or there is no room for another.
        """
        try:
            hashes = hash_data(pem)
        except ValueError:
            return "Rejected"
        if (use, hashes) not in self._roots:
            if len(self._roots) >= self._max_length:
                return "Rejected"
            self._roots.append((use, hashes))
        return "Accepted"

    def delete(self, hashes: Payload) -> str:
        """Remove a root certificate; the status of DeleteCertificate.conf."""
        left = [root for root in self._roots if not _same(root[1], hashes)]
        if len(left) == len(self._roots):
            return "NotFound"
        self._roots = left
        return "Accepted"

    def installed(self, use: str) -> list[Payload]:
        """The hash data of the roots installed for this use."""
        return [hashes for each, hashes in self._roots if each == use]

    def take_signed(self, chain: str) -> bool:
        """Take a signed chain; False if its first certificate is not for the own key."""
        try:
            first = read_chain(chain)[0]
        except ValueError:
            return False
        if first.key != self.key.public:
            return False
        self.own = chain
        return True


def hash_data(pem: str) -> Payload:
    """The CertificateHashData of a root certificate; raises ValueError.

    Whitepaper section 6.1. A root is its own issuer, so its own key is hashed as the issuer's.
    """
    root = read_chain(pem)[0]
    return {
        "hashAlgorithm": "SHA256",
        "issuerNameHash": hashlib.sha256(root.issuer).hexdigest(),
        "issuerKeyHash": hashlib.sha256(root.key).hexdigest(),
        "serialNumber": f"{root.serial:x}"[:MAX_SERIAL],
    }


def _same(ours: Payload, theirs: Payload) -> bool:
    # Hex digits may be spelled either way.
    return all(str(ours[name]).lower() == str(theirs[name]).lower() for name in ours)
