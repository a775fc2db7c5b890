"""What a central system has acknowledged, as JSON lines: to be compared with its database."""

from __future__ import annotations

import json
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ocpp_trio.domain.readings import REGISTER
from ocpp_trio.ocppj.frames import Payload


class Ledger:
    """An append-only file, flushed after every line; without a path it writes nothing.

    A line is written when the acknowledgement arrives, before the next frame is read.
    """

    def __init__(self, path: Path | None = None) -> None:
        """Open `path` for appending; OSError if that fails."""
        self._file = None if path is None else path.open("a", encoding="utf-8")

    def start(self, charge_point_id: str, request: Payload, answer: Payload) -> None:
        """A StartTransaction was answered."""
        self._write(
            {
                "kind": "start",
                "chargePointId": charge_point_id,
                "connectorId": request["connectorId"],
                "idTag": request["idTag"],
                "timestamp": request["timestamp"],
                "meterStart": request["meterStart"],
                "transactionId": answer["transactionId"],
                "status": answer["idTagInfo"]["status"],
            }
        )

    def meter(self, charge_point_id: str, request: Payload) -> None:
        """A MeterValues was answered; the energy register stands for all its samples."""
        first = request["meterValue"][0]
        self._write(
            {
                "kind": "meter",
                "chargePointId": charge_point_id,
                "transactionId": request["transactionId"],
                "timestamp": first["timestamp"],
                "register": next(
                    (
                        sampled["value"]
                        for sampled in first["sampledValue"]
                        if sampled["measurand"] == REGISTER
                    ),
                    None,
                ),
                "samples": len(first["sampledValue"]),
            }
        )

    def stop(self, charge_point_id: str, request: Payload) -> None:
        """A StopTransaction was answered."""
        self._write(
            {
                "kind": "stop",
                "chargePointId": charge_point_id,
                "transactionId": request["transactionId"],
                "meterStop": request["meterStop"],
                "timestamp": request["timestamp"],
                "reason": request["reason"],
            }
        )

    def _write(self, line: dict[str, Any]) -> None:
        if self._file is not None:
            self._file.write(json.dumps(line, ensure_ascii=False) + "\n")
            self._file.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._file is not None:
            self._file.close()
