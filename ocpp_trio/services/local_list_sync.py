"""Keeps the local authorization lists of stations equal to the authorizations (OCPP 1.6 section
3.5.2): one station after the other, and only where something differs.
"""

from __future__ import annotations

from functools import partial

import structlog

from ocpp_trio.central.commands import Commands
from ocpp_trio.central.context import Central
from ocpp_trio.central.list_sync import AUTO, ListSync
from ocpp_trio.errors import CallErrorReceived, CommandFailed
from ocpp_trio.store import local_lists

log = structlog.get_logger()

SOURCE = "local list sync"
NOT_KNOWN = frozenset({"NotImplemented", "NotSupported"})


class LocalListSync:
    """Remembers which stations do not know the request."""

    def __init__(self, central: Central, commands: Commands) -> None:
        self._central = central
        self._commands = commands
        self._without_lists: set[str] = set()

    async def tick(self) -> None:
        """Update every connected station whose list differs."""
        central = self._central
        # A station that has just booted or connected is asked nothing.
        quiet_since = central.now() - int(central.settings.asking_quiet * 1000)
        due = await central.database.read(local_lists.connected, quiet_since)
        for point in due:
            session = central.hub.get(point)
            if session is None or not session.accepted or point in self._without_lists:
                continue
            if await central.database.read(local_lists.is_current, point, central.now()):
                continue
            await self._update(point)

    async def _update(self, point: str) -> None:
        central = self._central
        send = partial(self._commands.execute, point, actor=SOURCE.replace(" ", "-"))
        sync = ListSync(
            central.database, central.now, point, send, central.settings.local_list_batch
        )
        try:
            done = await sync.update(AUTO, None)
        except CommandFailed as error:
            if isinstance(error, CallErrorReceived) and error.code in NOT_KNOWN:
                self._without_lists.add(point)
            log.warning(
                "the local list was not updated",
                source=SOURCE,
                charge_point=point,
                error=str(error),
            )
            return
        log.info(
            "local list looked after",
            source=SOURCE,
            charge_point=point,
            update=done.update_type,
            version=done.list_version,
            entries=done.entries,
            answer=done.outcome.response.get("status"),
        )
