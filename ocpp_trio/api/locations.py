"""Addresses that a charge point is told to use: what may be among them."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any
from urllib.parse import urlsplit

from ocpp_trio.api.problems import invalid
from ocpp_trio.domain import jobs

SCHEMES = frozenset({"ftp", "ftps", "sftp", "http", "https"})
MAX_LENGTH = 2048


def check_locations(action: str, payload: dict[str, Any]) -> None:
    """Raise a Problem if the address in a (valid) payload must not be used.

    Private addresses are allowed, for it is the charge point that uses them; link-local ones, where
    clouds keep their secrets, are not.
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
        host = parts.hostname or ""
    except ValueError:
        raise invalid(field, "is not an address") from None
    if parts.scheme not in SCHEMES:
        raise invalid(field, f"must begin with one of {', '.join(sorted(SCHEMES))} and ://")
    if not host or "%" in host:
        raise invalid(field, "must name a host")
    if _is_link_local(host):
        raise invalid(field, "must not be a link-local address")


def _is_link_local(host: str) -> bool:
    host = host.rstrip(".")
    try:
        address: ipaddress.IPv4Address | ipaddress.IPv6Address = ipaddress.ip_address(host)
    except ValueError:
        try:
            # The older spellings: 0xa9fea9fe, 2852039166, 169.254.43518.
            address = ipaddress.IPv4Address(socket.inet_aton(host))
        except OSError:
            return False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return address.is_link_local
