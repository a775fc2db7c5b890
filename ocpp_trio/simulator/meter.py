"""The meter of a charge point: a register that only grows, and what it says about charging. Pure.

Three phases of 230 V at 16 A, about 11 kW, into a battery of 60 kWh; above 80 % the power falls.
Integers throughout: the register counts watt-seconds, so that no rounding is ever lost.
"""

from __future__ import annotations

import random
from collections.abc import Collection

BATTERY_WH = 60_000
RATED_AMPERES = 16.0
PHASES = 3
NOMINAL_VOLTS = 230.0
TAPER_FROM_PERCENT = 80
WATT_SECONDS = 3600
"""In one Wh."""


class Meter:
    """A charge point's meter. The same seed gives the same values."""

    def __init__(self, seed: str) -> None:
        self._random = random.Random(seed)
        self._watt_seconds = self._random.randrange(10_000, 2_000_000) * WATT_SECONDS
        self._battery_wh = 0.0
        self._volts = NOMINAL_VOLTS
        self._amperes = 0.0
        self._phases = PHASES
        self.plug_in()

    @property
    def register(self) -> int:
        """Energy.Active.Import.Register in Wh, over the charge point's whole life."""
        return self._watt_seconds // WATT_SECONDS

    @property
    def state_of_charge(self) -> int:
        """The vehicle's battery in percent."""
        return min(100, int(self._battery_wh * 100 // BATTERY_WH))

    @property
    def power(self) -> int:
        """Power in W, by what voltage and current say."""
        return round(self._volts * self._amperes * self._phases)

    def plug_in(self) -> None:
        """Connect the next vehicle, with a battery at 15 to 60 %."""
        self._battery_wh = BATTERY_WH * self._random.uniform(0.15, 0.60)
        self._amperes = 0.0

    def charge(self, seconds: float, limit: float = RATED_AMPERES, phases: int = PHASES) -> None:
        """Charge for some seconds; the register grows by the power drawn.

        `limit`: amperes that may be drawn on each of so many phases.
        """
        self._phases = phases
        self._volts = NOMINAL_VOLTS + self._random.uniform(-4, 4)
        share = 1.0
        if self.state_of_charge >= TAPER_FROM_PERCENT:
            share = max(0.1, (100 - self.state_of_charge) / (100 - TAPER_FROM_PERCENT))
        self._amperes = min(limit, RATED_AMPERES * share) * self._random.uniform(0.97, 1.0)
        watt_seconds = round(self.power * seconds)
        self._watt_seconds += watt_seconds
        self._battery_wh = min(BATTERY_WH, self._battery_wh + watt_seconds / WATT_SECONDS)

    def stop(self) -> None:
        """No current flows any more."""
        self._amperes = 0.0

    def sampled_values(self, context: str, wanted: Collection[str]) -> list[dict[str, str]]:
        """What the meter says now of the measurands `wanted`, as SampledValues (section 7.43)."""
        values = [
            ("Energy.Active.Import.Register", "Wh", "Outlet", str(self.register)),
            ("Power.Active.Import", "W", "Outlet", str(self.power)),
            ("Current.Import", "A", "Outlet", f"{self._amperes:.2f}"),
            ("Voltage", "V", "Outlet", f"{self._volts:.1f}"),
            ("SoC", "Percent", "EV", str(self.state_of_charge)),
        ]
        return [
            {
                "value": value,
                "context": context,
                "measurand": measurand,
                "location": location,
                "unit": unit,
            }
            for measurand, unit, location, value in values
            if measurand in wanted
        ]
