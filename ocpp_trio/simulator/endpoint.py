"""Where a central system is, and how a stream to it is opened: TCP, TLS, or a test's memory."""

from __future__ import annotations

import os
import ssl
from collections.abc import Awaitable, Callable
from typing import NamedTuple
from urllib.parse import quote, urlsplit

import trio

from ocpp_trio.errors import OcppTrioError


class CannotConnect(OcppTrioError):
    """There is no connection; the text says why. `status` is the HTTP status of a refusal."""

    def __init__(self, reason: str, status: int | None = None) -> None:
        super().__init__(reason)
        self.status = status


class Endpoint(NamedTuple):
    """Where a central system is: how to open a stream to it, its Host header, its base path, and
    whether the way is encrypted. `open_stream` takes the TLS to use there, None for the system's.
    """

    open_stream: Callable[[ssl.SSLContext | None], Awaitable[trio.abc.Stream]]
    host: str
    path: str = ""
    is_secure: bool = False

    def resource(self, charge_point_id: str) -> str:
        """The path of a charge point, its id percent-encoded (OCPP-J 3.1.1)."""
        return f"{self.path}/{quote(charge_point_id, safe='')}"


def endpoint_of(url: str) -> Endpoint:
    """The endpoint of a ws:// or wss:// URL; ValueError says what is wrong with any other."""
    parts = urlsplit(url)
    if parts.scheme not in {"ws", "wss"}:
        raise ValueError("must begin with ws:// or wss://")
    host = parts.hostname
    if not host:
        raise ValueError("names no host")
    if parts.query or parts.fragment:
        raise ValueError("must end with the path: the charge point's id is put behind it")
    port = parts.port or (443 if parts.scheme == "wss" else 80)
    is_secure = parts.scheme == "wss"

    async def open_stream(tls: ssl.SSLContext | None) -> trio.abc.Stream:
        try:
            stream = await trio.open_tcp_stream(host, port)
        except OSError as error:
            raise CannotConnect(_reason(error)) from None
        if not is_secure:
            return stream
        context = tls or ssl.create_default_context()
        secure = trio.SSLStream(stream, context, server_hostname=host, https_compatible=True)
        try:
            await secure.do_handshake()
        except trio.BrokenResourceError as error:
            await trio.aclose_forcefully(stream)
            raise CannotConnect(f"TLS: {error.__cause__ or error}") from None
        return secure

    place = parts.netloc.rpartition("@")[2]
    return Endpoint(open_stream, place, parts.path.rstrip("/"), is_secure)


def _reason(error: OSError) -> str:
    """The first errno in words: Trio reports one error for all addresses of a host."""
    cause: BaseException | None = error.__cause__
    while isinstance(cause, BaseExceptionGroup):
        cause = cause.exceptions[0]
    if not isinstance(cause, OSError):
        cause = error
    # Trio's own text repeats the address; a resolver's errno is negative and has words of its own.
    words = os.strerror(cause.errno) if cause.errno and cause.errno > 0 else cause.strerror
    return (words or str(cause)).lower()


class Opening(trio.abc.Stream):
    """A stream whose end during the handshake is an error.

    trio-websocket would wait for the rest of the handshake until its time limit.
    """

    def __init__(self, inner: trio.abc.Stream) -> None:
        self._inner = inner
        self.opened = False

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        try:
            await self._inner.send_all(data)
        except trio.BrokenResourceError:
            self._fail_while_opening()
            raise

    async def wait_send_all_might_not_block(self) -> None:
        await self._inner.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        try:
            data = await self._inner.receive_some(max_bytes)
        except trio.BrokenResourceError:
            self._fail_while_opening()
            raise
        if not data:
            self._fail_while_opening()
        return data

    async def aclose(self) -> None:
        await self._inner.aclose()

    def _fail_while_opening(self) -> None:
        if not self.opened:
            raise CannotConnect("the connection was closed during the handshake") from None
