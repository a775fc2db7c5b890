"""Who is behind a reverse proxy. Only what proxies named in OCPP_TRUSTED_PROXIES say is believed.

Of the headers that proxies set only X-Forwarded-For and X-Forwarded-Proto count: a proxy that sets
those passes on whatever Forwarded (RFC 7239) its client made up.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from typing import NamedTuple

FORWARDING_HEADERS = frozenset(
    {b"forwarded", b"via", b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto"}
)
"""Headers that show that a request came through a proxy, whoever that is."""

MAX_HOPS = 20
"""Proxies between a client and us whose addresses are looked at."""

_SECURE = frozenset({b"https", b"wss"})

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Headers = Sequence[tuple[bytes, bytes]]


class Origin(NamedTuple):
    """Where a request came from: the client's address ("" if there is none) and whether its way was
    encrypted as far as a trusted proxy tells.
    """

    address: str
    is_secure: bool


class TrustedProxies:
    """The proxies that are believed, by address or network."""

    def __init__(self, networks: Iterable[str]) -> None:
        self._networks = tuple(ipaddress.ip_network(text, strict=False) for text in networks)

    def __bool__(self) -> bool:
        return bool(self._networks)

    def origin(self, peer: str, headers: Headers, *, is_secure: bool = False) -> Origin:
        """Where a request came from, that `peer` (an address without port) sent.

        `is_secure`: the connection with the peer itself is encrypted. From the nearest hop on, the
        first address that is no trusted proxy is the client; whatever stands before it may be made
        up. A forwarded request came encrypted only if each X-Forwarded-Proto says so.
        """
        address = _address(peer)
        if not self._networks or address is None or not self._trusts(address):
            return Origin(peer, is_secure)
        hops = _values(headers, b"x-forwarded-for")
        for text in reversed(hops[-MAX_HOPS:]):
            hop = _address(text.decode("latin-1"))
            if hop is None:
                break
            address = hop
            if not self._trusts(hop):
                break
        told = _values(headers, b"x-forwarded-proto")
        if told or hops:
            is_secure = bool(told) and all(word.lower() in _SECURE for word in told)
        return Origin(str(address), is_secure)

    def trusts(self, peer: str) -> bool:
        """Whether that peer (an address without port) is one of the proxies."""
        address = _address(peer) if self._networks else None
        return address is not None and self._trusts(address)

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self._networks)


def came_by_proxy(headers: Headers) -> bool:
    """Whether a request came through a proxy."""
    return any(name.lower() in FORWARDING_HEADERS for name, _ in headers)


def _values(headers: Headers, name: bytes) -> list[bytes]:
    """All words of a list header (RFC 9110 section 5.3), in order."""
    return [
        word.strip()
        for key, value in headers
        if key.lower() == name
        for word in value.split(b",")
        if word.strip()
    ]


def _address(text: str) -> Address | None:
    """An address, with a port or without; an IPv4 address in IPv6 clothes is one of IPv4."""
    host = text.strip().strip('"')
    if host.startswith("["):
        host = host[1:].partition("]")[0]
    elif host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
