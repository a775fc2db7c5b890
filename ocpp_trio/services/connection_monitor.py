"""Charge points that are marked connected and have no connection: a goodbye that was not stored."""

from __future__ import annotations

import structlog
import trio

from ocpp_trio.central.context import Central
from ocpp_trio.services.findings import Findings
from ocpp_trio.store import charge_points

log = structlog.get_logger(source="connection monitor")

REASON = "found without a connection"


class ConnectionMonitor:
    """Puts right what the database says; dead links themselves are found by central.keepalive."""

    def __init__(self, central: Central) -> None:
        self._central = central
        self._findings: Findings[tuple[str, int]] = Findings()

    async def tick(self) -> None:
        """One look. A connection that is being made is marked already, so it gets its time."""
        central = self._central
        rows = await central.database.read(charge_points.marked_connected, central.node.id)
        gone = [
            (row["id"], row["connection"]) for row in rows if not central.hub.connected(row["id"])
        ]
        grace = central.settings.handshake_timeout
        for point, connection in self._findings.news(gone, trio.current_time(), grace):
            await central.database.write(
                charge_points.disconnect, point, connection, REASON, central.now()
            )
            log.warning("marked connected without a connection; put right", charge_point=point)
