"""The key pair of a simulated charge point, and its certificate signing request. Pure.

ECDSA on P-256 in plain Python (FIPS 186-5, SEC 1, RFC 2986): a real request that a certificate
authority signs. The key follows from the charge point's id, so it protects nothing.
"""

from __future__ import annotations

import hashlib

from ocpp_trio.simulator.der import (
    BITS,
    OID,
    SEQUENCE,
    SET,
    UTF8,
    VERSION,
    encode,
    encode_integer,
    write_pem,
)

Point = tuple[int, int] | None

_PRIME = 2**256 - 2**224 + 2**192 + 2**96 - 1
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_BASE: Point = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)

_EC_PUBLIC_KEY = encode(OID, bytes.fromhex("2a8648ce3d0201"))
_P256 = encode(OID, bytes.fromhex("2a8648ce3d030107"))
_ECDSA_WITH_SHA256 = encode(OID, bytes.fromhex("2a8648ce3d040302"))
_COMMON_NAME = encode(OID, bytes.fromhex("550403"))
_ORGANIZATION = encode(OID, bytes.fromhex("55040a"))


class KeyPair:
    """The key pair of the charge point `charge_point_id`; the same id gives the same pair."""

    def __init__(self, charge_point_id: str) -> None:
        self._id = charge_point_id
        self._secret = _number(b"ocpp-trio simulator", charge_point_id.encode()) % _ORDER
        self.public = _encoded(_times(self._secret, _BASE))
        """As it stands in the bit string of a certificate: an uncompressed point."""

    def signing_request(self, organization: str) -> str:
        """A PKCS #10 request in PEM; its common name is the charge point's id."""
        name = encode(
            SEQUENCE, _attribute(_ORGANIZATION, organization), _attribute(_COMMON_NAME, self._id)
        )
        key = encode(
            SEQUENCE, encode(SEQUENCE, _EC_PUBLIC_KEY, _P256), encode(BITS, b"\0", self.public)
        )
        body = encode(SEQUENCE, encode_integer(0), name, key, encode(VERSION))
        signature = encode(BITS, b"\0", self._sign(body))
        return write_pem(
            "CERTIFICATE REQUEST",
            encode(SEQUENCE, body, encode(SEQUENCE, _ECDSA_WITH_SHA256), signature),
        )

    def _sign(self, data: bytes) -> bytes:
        digest = _number(data)
        # From the secret and the data, so that no two messages ever share it.
        nonce = _number(self._secret.to_bytes(32, "big"), data) % _ORDER
        point = _times(nonce, _BASE)
        assert point is not None
        r = point[0] % _ORDER
        s = pow(nonce, -1, _ORDER) * (digest + r * self._secret) % _ORDER
        return encode(SEQUENCE, encode_integer(r), encode_integer(s))


def _number(*parts: bytes) -> int:
    return int.from_bytes(hashlib.sha256(b"".join(parts)).digest(), "big")


def _attribute(kind: bytes, text: str) -> bytes:
    return encode(SET, encode(SEQUENCE, kind, encode(UTF8, text.encode())))


def _encoded(point: Point) -> bytes:
    assert point is not None
    return b"\x04" + point[0].to_bytes(32, "big") + point[1].to_bytes(32, "big")


def _times(factor: int, point: Point) -> Point:
    total: Point = None
    while factor:
        if factor & 1:
            total = _plus(total, point)
        point = _plus(point, point)
        factor >>= 1
    return total


def _plus(a: Point, b: Point) -> Point:
    """The sum of two points of the curve; None is the point at infinity."""
    if a is None or b is None:
        return b if a is None else a
    (x1, y1), (x2, y2) = a, b
    if x1 == x2:
        if (y1 + y2) % _PRIME == 0:
            return None
        slope = 3 * (x1 * x1 - 1) * pow(2 * y1, -1, _PRIME)
    else:
        slope = (y2 - y1) * pow(x2 - x1, -1, _PRIME)
    x = (slope * slope - x1 - x2) % _PRIME
    return x, (slope * (x1 - x) - y1) % _PRIME
