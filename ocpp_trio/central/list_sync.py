"""Bringing a station's local authorization list up to date (OCPP 1.6 sections 5.10 and 5.15): as
many CALLs as it takes, each version higher than all before.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from ocpp_trio.central.commands import Outcome
from ocpp_trio.domain.times import Now
from ocpp_trio.ocppj.frames import Payload
from ocpp_trio.store import local_lists
from ocpp_trio.store.database import Database
from ocpp_trio.store.local_lists import Entry

Send = Callable[[str, Payload], Awaitable[Outcome]]
"""`await send(action, payload)` to one station; raises a CommandFailed."""

FULL = "Full"
DIFFERENTIAL = "Differential"
AUTO = "auto"


class Synchronised(NamedTuple):
    """The last answer, and what was sent until then. `update_type` None: nothing was to send."""

    outcome: Outcome
    update_type: str | None
    list_version: int | None
    entries: int
    command_ids: tuple[int, ...]


class ListSync:
    """Updates the list of one station. `batch` entries go in one CALL unless the station said how
    many it takes.
    """

    def __init__(
        self, database: Database, now: Now, charge_point_id: str, send: Send, batch: int
    ) -> None:
        self._database = database
        self._now = now
        self._point = charge_point_id
        self._send = send
        self._batch = batch
        self._ids: tuple[int, ...] = ()

    async def update(self, update_type: str, id_tags: Sequence[str] | None) -> Synchronised:
        """Send a Full or a Differential update, or (auto) ask for the version and send what is
        missing. `id_tags`: only these.
        """
        if update_type == AUTO:
            outcome = await self._call("GetLocalListVersion", {})
            version = outcome.response["listVersion"]
            if version == local_lists.NO_LIST:
                return Synchronised(outcome, None, version, 0, self._ids)
            plan = await self._database.read(local_lists.plan, self._point)
            update_type = DIFFERENTIAL if plan.version else FULL
            if update_type == DIFFERENTIAL:
                entries = await self._changes(id_tags)
                if not entries:
                    return Synchronised(outcome, None, version, 0, self._ids)
                return await self._differential(entries, id_tags)
        if update_type == DIFFERENTIAL:
            return await self._differential(await self._changes(id_tags), id_tags)
        return await self._full(id_tags)

    async def explicit(
        self, update_type: str, version: int | None, entries: Sequence[Entry]
    ) -> Synchronised:
        """Send a list as it is, in one CALL."""
        if version is None:
            version = await self._next_version()
        outcome = await self._call("SendLocalList", _payload(version, update_type, entries))
        return Synchronised(outcome, update_type, version, len(entries), self._ids)

    async def _changes(self, id_tags: Sequence[str] | None) -> list[Entry]:
        if id_tags is None:
            return await self._database.read(local_lists.changes, self._point, self._now())
        return await self._database.read(local_lists.changes_of, id_tags, self._now())

    async def _full(self, id_tags: Sequence[str] | None) -> Synchronised:
        entries = await self._database.read(local_lists.whole, id_tags, self._now())
        return await self._in_batches(FULL, entries)

    async def _differential(
        self, entries: Sequence[Entry], id_tags: Sequence[str] | None
    ) -> Synchronised:
        """Section 5.15: after Failed or VersionMismatch the full list follows."""
        done = await self._in_batches(DIFFERENTIAL, entries)
        if done.outcome.response["status"] in {"Failed", "VersionMismatch"} and id_tags is None:
            return await self._full(None)
        return done

    async def _in_batches(self, update_type: str, entries: Sequence[Entry]) -> Synchronised:
        """The first CALL is of the given type, the others add to it. A refusal ends it."""
        plan = await self._database.read(local_lists.plan, self._point)
        size = plan.max_length or self._batch
        sent = 0
        while True:
            batch = entries[sent : sent + size]
            version = await self._next_version()
            kind = update_type if sent == 0 else DIFFERENTIAL
            outcome = await self._call("SendLocalList", _payload(version, kind, batch))
            sent += len(batch)
            if outcome.response["status"] != "Accepted" or sent >= len(entries):
                return Synchronised(outcome, update_type, version, sent, self._ids)

    async def _next_version(self) -> int:
        return await self._database.write(local_lists.take_version, self._point, self._now())

    async def _call(self, action: str, payload: Payload) -> Outcome:
        outcome = await self._send(action, payload)
        self._ids = (*self._ids, outcome.command_id)
        return outcome


def _payload(version: int, update_type: str, entries: Sequence[Entry]) -> Payload:
    payload: Payload = {"listVersion": version, "updateType": update_type}
    if entries:
        payload["localAuthorizationList"] = list(entries)
    return payload
