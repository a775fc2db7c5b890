"""The key pair of a charge point, and its certificate signing request."""

from __future__ import annotations

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID


class KeyPair:
    """A new key pair of the charge point `charge_point_id`, on P-256."""

    def __init__(self, charge_point_id: str) -> None:
        self._id = charge_point_id
        self._key = ec.generate_private_key(ec.SECP256R1())

    def signing_request(self, organization: str) -> str:
        """A PKCS #10 request in PEM (RFC 2986); its common name is the charge point's id."""
        name = x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization),
                x509.NameAttribute(NameOID.COMMON_NAME, self._id),
            ]
        )
        made = (
            x509.CertificateSigningRequestBuilder()
            .subject_name(name)
            .sign(self._key, hashes.SHA256())
        )
        return made.public_bytes(Encoding.PEM).decode()

    @property
    def private_pem(self) -> str:
        """The private key as PEM, without a password."""
        return self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
