"""P1: 50 connections in a closed loop, each sending MeterValues with 5 sampled values.

Times, ids and values differ from message to message. The energy register follows the wall clock
at 11 kW, because a server may rightly question a register that runs away.
"""

import json
import time

from benchmarks.scenarios.base import Scenario
from benchmarks.station import Call, Station, Timestamps, start_charging

METER_START_WH = 1_000_000
WH_PER_SECOND = 11_000 / 3600
VARIANTS = 97
"""Readings rendered beforehand per station: a prime, so that no rhythm meets another."""


def _readings(n: int) -> bytes:
    """The sampled values that do not follow the clock, as the end of a MeterValues frame."""
    power = 11_000 + n % 40
    samples = [
        ("Power.Active.Import", "W", f"{power}.0"),
        ("Current.Import", "A", f"{power / 690:.2f}"),
        ("Voltage", "V", f"{229.5 + n % 11 / 10:.1f}"),
        ("Temperature", "Celsius", f"{31 + n % 7}"),
    ]
    values = [
        {
            "value": value,
            "context": "Sample.Periodic",
            "measurand": measurand,
            "unit": unit,
        }
        for measurand, unit, value in samples
    ]
    return json.dumps(values, separators=(",", ":")).encode()[1:]


def station(identity: str) -> Station:
    """Start a transaction, then report it for ever."""
    transaction_id = yield from start_charging(identity, METER_START_WH)
    name = identity.encode()
    template = (
        b'[2,"%%b","MeterValues",{"connectorId":1,"transactionId":%d,"meterValue":['
        b'{"timestamp":"%%b","sampledValue":[{"value":"%%.3f","context":"Sample.Periodic",'
        b'"measurand":"Energy.Active.Import.Register","unit":"Wh"},%%b}]}]'
    ) % transaction_id
    readings = [_readings(n) for n in range(VARIANTS)]
    timestamp = Timestamps()
    started = time.time()
    n = 0
    while True:
        n += 1
        now = time.time()
        unique_id = b"%b.%d" % (name, n)
        energy = METER_START_WH + (now - started) * WH_PER_SECOND
        frame = template % (unique_id, timestamp(now), energy, readings[n % VARIANTS])
        yield Call(unique_id, frame)


SCENARIO = Scenario(
    name="p1",
    title="50 connections, closed loop, MeterValues with 5 sampled values, stored and answered",
    connections=50,
    station=station,
    rows_per_message=5,
    setup_timeout=300.0,
)
