"""Energy of a transaction: Wh from the meter's registers (OCPP 1.6 sections 4.8 and 4.10)."""

from __future__ import annotations

MAX_PLAUSIBLE_WH = 10_000_000
"""10 MWh: more than any vehicle or vessel takes in one session."""


def delivered_wh(meter_start: int, meter_stop: int | None, newest_register: int | None) -> int:
    """Energy in Wh: from the final register once stopped, else from the newest one, else 0.

    A negative difference is returned as it is: it is flagged, never hidden.
    """
    last = meter_stop if meter_stop is not None else newest_register
    return 0 if last is None else last - meter_start


def flags(wh: int) -> tuple[str, ...]:
    """What is wrong with an amount of energy, as words for the transaction's `flags`."""
    if wh < 0:
        return ("negative-energy",)
    if wh > MAX_PLAUSIBLE_WH:
        return ("absurd-energy",)
    return ()
