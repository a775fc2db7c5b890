"""Energy of a transaction, in Wh (OCPP 1.6 sections 4.7, 4.8, 4.10 and 7.31).

It comes from the meter's register. A station whose meter has none sends interval readings instead,
what was delivered since the reading before; those are added up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from ocpp_trio.domain.readings import INTERVAL, Sample, to_wh
from ocpp_trio.domain.times import EARLIEST_PLAUSIBLE_MS, parse_timestamp

MAX_PLAUSIBLE_WH = 10_000_000
"""10 MWh: more than any vehicle or vessel takes in one session."""
MAX_INTERVAL_MWH = 10**11
"""100 MWh: absurd, and the sum of all that a station sends in weeks still fits 64 bits."""

BY_HAND = "hand"
"""`stopped_by` of a transaction that an operator closed: its energy is the operator's word."""

FROM_REGISTER = "register"
FROM_INTERVALS = "intervals"

CLOCK_ALIGNED = "Sample.Clock"
# A reading that was asked for lies between two others, whose intervals cover its own.
_NOT_ADDED = "Trigger"


class Columns(Protocol):
    """A stored transaction: its columns by name."""

    def __getitem__(self, name: str, /) -> Any: ...


class Interval(NamedTuple):
    """What one moment's interval readings add, in thousandths of a Wh.

    `moment` in ms; negative, from the message's fingerprint, where the station has no usable clock.
    """

    is_aligned: int
    moment: int
    mwh: int


def delivered_wh(
    meter_start: int,
    meter_stop: int | None,
    newest_register: int | None,
    interval_wh: int | None = None,
) -> int:
    """Energy in Wh: from the final register once stopped, else from the newest one, else 0.

    Intervals count only where no register speaks: none was sent, and the meter at the stop says the
    same as at the start. A negative difference is returned as it is: flagged, never hidden.
    """
    if newest_register is None and interval_wh is not None and meter_stop in {None, meter_start}:
        return interval_wh
    last = meter_stop if meter_stop is not None else newest_register
    return 0 if last is None else last - meter_start


def of_transaction(row: Columns) -> int:
    """Energy of a stored transaction, in Wh; so far, if it is running."""
    return delivered_wh(row["meter_start"], row["meter_stop"], row["register_wh"], _intervals(row))


def source_of(row: Columns) -> str:
    """What a stored transaction's energy comes from: FROM_REGISTER or FROM_INTERVALS."""
    unmoved = row["meter_stop"] in {None, row["meter_start"]}
    by_intervals = row["register_wh"] is None and _intervals(row) is not None and unmoved
    return FROM_INTERVALS if by_intervals else FROM_REGISTER


def _intervals(row: Columns) -> int | None:
    found: int | None = None if row["stopped_by"] == BY_HAND else row["interval_wh"]
    return found


def flags(wh: int) -> tuple[str, ...]:
    """What is wrong with an amount of energy, as words for the transaction's `flags`."""
    if wh < 0:
        return ("negative-energy",)
    if wh > MAX_PLAUSIBLE_WH:
        return ("absurd-energy",)
    return ()


def read_intervals(
    meter_values: Sequence[Mapping[str, Any]], samples: Iterable[Sample], fingerprint: int
) -> list[Interval]:
    """The Energy.Active.Import.Interval readings at the outlet in a message, one per moment.

    `samples` are those of `meter_values`, in their order. Phases are summed where the moment has no
    total. Told apart by the station's own time, whatever our clock says, so that a reading that
    comes again days later, or in a stop's transactionData, is the same one.
    """
    found: dict[tuple[int, int], dict[str | None, int]] = {}
    rest = iter(samples)
    for place, meter_value in enumerate(meter_values):
        moment = parse_timestamp(meter_value.get("timestamp"))
        if moment is None or moment < EARLIEST_PLAUSIBLE_MS:
            moment = -1 - (fingerprint + place) % 2**62
        # The list first: zip takes nothing from `rest` once it is at its end.
        for _, sample in zip(meter_value["sampledValue"], rest, strict=False):
            if (
                sample.measurand != INTERVAL
                or sample.number is None
                or sample.location != "Outlet"
                or sample.context == _NOT_ADDED
            ):
                continue
            mwh = to_wh(sample.number, sample.unit) * 1000
            limited = _limited(mwh)
            line = None if sample.phase is None else sample.phase.split("-")[0]
            by_line = found.setdefault((int(sample.context == CLOCK_ALIGNED), moment), {})
            by_line[line] = max(limited, by_line.get(line, limited))
    return [
        Interval(
            is_aligned,
            moment,
            by_line[None] if None in by_line else _limited(sum(by_line.values())),
        )
        for (is_aligned, moment), by_line in found.items()
    ]


def _limited(mwh: float) -> int:
    return round(min(max(mwh, -MAX_INTERVAL_MWH), MAX_INTERVAL_MWH))


def sum_intervals(sampled_mwh: int | None, aligned_mwh: int | None) -> int | None:
    """Energy in Wh from the sums of the two kinds of interval readings, each None if there is none.

    They tell of the same energy twice, so only one counts: the sampled ones, which begin with the
    transaction; the first clock-aligned one may reach back before it.
    """
    mwh = aligned_mwh if sampled_mwh is None else sampled_mwh
    return None if mwh is None else (mwh + 500) // 1000
