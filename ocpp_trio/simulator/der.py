"""As much of ASN.1 DER and PEM as a charge point needs of certificates. Pure.

No signature of anyone else is verified here: the simulator has no cryptography of that kind.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import NamedTuple

SEQUENCE, SET, INTEGER, BITS, OID, UTF8, VERSION = 0x30, 0x31, 0x02, 0x03, 0x06, 0x0C, 0xA0

_BLOCK = re.compile(
    r"-----BEGIN CERTIFICATE-----\s+([A-Za-z0-9+/=\s]+?)-----END CERTIFICATE-----", re.ASCII
)


class Element(NamedTuple):
    """One element: its tag, its content, and the whole of it."""

    tag: int
    content: bytes
    encoded: bytes


class Certificate(NamedTuple):
    """An X.509 certificate. Names and keys in DER; `key` is the content of the key's bit string."""

    serial: int
    issuer: bytes
    subject: bytes
    key: bytes


def encode(tag: int, *parts: bytes) -> bytes:
    """An element made of these parts."""
    content = b"".join(parts)
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + content


def encode_integer(number: int) -> bytes:
    """A positive INTEGER."""
    return encode(INTEGER, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def elements(data: bytes) -> list[Element]:
    """The elements that follow each other in `data`; raises ValueError."""
    found = []
    while data:
        if len(data) < 2:
            raise ValueError("an element ends too early")
        start, size = 2, data[1]
        if size >= 0x80:
            start, size = 2 + (size & 0x7F), int.from_bytes(data[2 : 2 + (size & 0x7F)], "big")
        end = start + size
        if not start < len(data) + 1 or end > len(data):
            raise ValueError("an element ends too early")
        found.append(Element(data[0], data[start:end], data[:end]))
        data = data[end:]
    return found


def read_certificate(data: bytes) -> Certificate:
    """The certificate that `data` holds in DER; raises ValueError."""
    whole = _of(elements(data), 1)[0]
    body = _of(elements(whole.content), 3)[0]
    fields = _of(elements(body.content), 6)
    if fields[0].tag == VERSION:
        fields = _of(fields[1:], 6)
    serial, _, issuer, _, subject, key_info = fields[:6]
    key = _of(elements(key_info.content), 2)[1]
    if serial.tag != INTEGER or key.tag != BITS or issuer.tag != SEQUENCE:
        raise ValueError("it has not the fields of a certificate")
    number = int.from_bytes(serial.content, "big", signed=True)
    return Certificate(number, issuer.encoded, subject.encoded, key.content[1:])


def read_chain(pem: str) -> list[Certificate]:
    """The certificates in a PEM text, at least one; raises ValueError."""
    blocks = _BLOCK.findall(pem)
    if not blocks:
        raise ValueError("there is no PEM certificate")
    try:
        return [read_certificate(base64.b64decode(block)) for block in blocks]
    except binascii.Error as error:
        raise ValueError(str(error)) from None


def write_pem(label: str, data: bytes) -> str:
    """The PEM text of some DER."""
    text = base64.encodebytes(data).decode().replace("\n", "")
    lines = [text[start : start + 64] for start in range(0, len(text), 64)]
    return "\n".join((f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""))


def _of(found: list[Element], at_least: int) -> list[Element]:
    if len(found) < at_least:
        raise ValueError("it is no certificate: parts of it are missing")
    return found
