"""Idempotency-Key: a request that is repeated is answered as before, and nothing is done twice.

A key belongs to whoever used it (the API key's name), and to what was asked: path, query (but for
how long to wait) and body. Where the first answer was not kept because the server died, the record
of the command or batch that the request led to takes its place.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any, NamedTuple

import msgspec
import trio
from starlette.responses import Response

from ocpp_trio.api.answers import PROBLEM, answer, answer_text
from ocpp_trio.api.command_batches import answer_batch
from ocpp_trio.api.command_log import answer_record
from ocpp_trio.api.context import Context
from ocpp_trio.api.operation import Call, Handler
from ocpp_trio.api.problems import Problem, from_error, innermost, invalid, unforeseen
from ocpp_trio.errors import StoreUnavailable
from ocpp_trio.store import command_batches, commands, idempotency
from ocpp_trio.store.database import Row

_KEY = re.compile(rb"[!-~]{1,255}")
_HOW_TO_WAIT = ("timeout", "wait")


class Running(NamedTuple):
    """A request that is being worked on."""

    fingerprint: str
    done: trio.Event


class KeptAnswers:
    """The first answers, in the database, and the requests that are being worked on."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._running: dict[tuple[str, str], Running] = {}

    async def answer(self, key: bytes, call: Call[Any, Any], handler: Handler) -> Response:
        """The first answer to this request, or its record; or the handler's, which is kept."""
        if not _KEY.fullmatch(key):
            raise invalid("Idempotency-Key", "must be 1 to 255 visible ASCII characters")
        name = (call.actor, key.decode())
        fingerprint = _fingerprint(call)
        limit = getattr(call.query, "timeout", None) or self._context.settings.command_timeout
        with trio.move_on_after(limit):
            while name in self._running:
                running = self._running[name]
                _check(running.fingerprint, fingerprint)
                await running.done.wait()
        if name in self._running:
            return await self._still_running(name)
        running = self._running[name] = Running(fingerprint, trio.Event())
        try:
            return await self._claimed(name, call, handler, running, limit)
        finally:
            del self._running[name]
            running.done.set()

    async def _still_running(self, name: tuple[str, str]) -> Response:
        row = await self._context.database.read(idempotency.find, *name)
        found = None if row is None else await self._record_of(row)
        if found is None:
            raise Problem("conflict", "the first request under this Idempotency-Key still runs")
        return found

    async def _claimed(
        self,
        name: tuple[str, str],
        call: Call[Any, Any],
        handler: Handler,
        running: Running,
        limit: float,
    ) -> Response:
        row = await self._claim(name, running.fingerprint)
        with trio.move_on_after(limit):
            while row["status"] is None and row["node_id"] != self._context.node.id:
                # Another node works on it.
                await trio.sleep(self._context.settings.poll_interval)
                row = await self._claim(name, running.fingerprint)
        if row["status"] is None and row["node_id"] != self._context.node.id:
            return await self._still_running(name)
        if row["status"] is None or row["status"] == 202:
            found = await self._record_of(row)
            if found is not None:
                return found
        if row["status"] is not None:
            headers = {"Location": row["location"]} if row["location"] else None
            return answer_text(row["body"], row["status"], row["content_type"], headers)
        call = call._replace(idempotency_id=row["id"])
        try:
            response = await handler(call)
        except Exception as error:
            problem = from_error(innermost(error)) or unforeseen()
            body = answer(problem.details(), problem.status, media_type=PROBLEM)
            await self._settle(row["id"], body)
            raise
        await self._settle(row["id"], response)
        return response

    async def _claim(self, name: tuple[str, str], fingerprint: str) -> Row:
        context = self._context
        now = context.now()
        oldest = now - int(context.settings.idempotency_keep * 1000)
        row = await context.database.write(
            idempotency.claim, *name, fingerprint, oldest, now, context.node.id
        )
        _check(row["fingerprint"], fingerprint)
        return row

    async def _settle(self, number: int, response: Response) -> None:
        try:
            await self._context.database.write(
                idempotency.settle,
                number,
                response.status_code,
                response.media_type or "",
                response.headers.get("location"),
                bytes(response.body).decode(),
            )
        except StoreUnavailable:
            # The record of what was done takes the answer's place.
            return

    async def _record_of(self, row: Row) -> Response | None:
        database = self._context.database
        command = await database.read(commands.find_by_key, row["id"])
        if command is not None:
            return answer_record(command)
        batch = await database.read(command_batches.find_by_key, row["id"])
        return None if batch is None else answer_batch(batch)


def _check(before: str, now: str) -> None:
    if before != now:
        raise Problem(
            "idempotency-conflict",
            "this Idempotency-Key was used for another request; take a new one for a new request",
        )


def _fingerprint(call: Call[Any, Any]) -> str:
    query = msgspec.to_builtins(call.query)
    for name in _HOW_TO_WAIT:
        query.pop(name, None)
    asked = msgspec.json.encode([call.path, query, call.body], order="deterministic")
    return hashlib.sha256(asked).hexdigest()
