"""Meter values: from SampledValue as a charge point sends it to rows that can be stored and summed.

OCPP 1.6 sections 7.33 (MeterValue) and 7.43 (SampledValue): absent fields have defaults, `value` is
text. The text is kept as it came; a number stands beside it only where the text is a decimal.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Any, NamedTuple

from ocpp_trio.domain.times import is_plausible, parse_timestamp

REGISTER = "Energy.Active.Import.Register"
INTERVAL = "Energy.Active.Import.Interval"

_DECIMAL = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
_MAX_NUMBER = 1e300
_MAX_WH = 2.0**63  # both databases store 64-bit integers


class Sample(NamedTuple):
    """One sampled value. `timestamp` in ms; `number` in `unit`, None if `value` is no decimal."""

    timestamp: int
    value: str
    number: float | None
    unit: str | None
    measurand: str
    phase: str | None
    context: str
    location: str
    format: str


_new = tuple.__new__


class Reading(NamedTuple):
    """A register reading: energy in Wh since the meter was new, and when it was taken (ms)."""

    wh: int
    timestamp: int


def parse_number(text: str) -> float | None:
    """The number of a strict ASCII decimal; None for anything else (NaN, 1_000, other digits)."""
    if len(text) < 64 and not text.strip("0123456789."):
        # Nothing else in it: a number, or too many points, or none at all.
        try:
            return float(text)
        except ValueError:
            return None
    if len(text) > 64 or _DECIMAL.fullmatch(text.strip(" ")) is None:
        return None
    number = float(text)
    return number if abs(number) < _MAX_NUMBER else None


def read_samples(meter_values: Iterable[Mapping[str, Any]], received_at: int) -> list[Sample]:
    """All samples of a message, in its order.

    A timestamp that cannot be read or believed is replaced by `received_at` (ms): the value counts
    all the same, and the raw message is what is kept for the station's own words.
    """
    samples: list[Sample] = []
    for meter_value in meter_values:
        moment = parse_timestamp(meter_value.get("timestamp"))
        timestamp = moment if is_plausible(moment, received_at) and moment else received_at
        for sampled in meter_value["sampledValue"]:
            get = sampled.get
            value = sampled["value"]
            measurand = get("measurand", REGISTER)
            signed = get("format", "Raw")
            unit = get("unit")
            if unit is None and measurand.startswith("Energy"):
                unit = "Wh"
            number = parse_number(value) if signed == "Raw" else None
            context = get("context", "Sample.Periodic")
            location = get("location", "Outlet")
            fields = (timestamp, value, number, unit, measurand, get("phase"), context, location)
            # Past the class's own constructor, which is twice as slow.
            samples.append(_new(Sample, (*fields, signed)))
    return samples


def to_wh(number: float, unit: str | None) -> float:
    """Energy in Wh; a unit that is not kWh is taken as Wh, the default of section 7.45."""
    return number * 1000 if unit == "kWh" else number


def newest_register(samples: Sequence[Sample]) -> Reading | None:
    """The newest Energy.Active.Import.Register at the outlet, in Wh.

    A reading without phase is the total; readings by phase (L1, L2, L3) are summed only where the
    same moment has no total. A reading beyond 64 bits is kept as a sample, but is no register.
    """
    newest: Reading | None = None
    phases: dict[int, dict[str, float]] = {}
    for sample in samples:
        if sample.measurand != REGISTER:
            continue
        if (
            sample.number is None
            or abs(to_wh(sample.number, sample.unit)) >= _MAX_WH
            or sample.location != "Outlet"
            or (newest is not None and sample.timestamp < newest.timestamp)
        ):
            continue
        if sample.phase is None:
            newest = Reading(round(to_wh(sample.number, sample.unit)), sample.timestamp)
        else:
            line = sample.phase.split("-")[0]
            phases.setdefault(sample.timestamp, {})[line] = to_wh(sample.number, sample.unit)
    for timestamp, by_line in phases.items():
        total = sum(by_line.values())
        if abs(total) < _MAX_WH and (newest is None or timestamp > newest.timestamp):
            newest = Reading(round(total), timestamp)
    return newest


def digest(charge_point_id: str, connector_id: int, content: str) -> int:
    """A 63-bit fingerprint of a MeterValues message, by which a repeat is recognised."""
    text = f"{charge_point_id}\n{connector_id}\n{content}".encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "big") >> 1
