"""Connectors that charge without a transaction, and running transactions on free connectors."""

from __future__ import annotations

import structlog
import trio

from ocpp_trio.central.context import Central
from ocpp_trio.services.findings import Findings
from ocpp_trio.store import running

log = structlog.get_logger(source="orphan detection")


class OrphanDetection:
    """Tells of each once, until it changes. Only stations that are connected are judged: the status
    of others is an old one, and their messages may be waiting.
    """

    def __init__(self, central: Central) -> None:
        self._central = central
        # Station, connector, and the transaction; None where there should be one.
        self._findings: Findings[tuple[str, int, int | None]] = Findings()

    async def tick(self) -> None:
        """One look."""
        found = await self._look()
        grace = self._central.settings.orphan_grace
        for key in self._findings.news(found, trio.current_time(), grace):
            point, connector, number = key
            about = {} if number is None else {"transaction": number}
            log.warning(found[key], charge_point=point, connector=connector, **about)

    async def _look(self) -> dict[tuple[str, int, int | None], str]:
        database, hub = self._central.database, self._central.hub
        found: dict[tuple[str, int, int | None], str] = {}
        for row in await database.read(running.charging_without):
            if hub.connected(row["charge_point_id"]):
                key = row["charge_point_id"], row["connector_id"], None
                found[key] = f"a connector is {row['status']} and no transaction runs on it"
        for row in await database.read(running.running_on_available):
            if hub.connected(row["charge_point_id"]):
                key = row["charge_point_id"], row["connector_id"], row["id"]
                found[key] = "a transaction runs and its connector is Available"
        return found
