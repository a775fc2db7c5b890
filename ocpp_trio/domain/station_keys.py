"""Keys of charge points: how they are written, sent and kept.

A key is 16 to 20 bytes (Security Whitepaper, A00.FR.204). Over HTTP Basic it is sent as it is, by
ChangeConfiguration in hexadecimal digits (OCPP-J 1.6 section 6.2.2); stations that mix this up and
send the digits over HTTP are understood as well.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from typing import NamedTuple

MIN_BYTES = 16
MAX_BYTES = 20
LONGEST = 64
"""Bytes of a key that is taken at all: some stations let people type longer ones."""

SHA256 = "sha256"
"""For keys that we make: nobody guesses 160 random bits, however fast the hash."""
SCRYPT = "scrypt"
"""For keys that people choose."""

_SALT_BYTES = 16
# 16 MiB and some 50 ms for each guess (RFC 7914).
_N, _R, _P = 2**14, 8, 1
_DIGITS = re.compile(rb"(?:[0-9A-Fa-f]{2}){%d,%d}" % (MIN_BYTES, MAX_BYTES))


class KeyHash(NamedTuple):
    """What is kept of a key; `salt` and `digest` in hexadecimal digits."""

    scheme: str
    salt: str
    digest: str


def generate() -> bytes:
    """A new random key."""
    return secrets.token_bytes(MAX_BYTES)


def read(text: str) -> bytes:
    """The key that a person wrote: its hexadecimal digits, else the characters themselves."""
    raw = text.encode("utf-8", "surrogatepass")
    return bytes.fromhex(text) if _DIGITS.fullmatch(raw) else raw


def weakness(key: bytes) -> str | None:
    """What is wrong with the length of a key, None if nothing is."""
    if len(key) < MIN_BYTES:
        return f"has {len(key)} bytes: fewer than {MIN_BYTES} can be guessed"
    if len(key) > MAX_BYTES:
        return f"has {len(key)} bytes: OCPP 1.6 knows no key of more than {MAX_BYTES}"
    return None


def unusable(key: bytes, *, strict: bool) -> str | None:
    """Why a key that a person chose cannot be taken, None if it can."""
    if not key:
        return "is empty"
    if len(key) > LONGEST:
        return f"has {len(key)} bytes: at most {LONGEST} are taken"
    problem = weakness(key) if strict else None
    return None if problem is None else f"{problem} (OCPP_STRICT_KEYS)"


def presented(authorization: bytes, charge_point_id: str) -> bytes | None:
    """The key in the value of an Authorization header; None if it is not for this charge point.

    Bytes: a key may hold NUL, a colon, or what is no text at all. The id is the user name.
    """
    scheme, _, credentials = authorization.strip().partition(b" ")
    if scheme.lower() != b"basic":
        return None
    try:
        decoded = base64.b64decode(credentials.strip(), validate=True)
    except binascii.Error:
        return None
    user = charge_point_id.encode() + b":"
    return decoded[len(user) :] if decoded.startswith(user) else None


def readings(sent: bytes) -> tuple[bytes, ...]:
    """The keys that a station may mean by what it sent."""
    if _DIGITS.fullmatch(sent):
        return sent, bytes.fromhex(sent.decode("ascii"))
    return (sent,) if 0 < len(sent) <= LONGEST else ()


def authorization(charge_point_id: str, key: bytes) -> str:
    """The value of the header with which a station presents its key."""
    return "Basic " + base64.b64encode(charge_point_id.encode() + b":" + key).decode("ascii")


def hashed(key: bytes, scheme: str) -> KeyHash:
    """What is to be kept of a key."""
    salt = secrets.token_bytes(_SALT_BYTES)
    return KeyHash(scheme, salt.hex(), _digest(key, scheme, salt).hex())


def fits(key: bytes, kept: KeyHash) -> bool:
    """Whether this is the key."""
    digest = _digest(key, kept.scheme, bytes.fromhex(kept.salt))
    return hmac.compare_digest(digest, bytes.fromhex(kept.digest))


def _digest(key: bytes, scheme: str, salt: bytes) -> bytes:
    if scheme == SCRYPT:
        return hashlib.scrypt(key, salt=salt, n=_N, r=_R, p=_P, dklen=32)
    return hashlib.sha256(salt + key).digest()
