"""Sockets for all ports."""

from __future__ import annotations

import errno
import logging
import os
import resource
import socket
import sys
from contextlib import suppress
from pathlib import Path

import structlog

from ocpp_trio.errors import ConfigError
from ocpp_trio.limits import Counts

log = structlog.get_logger(source="network")

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
    """Raise the limit of open files as far as allowed: each connection is one. The limit in force.

    Some systems call it unlimited, and yet allow only so many.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for wanted in (hard, 1_048_576, 65_536, 10_240):
        if soft == resource.RLIM_INFINITY or soft >= wanted > 0:
            break
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            break
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return sys.maxsize if soft == resource.RLIM_INFINITY else soft


class _FailedAccepts(logging.Filter):
    """What Trio logs, ten times a second, while no connection can be accepted."""

    def __init__(self, counts: Counts) -> None:
        super().__init__()
        self._counts = counts

    def filter(self, record: logging.LogRecord) -> bool:
        """Count it, and tell it once a minute."""
        self._counts.accepts_failed += 1
        log.warning(
            "no connection can be accepted at the moment", why=record.getMessage(), at_most=1
        )
        return False


def count_failed_accepts(counts: Counts) -> None:
    """Count what Trio only logs: that a connection could not be accepted, for want of a file."""
    logging.getLogger("trio.serve_listeners").addFilter(_FailedAccepts(counts))


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
