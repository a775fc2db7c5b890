"""P3: 10,000 connections, each with a Heartbeat per minute and MeterValues every 20 seconds.

An open loop: each message has a moment at which it is due, and its latency counts from there, so
that a server which stalls is charged for all that waits behind the stall.
"""

import random
import time

from benchmarks.scenarios.base import Scenario
from benchmarks.station import Call, Station, Timestamps, start_charging

HEARTBEAT_INTERVAL = 60.0
METER_INTERVAL = 20.0
"""500 MeterValues a second with 10,000 stations."""


def station(identity: str) -> Station:
    """Start a transaction, then report it and beat, each at its own times."""
    transaction_id = yield from start_charging(identity, 1_000_000)
    name = identity.encode()
    template = (
        b'[2,"%%b","MeterValues",{"connectorId":1,"transactionId":%d,"meterValue":[{"timestamp":'
        b'"%%b","sampledValue":[{"value":"%%d"},{"value":"230.1","measurand":"Voltage"}]}]}]'
    ) % transaction_id
    timestamp = Timestamps()
    chance = random.Random(identity)
    began = time.perf_counter()
    heartbeat = began + chance.uniform(0, HEARTBEAT_INTERVAL)
    meter = began + chance.uniform(0, METER_INTERVAL)
    n = 0
    while True:
        n += 1
        unique_id = b"%b.%d" % (name, n)
        if heartbeat < meter:
            yield Call(unique_id, b'[2,"%b","Heartbeat",{}]' % unique_id, due=heartbeat)
            heartbeat += HEARTBEAT_INTERVAL
        else:
            frame = template % (unique_id, timestamp(time.time()), 1_000_000 + n)
            yield Call(unique_id, frame, due=meter)
            meter += METER_INTERVAL


SCENARIO = Scenario(
    name="p3",
    title="10,000 connections, a Heartbeat a minute, MeterValues every 20 s, pings on, open loop",
    connections=10_000,
    station=station,
    peers=("raw", "ocpp_trio"),
    columns=("rate", "cpu_per_message", "p50", "p99", "max", "memory"),
    compare="memory",
    handshakes_at_once=200,
    setup_timeout=300.0,
    quick_connections=1_000,
    seconds=30.0,
    rounds=3,
    quick_seconds=5.0,
    quick_rounds=1,
)
