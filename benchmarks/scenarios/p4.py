"""P4: 10,000 stations connect at once, each boots and reports its connector; then all are silent.

What counts is the time from the first handshake until the last station has its answers, and what
the HTTP API takes meanwhile.
"""

import itertools
import time

from benchmarks.scenarios.base import Scenario
from benchmarks.station import Call, Station, Timestamps, call, payload_of

BEAT_INTERVAL = 0.5
SILENCE = 3600.0


def station(identity: str) -> Station:
    """Boot and report."""
    boot = {"chargePointVendor": "Bench", "chargePointModel": "Load"}
    answer = yield call(f"{identity}.boot", "BootNotification", boot, counted=False)
    assert payload_of(answer)["status"] == "Accepted"
    now = Timestamps()(time.time()).decode()
    status = {"connectorId": 1, "errorCode": "NoError", "status": "Available", "timestamp": now}
    yield call(f"{identity}.status", "StatusNotification", status, counted=False)
    # One of them goes on, for the window to have something in it; the others are silent.
    pause = BEAT_INTERVAL if identity == "BENCH-0001" else SILENCE
    due = time.perf_counter()
    for number in itertools.count(1):
        due += pause
        unique_id = f"{identity}.{number}".encode()
        yield Call(unique_id, b'[2,"%b","Heartbeat",{}]' % unique_id, due=due)


SCENARIO = Scenario(
    name="p4",
    title="10,000 stations connect at once, Boot and StatusNotification each",
    connections=10_000,
    station=station,
    peers=("raw", "ocpp_trio"),
    columns=("connected", "prepared", "cpu_prepared", "api_p50", "api_p99", "memory"),
    compare="prepared",
    handshakes_at_once=2_000,
    setup_timeout=300.0,
    asks_api=True,
    quick_connections=1_000,
    seconds=3.0,
    rounds=3,
    quick_seconds=2.0,
    quick_rounds=1,
)
