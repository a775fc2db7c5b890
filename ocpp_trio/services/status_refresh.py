"""Asks for the status of connectors that have been silent."""

from __future__ import annotations

import trio

from ocpp_trio.central.context import Central
from ocpp_trio.services.asking import Asking, Question
from ocpp_trio.store import connectors

SOURCE = "status refresh"


class StatusRefresh:
    """Asks about each silent connector, and not again for as long as it was silent."""

    def __init__(self, central: Central, asking: Asking) -> None:
        self._central = central
        self._asking = asking
        # Connector -> when it was asked about, by trio's clock.
        self._asked: dict[tuple[str, int], float] = {}

    async def tick(self) -> None:
        """One look."""
        central = self._central
        age = central.settings.status_refresh_age
        now, steady = central.now(), trio.current_time()
        rows = await central.database.read(connectors.silent, now - int(age * 1000))
        self._asked = {key: at for key, at in self._asked.items() if steady - at < age}
        questions = []
        for row in rows:
            connector = row["charge_point_id"], row["connector_id"]
            minutes = (now - row["updated_at"]) // 60_000
            why = f"no news of its status for {minutes} min"
            question = Question(*connector, "StatusNotification", row["last_boot"], why)
            if connector not in self._asked and self._asking.may_ask(question):
                self._asked[connector] = steady
                questions.append(question)
        await self._asking.ask(SOURCE, questions)
