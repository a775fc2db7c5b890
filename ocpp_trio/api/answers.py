"""What endpoints answer with: JSON that is always valid, whole or as a stream."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Annotated, Any

import msgspec
import trio
from msgspec import Meta, Struct
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

JSON = "application/json"
PROBLEM = "application/problem+json"

Timestamp = Annotated[
    str, Meta(description="UTC, RFC 3339", extra_json_schema={"format": "date-time"})
]
Energy = Annotated[float, Meta(description="kWh")]


class Resource(Struct, rename="camel", kw_only=True):
    """Base of what answers are made of: snake_case here, camelCase in JSON. Absent is null."""


_encoder = msgspec.json.Encoder()


def encode(value: Any) -> bytes:
    """JSON, whatever is in `value`: a number that JSON lacks is null, half a character U+FFFD."""
    try:
        return _encoder.encode(value)
    except UnicodeEncodeError:
        return _encoder.encode(_scrub(msgspec.to_builtins(value)))


def _scrub(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {_scrub(key): _scrub(child) for key, child in value.items()}
    if isinstance(value, list):
        return [_scrub(child) for child in value]
    return value


def parsed(text: str | None) -> Any:
    """Stored JSON as what it means; a text that is none, or that could not be written again, as it
    is.
    """
    if text is None:
        return None
    try:
        value = msgspec.json.decode(text)
        # A number beyond 64 bits can be read, but not written.
        _encoder.encode(value)
    except (msgspec.DecodeError, UnicodeError, RecursionError, OverflowError):
        return text
    return value


def answer(
    value: Any,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    media_type: str = JSON,
) -> Response:
    """`value` as JSON."""
    return Response(encode(value), status, headers, media_type)


def answer_text(
    text: str, status: int, media_type: str, headers: Mapping[str, str] | None = None
) -> Response:
    """JSON that was encoded before."""
    return Response(text, status, headers, media_type)


def no_content() -> Response:
    """204: done, nothing to say."""
    return Response(None, 204)


def page(html: str) -> Response:
    """An HTML page that may load nothing and run nothing."""
    policy = (
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none';"
        " frame-ancestors 'none'"
    )
    return Response(html, 200, {"content-security-policy": policy}, "text/html")


class Stream(Response):
    """JSON, or text of another type, in pieces. `chunks` is closed when the client goes away or the
    last piece is sent.
    """

    def __init__(
        self,
        chunks: AsyncGenerator[bytes, None],
        headers: Mapping[str, str] | None = None,
        media_type: str = JSON,
    ) -> None:
        self.status_code = 200
        self.media_type = media_type
        self.background = None
        self._chunks = chunks
        self.init_headers(headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it all; an error on the way leaves the answer without its end."""
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        end = {"type": "http.response.body", "body": b"", "more_body": False}
        if scope["method"] == "HEAD":
            await send(start)
            await send(end)
            return
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_until_gone, receive, nursery.cancel_scope)
            async with aclosing(self._chunks) as chunks:
                await send(start)
                async for chunk in chunks:
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send(end)
            nursery.cancel_scope.cancel()


async def _until_gone(receive: Receive, scope: trio.CancelScope) -> None:
    """Nothing else tells that the client is gone: sending to it goes on without an error."""
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()
