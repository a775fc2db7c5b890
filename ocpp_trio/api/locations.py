"""Addresses that a charge point is told to use: what may be among them."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

from ocpp_trio.api.problems import invalid
from ocpp_trio.domain import jobs

SCHEMES = frozenset({"ftp", "ftps", "sftp", "http", "https"})
MAX_LENGTH = 2048


METADATA_NAMES = frozenset({"metadata", "metadata.google.internal", "instance-data"})
METADATA_ADDRESSES = frozenset({ipaddress.ip_address("fd00:ec2::254")})
"""Where clouds keep secrets, beside link-local addresses."""

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_IPV4_COMPATIBLE = ipaddress.IPv6Network("::/96")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def check_locations(action: str, payload: dict[str, Any], allowed: Sequence[str]) -> None:
    """Raise a Problem if the address in a (valid) payload must not be used.

    Private addresses are allowed, for it is the charge point that uses them; link-local ones, where
    clouds keep their secrets, are not. `allowed` names the only hosts, `*.name` all below one;
    empty: any.
    """
    place = jobs.place(action)
    if place is None:
        return
    value = jobs.address(action, payload)
    field = ".".join(place)
    if len(value) > MAX_LENGTH:
        raise invalid(field, f"must not be longer than {MAX_LENGTH} characters")
    if not all("!" <= char <= "~" for char in value) or "\\" in value:
        raise invalid(field, "must be ASCII without spaces, control characters and backslashes")
    try:
        parts = urlsplit(value)
        host = (parts.hostname or "").rstrip(".")
        # Read, for only then it is checked.
        _ = parts.port
    except ValueError:
        raise invalid(field, "is not an address") from None
    if parts.scheme not in SCHEMES:
        raise invalid(field, f"must begin with one of {', '.join(sorted(SCHEMES))} and ://")
    if not host or "%" in host:
        raise invalid(field, "must name a host")
    if _is_link_local(host):
        raise invalid(field, "must not be a link-local address, or where a cloud keeps its secrets")
    if allowed and not any(_fits(host, each.lower().rstrip(".")) for each in allowed):
        raise invalid(field, f"OCPP_LOCATION_HOSTS does not name the host {host}")


def _fits(host: str, pattern: str) -> bool:
    return host.endswith(pattern[1:]) if pattern.startswith("*.") else host == pattern.strip("[]")


def _is_link_local(host: str) -> bool:
    if host in METADATA_NAMES:
        return True
    address = _address(host)
    if address is None:
        return False
    return address in METADATA_ADDRESSES or any(each.is_link_local for each in _forms(address))


def _address(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        pass
    try:
        # The older spellings: 0xa9fea9fe, 2852039166, 0251.0376.0251.0376, 169.254.43518.
        return ipaddress.IPv4Address(socket.inet_aton(host))
    except OSError:
        return None


def _forms(address: Address) -> Iterator[Address]:
    """An address, and the IPv4 addresses that are reached by it."""
    yield address
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            yield address.ipv4_mapped
        if address.sixtofour is not None:
            yield address.sixtofour
        if address in _NAT64 or address in _IPV4_COMPATIBLE:
            yield ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
