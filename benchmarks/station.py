"""What a simulated charge point says, without saying how it is sent.

A station is a generator: it yields the next `Call` and is resumed with the CALLRESULT that
answers it (the frame as received). It never waits and never touches a socket, so a scenario is
one function, and the load generator is the same for all of them.
"""

import json
import time
from collections.abc import Generator
from typing import Any, NamedTuple


class StationError(Exception):
    """The server's answer makes going on pointless, such as a boot that is not accepted."""


class Call(NamedTuple):
    """One CALL, ready to be sent."""

    unique_id: bytes
    frame: bytes
    counted: bool = True
    """False for what only prepares the measurement."""
    due: float | None = None
    """When it is to be sent, by `time.perf_counter`; its latency counts from then, even if the
    answer before it came later. None: at once, a closed loop."""


Station = Generator[Call, bytes, None]


class Timestamps:
    """Formats a Unix time as RFC 3339 with milliseconds; renders each second only once."""

    def __init__(self) -> None:
        self._second = -1
        self._text = b""

    def __call__(self, now: float) -> bytes:
        second = int(now)
        if second != self._second:
            self._second = second
            self._text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second)).encode()
        return b"%s.%03dZ" % (self._text, int((now - second) * 1000))


def call(unique_id: str, action: str, payload: dict[str, Any], *, counted: bool = True) -> Call:
    """Build a CALL the slow way, for frames that are not sent thousands of times a second."""
    frame = json.dumps([2, unique_id, action, payload], separators=(",", ":"))
    return Call(unique_id.encode(), frame.encode(), counted)


def payload_of(answer: bytes) -> dict[str, Any]:
    """The payload of a CALLRESULT."""
    payload = json.loads(answer)[2]
    if not isinstance(payload, dict):
        raise StationError(f"the payload is no object: {answer!r}")
    return payload


def start_charging(identity: str, meter_start: int) -> Generator[Call, bytes, int]:
    """Boot, report connector 1 and start a transaction on it at `meter_start` Wh, uncounted.

    Returns the transactionId. Use it as `transaction_id = yield from start_charging(...)`.
    """
    now = Timestamps()(time.time()).decode()
    boot = {"chargePointVendor": "Bench", "chargePointModel": "Load"}
    answer = yield call(f"{identity}.boot", "BootNotification", boot, counted=False)
    if payload_of(answer).get("status") != "Accepted":
        raise StationError(f"the boot was not accepted: {answer!r}")

    status = {"connectorId": 1, "errorCode": "NoError", "status": "Preparing", "timestamp": now}
    yield call(f"{identity}.status", "StatusNotification", status, counted=False)

    start = {"connectorId": 1, "idTag": "BENCH", "meterStart": meter_start, "timestamp": now}
    answer = yield call(f"{identity}.start", "StartTransaction", start, counted=False)
    payload = payload_of(answer)
    if payload.get("idTagInfo", {}).get("status") != "Accepted":
        raise StationError(f"the transaction was not accepted: {answer!r}")
    return int(payload["transactionId"])
