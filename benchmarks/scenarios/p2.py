"""P2: 50 connections, whole charging sessions one after the other, as fast as they are answered.

Boot, StatusNotification, Authorize, StartTransaction, ten MeterValues, StopTransaction with
transactionData, StatusNotification: sixteen messages, all of them counted.
"""

import time
from typing import Any

from benchmarks.scenarios.base import Scenario
from benchmarks.station import Station, Timestamps, call, payload_of

READINGS = 10
STORED_READINGS = 2
"""Of the transactionData: where the meter stood at begin and end."""
MESSAGES = READINGS + 6
WH_PER_READING = 100


def _sampled(wh: int, context: str = "Sample.Periodic") -> list[dict[str, str]]:
    measurand = "Energy.Active.Import.Register"
    return [{"value": str(wh), "context": context, "measurand": measurand, "unit": "Wh"}]


def station(identity: str) -> Station:
    """Charge for ever, one session after the other, a little more energy on the meter each time."""
    timestamp = Timestamps()
    meter, number = 1_000_000, 0

    def message(action: str, payload: dict[str, Any]) -> Any:
        nonlocal number
        number += 1
        return call(f"{identity}.{number}", action, payload)

    def now() -> str:
        return timestamp(time.time()).decode()

    def status(status: str) -> Any:
        payload = {"connectorId": 1, "errorCode": "NoError", "status": status, "timestamp": now()}
        return message("StatusNotification", payload)

    while True:
        yield message("BootNotification", {"chargePointVendor": "B", "chargePointModel": "Load"})
        yield status("Preparing")
        yield message("Authorize", {"idTag": "BENCH"})
        start = {"connectorId": 1, "idTag": "BENCH", "meterStart": meter, "timestamp": now()}
        transaction_id = payload_of((yield message("StartTransaction", start)))["transactionId"]
        began = {"timestamp": now(), "sampledValue": _sampled(meter, "Transaction.Begin")}
        for _ in range(READINGS):
            meter += WH_PER_READING
            value = {"timestamp": now(), "sampledValue": _sampled(meter)}
            yield message(
                "MeterValues",
                {"connectorId": 1, "transactionId": transaction_id, "meterValue": [value]},
            )
        ended = {"timestamp": now(), "sampledValue": _sampled(meter, "Transaction.End")}
        stop = {"transactionId": transaction_id, "meterStop": meter, "timestamp": now()}
        yield message("StopTransaction", {**stop, "transactionData": [began, ended]})
        yield status("Available")


SCENARIO = Scenario(
    name="p2",
    title=f"50 connections, closed loop, whole sessions of {MESSAGES} messages",
    connections=50,
    station=station,
)
