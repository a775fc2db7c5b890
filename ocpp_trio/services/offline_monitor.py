"""Running transactions of charge points that are offline: told to people, or closed."""

from __future__ import annotations

import structlog
import trio

from ocpp_trio.central.context import Central
from ocpp_trio.services.findings import Findings
from ocpp_trio.store import running

log = structlog.get_logger(source="offline monitor")


class OfflineMonitor:
    """Warns once while a charge point stays offline."""

    def __init__(self, central: Central) -> None:
        self._central = central
        # Transaction id, and since when (ms) its station is offline.
        self._findings: Findings[tuple[int, int]] = Findings()
        self._began = central.now() - int(trio.current_time() * 1000)

    async def tick(self) -> None:
        """Look for transactions to warn about, and to close if the settings say so."""
        central = self._central
        now, limit = central.now(), central.settings.offline_warn_after
        rows = await central.database.read(running.offline, now - int(limit * 1000))
        by_key = {(row["id"], row["since"]): row for row in rows}
        for key in self._findings.news(by_key, trio.current_time()):
            row = by_key[key]
            log.warning(
                "a transaction runs on a charge point that is offline",
                charge_point=row["charge_point_id"],
                transaction=row["id"],
                connector=row["connector_id"],
                hours=round((now - row["since"]) / running.HOUR_MS, 1),
            )
        if central.settings.offline_close_after > 0:
            await self._close()

    async def _close(self) -> None:
        central = self._central
        now, limit = central.now(), central.settings.offline_close_after
        # A wall clock that jumps ahead must not close anything: it only counts as far as the steady
        # one has come since the start.
        moment = min(now, self._began + int(trio.current_time() * 1000))
        closed = await central.database.write(
            running.close_offline, moment - int(limit * 1000), now
        )
        for row in closed:
            log.warning(
                "a transaction was closed: its charge point stays offline",
                charge_point=row["charge_point_id"],
                transaction=row["id"],
                connector=row["connector_id"],
                hours=round((now - row["since"]) / running.HOUR_MS, 1),
            )
