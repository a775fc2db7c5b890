"""Sockets for all ports."""

from __future__ import annotations

import errno
import os
import resource
import socket
from pathlib import Path

from ocpp_trio.errors import ConfigError

BACKLOG = 4096
"""After a restart all charge points come back at once."""


def bind(host: str, port: int, variable: str) -> list[socket.socket]:
    """Listening sockets, one per address of `host`, all on the same port (0: any free one).

    Raises ConfigError that names `variable` when the port cannot be had.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise ConfigError([f"OCPP_HOST {host!r} is no address of this machine: {error}"]) from None
    sockets: list[socket.socket] = []
    try:
        for family, kind, protocol, _, address in dict.fromkeys(found):
            try:
                sock = socket.socket(family, kind, protocol)
            except OSError:
                # A name may resolve to a family this machine does not have.
                continue
            sockets.append(sock)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            try:
                sock.bind((address[0], port, *address[2:]))
            except OSError as error:
                if error.errno == errno.EADDRNOTAVAIL and len(found) > 1:
                    sockets.remove(sock)
                    sock.close()
                    continue
                raise
            sock.listen(BACKLOG)
            sock.setblocking(False)
            port = sock.getsockname()[1]
    except OSError as error:
        close(sockets)
        if error.errno == errno.EADDRNOTAVAIL:
            variable = "OCPP_HOST"
        raise ConfigError([f"{variable}: cannot listen on {host} port {port}: {error}"]) from None
    if not sockets:
        raise ConfigError([f"OCPP_HOST: no address of {host!r} can be listened on"])
    return sockets


def close(sockets: list[socket.socket]) -> None:
    """Close listening sockets."""
    for sock in sockets:
        sock.close()


def port_of(sockets: list[socket.socket]) -> int:
    """The port that was bound."""
    port: int = sockets[0].getsockname()[1]
    return port


def place(sockets: list[socket.socket]) -> str:
    """Where this process listens, so that whoever listens at the same place later knows that it has
    ended: kernel, network namespace (a container has its own) and addresses. "" where the system
    does not say.
    """
    try:
        kernel = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        namespace = os.stat("/proc/self/ns/net").st_ino
    except OSError:
        return ""
    return " ".join([kernel, str(namespace), *(str(sock.getsockname()) for sock in sockets)])


def raise_file_limit() -> int:
    """Raise the limit of open files as far as allowed: each charge point is one. The new limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def reachable_addresses() -> list[str]:
    """This machine's addresses that a charger on the network could use; [] if none is known."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # Nothing is sent: connecting a datagram socket only asks for the route.
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return []
        address: str = probe.getsockname()[0]
    return [] if address.startswith("127.") else [address]
