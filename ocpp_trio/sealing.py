"""Secrets for one other process: encrypted with its public key, readable by it alone.

Each time a new key pair and the reader's agree on a key (X25519, HKDF-SHA256), which encrypts once
(ChaCha20-Poly1305).
"""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES = 32
# A key is used for one text.
_NONCE = bytes(12)


def seal(public_key: str, secret: bytes) -> str:
    """Encrypt for the Seal whose `public_key` this is; hexadecimal digits."""
    own = X25519PrivateKey.generate()
    sender = own.public_key().public_bytes_raw()
    reader = bytes.fromhex(public_key)
    key = _derive(own, reader, sender, reader)
    return (sender + ChaCha20Poly1305(key).encrypt(_NONCE, secret, None)).hex()


class Seal:
    """A key pair that lives as long as this process, and is written nowhere."""

    def __init__(self) -> None:
        self._private = X25519PrivateKey.generate()
        self.public_key = self._private.public_key().public_bytes_raw().hex()

    def open(self, sealed: str) -> bytes:
        """What was sealed for this process. Raises cryptography's InvalidTag if it was not."""
        data = bytes.fromhex(sealed)
        sender, text = data[:KEY_BYTES], data[KEY_BYTES:]
        key = _derive(self._private, sender, sender, bytes.fromhex(self.public_key))
        return ChaCha20Poly1305(key).decrypt(_NONCE, text, None)


def _derive(own: X25519PrivateKey, other: bytes, sender: bytes, reader: bytes) -> bytes:
    shared = own.exchange(X25519PublicKey.from_public_bytes(other))
    return HKDF(SHA256(), KEY_BYTES, None, sender + reader).derive(shared)
