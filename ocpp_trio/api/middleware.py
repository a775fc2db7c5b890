"""Around every request: the total error barrier, and the limits on its body."""

from __future__ import annotations

import re
import secrets
from typing import NamedTuple

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ocpp_trio.api.answers import PROBLEM, answer
from ocpp_trio.api.params import header
from ocpp_trio.api.problems import RETRY_AFTER, Problem, from_error, innermost, unforeseen
from ocpp_trio.config import Settings
from ocpp_trio.limits import Counts

log = structlog.get_logger()

MAX_DIGITS = 20
"""Of a Content-Length: int() refuses thousands of them."""


HEADERS = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
)
"""On every answer that does not say otherwise: nothing of this API is for a cache, a frame or a
script, and nothing is what it does not say it is.
"""

REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")


class ErrorBarrier:
    """Writes every error as a problem; what nobody foresaw is logged, and told without detail.

    Also agrees to lifespan, which is not for the rest. Each request gets an id, its own
    X-Request-Id if it has a plain one; the answer carries it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Never raises an Exception."""
        if scope["type"] == "lifespan":
            await _agree(receive, send)
            return
        started = False
        request_id = scope["request_id"] = _request_id(scope)
        headers = (*HEADERS, (b"x-request-id", request_id.encode()))

        async def sending(message: Message) -> None:
            nonlocal started
            started = True
            if message["type"] == "http.response.start":
                given = message["headers"]
                named = {name for name, _ in given}
                more = [header for header in headers if header[0] not in named]
                message = {**message, "headers": [*given, *more]}
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except Exception as error:
            problem = from_error(innermost(error))
            if problem is None:
                log.exception(
                    "request failed",
                    source="api",
                    method=scope["method"],
                    path=scope["path"],
                    request_id=request_id,
                )
                problem = unforeseen()
            if started:
                # Too late to say so: without its end, the client sees that the answer is not whole.
                log.error("answer broken off", source="api", path=scope["path"], why=str(error))
                return
            response = answer(problem.details(), problem.status, problem.headers, PROBLEM)
            await response(scope, receive, sending)


def _request_id(scope: Scope) -> str:
    given = header(scope, b"x-request-id")
    if given is not None and REQUEST_ID.fullmatch(given):
        return given.decode()
    return secrets.token_hex(8)


async def _agree(receive: Receive, send: Send) -> None:
    for step in ("startup", "shutdown"):
        await receive()
        await send({"type": f"lifespan.{step}.complete"})


class BodyLimit:
    """Refuses bodies that are too large: by what they announce, and by counting what comes.

    Files may be uploaded to `uploads`, a set of paths, up to a limit of their own, and not too many
    at once: each is in memory.
    """

    def __init__(
        self, app: ASGIApp, settings: Settings, counts: Counts, uploads: frozenset[str]
    ) -> None:
        self._app = app
        self._counts = counts
        self._limit = Limit(settings.max_body_size, "OCPP_MAX_BODY_SIZE")
        self._uploads = dict.fromkeys(uploads, Limit(settings.max_upload, "OCPP_MAX_UPLOAD"))
        self._most_uploads = settings.max_uploads
        self._uploading = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; a Problem is raised here or where the body is read."""
        limit = self._uploads.get(scope["path"].rstrip("/"))
        if limit is None or scope["method"] != "POST":
            await self._limited(self._limit, scope, receive, send)
            return
        if self._uploading >= self._most_uploads:
            self._counts.uploads_refused += 1
            raise Problem(
                "too-many-uploads",
                f"{self._uploading} at once are as many as may be (OCPP_MAX_UPLOADS)",
                headers={"Connection": "close", "Retry-After": RETRY_AFTER},
            )
        self._uploading += 1
        try:
            await self._limited(limit, scope, receive, send)
        finally:
            self._uploading -= 1

    async def _limited(self, limit: Limit, scope: Scope, receive: Receive, send: Send) -> None:
        announced = header(scope, b"content-length")
        if announced is not None and not _fits(announced, limit):
            raise self._too_large(limit)
        size = 0

        async def counted() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > limit.size:
                raise self._too_large(limit)
            return message

        await self._app(scope, counted, send)

    def _too_large(self, limit: Limit) -> Problem:
        self._counts.bodies_too_large += 1
        return Problem(
            "body-too-large",
            f"at most {limit.size} bytes ({limit.variable})",
            headers={"Connection": "close"},
        )


class Limit(NamedTuple):
    """Bytes of a body, and the variable that says so."""

    size: int
    variable: str


def _fits(announced: bytes, limit: Limit) -> bool:
    return announced.isdigit() and len(announced) < MAX_DIGITS and int(announced) <= limit.size
