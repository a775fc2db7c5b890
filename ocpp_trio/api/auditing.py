"""Writes the audit trail, around every operation that changes or commands.

In the one place that all of them pass: ocpp_trio.api.operation.Endpoint.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import msgspec
import trio
from starlette.responses import Response

from ocpp_trio.api.answers import encode
from ocpp_trio.api.context import Context
from ocpp_trio.api.operation import Asked, Call
from ocpp_trio.api.problems import Problem, from_error, innermost, unforeseen
from ocpp_trio.domain.redaction import redact
from ocpp_trio.domain.token_buckets import TokenBuckets
from ocpp_trio.errors import StoreUnavailable
from ocpp_trio.store import audit

MAX_REQUEST = 4000
"""Characters of a request that are kept."""

OBJECTS = ("charge_point_id", "id_tag", "transaction_id", "id", "name")
"""Where a request without an id in its path says what it is about; the first counts."""


class AuditTrail:
    """The entries of one server."""

    def __init__(self, context: Context) -> None:
        self._context = context
        # Who may not is written down as well, but must not fill the disk with it.
        self._refusals = TokenBuckets(context.settings.audit_refusals, 60)

    async def around(
        self, asked: Asked, call: Call[Any, Any], work: Callable[[], Awaitable[Response]]
    ) -> Response:
        """Write down what is asked, do it, and write down what became of it."""
        database = self._context.database
        entry = _entry(asked, call.actor, _object(call), _request(call))
        number = await database.write(audit.begin, entry, self._context.now())
        try:
            response = await work()
        except Exception as error:
            problem = from_error(innermost(error)) or unforeseen()
            await self._settle(number, problem.status)
            raise
        await self._settle(number, response.status_code)
        return response

    async def refused(self, asked: Asked, problem: Problem) -> None:
        """Write down who asked for what they may not; only so often a minute for each caller."""
        caller = asked.scope["caller"]
        if caller is None or not self._refusals.take(caller.name, trio.current_time()):
            return
        object_id = asked.scope.get("path_params", {}).get("id")
        entry = _entry(asked, caller.name, object_id, None)
        with suppress(StoreUnavailable):
            now = self._context.now()
            await self._context.database.write(audit.refuse, entry, problem.status, now)

    async def _settle(self, number: int, status: int) -> None:
        # Without it the entry says that the outcome is unknown, which is for the database to mend.
        with suppress(StoreUnavailable):
            await self._context.database.write(audit.settle, number, status, self._context.now())


def _entry(asked: Asked, actor: str, object_id: str | None, request: str | None) -> audit.Entry:
    scope = asked.scope
    caller = scope["caller"]
    return audit.Entry(
        actor,
        audit.API,
        asked.operation.operation_id,
        object_id,
        request,
        None if caller is None else caller.role,
        scope["request_id"],
        scope["address"] or None,
        scope["method"],
        asked.route,
    )


def _object(call: Call[Any, Any]) -> str | None:
    if call.id:
        return call.id
    for part in (call.body, call.query):
        for name in OBJECTS:
            found = getattr(part, name, None)
            if isinstance(found, str | int):
                return str(found)
    return None


def _request(call: Call[Any, Any]) -> str | None:
    query = {name: each for name, each in msgspec.to_builtins(call.query).items() if each}
    asked: dict[str, Any] = {"query": query} if query else {}
    if isinstance(call.body, bytes):
        asked["bytes"] = len(call.body)
    elif call.body is not None:
        asked["body"] = msgspec.to_builtins(call.body)
    if not asked:
        return None
    text = encode(redact(asked)).decode()
    return text if len(text) <= MAX_REQUEST else f"{text[:MAX_REQUEST]}..."
