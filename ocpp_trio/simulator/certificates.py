"""The certificates of a charge point: installed roots and its own (Security Whitepaper)."""

from __future__ import annotations

from typing import NamedTuple

from ocpp_trio.certificates import read_certificate, read_request
from ocpp_trio.domain.times import Now
from ocpp_trio.ocppj.frames import Payload
from ocpp_trio.simulator.signing import KeyPair

CENTRAL_SYSTEM = "CentralSystemRootCertificate"
MAX_SERIAL = 40


class Root(NamedTuple):
    """An installed root certificate: what for, its CertificateHashData, and itself as PEM."""

    use: str
    hashes: Payload
    pem: str


class Own(NamedTuple):
    """What the charge point proves itself with: a chain and its private key, as PEM."""

    chain: str
    key: str


class CertificateStore:
    """What is installed. `own` is what was signed for the charge point, if anything."""

    def __init__(self, charge_point_id: str, max_length: int, now: Now) -> None:
        """`max_length`: how many root certificates find room."""
        self._id = charge_point_id
        self._max_length = max_length
        self._now = now
        self._roots: list[Root] = []
        self._asked: tuple[KeyPair, str | None] | None = None
        self.own: Own | None = None

    def request(self, organization: str) -> str:
        """A certificate request for a new key pair (A02.FR.02), as PEM."""
        pair = KeyPair(self._id)
        csr = pair.signing_request(organization)
        self._asked = pair, read_request(csr).key
        return csr

    def install(self, use: str, pem: str) -> str:
        """Install a root certificate; the status of InstallCertificate.conf.

        Rejected (use case M05): this is no certificate, or there is no room for another.
        """
        try:
            hashes = hash_data(pem)
        except ValueError:
            return "Rejected"
        if (use, hashes) not in ((root.use, root.hashes) for root in self._roots):
            if len(self._roots) >= self._max_length:
                return "Rejected"
            self._roots.append(Root(use, hashes, pem))
        return "Accepted"

    def delete(self, hashes: Payload) -> str:
        """Remove a root certificate; the status of DeleteCertificate.conf."""
        left = [root for root in self._roots if not _same(root.hashes, hashes)]
        if len(left) == len(self._roots):
            return "NotFound"
        self._roots = left
        return "Accepted"

    def installed(self, use: str) -> list[Payload]:
        """The hash data of the roots installed for this use."""
        return [root.hashes for root in self._roots if root.use == use]

    def roots(self) -> list[str]:
        """The roots for the central system's certificate, as PEM."""
        return [root.pem for root in self._roots if root.use == CENTRAL_SYSTEM]

    def take_signed(self, chain: str) -> str | None:
        """Take a signed chain; what is wrong with it (A02.FR.06), None if nothing is."""
        try:
            first = read_certificate(chain)
        except ValueError as error:
            return f"it {error}"
        if self._asked is None or first.key != self._asked[1]:
            return "it is not for the key of this charge point"
        if not first.not_before <= self._now() < first.not_after:
            return "it is not valid now"
        self.own = Own(chain, self._asked[0].private_pem)
        return None


def hash_data(pem: str) -> Payload:
    """The CertificateHashData of a root certificate (Whitepaper section 6.1); raises ValueError."""
    hashes = read_certificate(pem).hashes[0]
    return {
        "hashAlgorithm": hashes.hash_algorithm,
        "issuerNameHash": hashes.issuer_name_hash,
        "issuerKeyHash": hashes.issuer_key_hash,
        "serialNumber": hashes.serial_number[:MAX_SERIAL],
    }


def _same(ours: Payload, theirs: Payload) -> bool:
    # Hex digits may be spelled either way.
    return all(str(ours[name]).lower() == str(theirs[name]).lower() for name in ours)
