"""One HTTP operation: its handler, and its declarations, which check requests and make the docs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import msgspec
from msgspec import Struct
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ocpp_trio.api.auth import OPERATE, READ, Caller, require
from ocpp_trio.api.context import Context
from ocpp_trio.api.params import (
    NoQuery,
    decode_json,
    header,
    read_body,
    read_query,
    require_json,
    require_type,
)
from ocpp_trio.api.problems import Problem

Q = TypeVar("Q")
B = TypeVar("B")


class Call(NamedTuple, Generic[Q, B]):
    """One request, checked. `id` is the path's parameter or "", `path` the path as it was sent.

    `idempotency_id` is the number of the Idempotency-Key it came with, None without one: what is
    made for it is marked with it.
    """

    context: Context
    query: Q
    body: B
    id: str
    path: str
    caller: Caller | None
    idempotency_id: int | None = None

    @property
    def actor(self) -> str:
        """Who asked for it, as a word for logs and records."""
        return self.caller.name if self.caller else "anybody"


Handler = Callable[[Call[Any, Any]], Awaitable[Response]]


class Repeats(Protocol):
    """Answers a request under an Idempotency-Key; see ocpp_trio.api.idempotency."""

    async def answer(self, key: bytes, call: Call[Any, Any], handler: Handler) -> Response:
        """The first answer, whether it was given before or is made now."""


class Records(Protocol):
    """Writes down who asked for what; see ocpp_trio.api.auditing."""

    async def around(
        self, asked: Asked, call: Call[Any, Any], work: Callable[[], Awaitable[Response]]
    ) -> Response:
        """Do it, and write down that it was asked for, and what became of it."""

    async def refused(self, asked: Asked, problem: Problem) -> None:
        """Write down that somebody asked for what they may not."""


class Other(NamedTuple):
    """Another success: its status, the type of its JSON, and when it is given."""

    status: int
    answer: Any
    about: str


@dataclass(frozen=True, slots=True)
class Operation:
    """A handler with its declarations; `answer` is the type of its JSON, None for an empty 204.

    `also` is another status with the same JSON, and its description; `other` one with another;
    `problems` are kinds of ocpp_trio.api.problems beyond those that every operation has. An
    `idempotent` one understands Idempotency-Key.
    """

    handler: Handler
    name: str
    summary: str
    description: str
    tag: str
    answer: Any
    status: int
    also: tuple[int, str] | None
    media_type: str
    role: str
    query: type[Struct]
    body: type[Struct] | None
    upload: str | None
    example: Mapping[str, Any]
    problems: tuple[str, ...]
    other: Other | None = None
    idempotent: bool = False

    @property
    def operation_id(self) -> str:
        """Its name in the OpenAPI document and in the audit trail."""
        first, *rest = self.name.split("_")
        return first + "".join(word.title() for word in rest)


class Asked(NamedTuple):
    """An operation that somebody asks for, and the path it stands under in the URL map."""

    operation: Operation
    route: str
    scope: Scope

    @property
    def is_audited(self) -> bool:
        """Whether it changes or commands something. The command by GET (get-configuration) is told
        by its role.
        """
        return self.scope["method"] not in {"GET", "HEAD"} or self.operation.role == OPERATE


def operation(
    *,
    tag: str,
    answer: Any,
    status: int = 200,
    also: tuple[int, str] | None = None,
    media_type: str = "application/json",
    role: str = READ,
    query: type[Struct] = NoQuery,
    body: type[Struct] | None = None,
    upload: str | None = None,
    example: Mapping[str, Any] | None = None,
    problems: tuple[str, ...] = (),
    other: Other | None = None,
    idempotent: bool = False,
) -> Callable[[Handler], Operation]:
    """Declare a handler. Its docstring is the summary and, after a blank line, the description.

    `example` shows the body, or the query where there is none. `upload` is the media type of a file
    that is the body, and is handed over as bytes.
    """

    def declare(handler: Handler) -> Operation:
        summary, _, description = (handler.__doc__ or "").partition("\n\n")
        return Operation(
            handler=handler,
            name=handler.__name__,
            summary=" ".join(summary.split()),
            description=" ".join(description.split()),
            tag=tag,
            answer=answer,
            status=status,
            also=also,
            media_type=media_type,
            role=role,
            query=query,
            body=body,
            upload=upload,
            example=example or {},
            problems=problems,
            other=other,
            idempotent=idempotent,
        )

    return declare


class Endpoint:
    """The operations of one path, by method: an ASGI application."""

    def __init__(
        self,
        context: Context,
        route: str,
        operations: Mapping[str, Operation],
        repeats: Repeats,
        records: Records,
    ) -> None:
        self._context = context
        self._route = route
        self._repeats = repeats
        self._records = records
        self._operations = {
            method: (each, msgspec.json.Decoder(each.body) if each.body else None)
            for method, each in operations.items()
        }
        if "GET" in operations:
            self._operations["HEAD"] = self._operations["GET"]
        self._allow = ", ".join(sorted(self._operations))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check the request, run its handler, send the answer; raises what the barrier writes."""
        found = self._operations.get(scope["method"])
        if found is None:
            raise Problem(
                "method-not-allowed", f"allowed: {self._allow}", headers={"Allow": self._allow}
            )
        each, decoder = found
        asked = Asked(each, self._route, scope)
        try:
            caller = require(each.role, scope)
        except Problem as problem:
            await self._records.refused(asked, problem)
            raise
        body: Any = None
        settings, counts = self._context.settings, self._context.counts
        if decoder is not None:
            require_json(scope)
            raw = await read_body(receive, settings.body_timeout, counts)
            body = decode_json(decoder, raw)
        elif each.upload is not None:
            require_type(scope, each.upload)
            body = await read_body(receive, settings.upload_timeout, counts)
        call = Call(
            self._context,
            read_query(each.query, scope["query_string"]),
            body,
            scope.get("path_params", {}).get("id", ""),
            scope.get("raw_path", b"").decode("ascii", "replace"),
            caller,
        )
        work = partial(self._work, each, call, scope)
        if asked.is_audited:
            response = await self._records.around(asked, call, work)
        else:
            response = await work()
        await response(scope, receive, send)

    async def _work(self, each: Operation, call: Call[Any, Any], scope: Scope) -> Response:
        key = header(scope, b"idempotency-key") if each.idempotent else None
        if key is None:
            return await each.handler(call)
        return await self._repeats.answer(key, call, each.handler)
