"""The meter: a register that only grows, and values that agree with each other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpp_trio.domain.readings import newest_register, read_samples
from ocpp_trio.simulator.meter import BATTERY_WH, Meter
from tests.support.clock import START

ALL = (
    "Energy.Active.Import.Register",
    "Power.Active.Import",
    "Current.Import",
    "Voltage",
    "SoC",
)


def values(meter: Meter) -> dict[str, float]:
    return {
        each["measurand"]: float(each["value"]) for each in meter.sampled_values("Trigger", ALL)
    }


def test_the_same_seed_gives_the_same_meter() -> None:
    one, two, other = Meter("SIM0001"), Meter("SIM0001"), Meter("SIM0002")
    for meter in (one, two, other):
        meter.charge(60)
    assert one.sampled_values("Trigger", ALL) == two.sampled_values("Trigger", ALL)
    assert one.register != other.register


@given(st.lists(st.floats(0, 7200), max_size=20), st.text(max_size=10))
def test_it_only_grows_and_what_it_says_agrees(durations: list[float], seed: str) -> None:
    meter = Meter(seed)
    for seconds in durations:
        before = meter.register
        meter.charge(seconds)
        assert meter.register - before == pytest.approx(meter.power * seconds / 3600, abs=1)
        said = values(meter)
        assert said["Energy.Active.Import.Register"] == meter.register >= before
        watts = said["Voltage"] * said["Current.Import"] * 3
        assert said["Power.Active.Import"] == pytest.approx(watts, rel=0.01)
        assert 225 < said["Voltage"] < 235
        assert 0 < said["Current.Import"] <= 16
        assert 15 <= said["SoC"] <= 100


def test_the_power_falls_when_the_battery_is_nearly_full() -> None:
    meter = Meter("SIM0001")
    meter.charge(60)
    full = meter.power
    while meter.state_of_charge < 95:
        meter.charge(600)
    meter.charge(600)
    assert meter.power < full / 2
    for _ in range(200):
        meter.charge(600)
    assert meter.state_of_charge == 100


def test_the_next_vehicle_begins_anew_and_the_register_does_not() -> None:
    meter = Meter("SIM0001")
    for _ in range(50):
        meter.charge(600)
    register = meter.register
    meter.stop()
    assert values(meter)["Power.Active.Import"] == 0
    meter.plug_in()
    assert meter.state_of_charge <= 60
    assert meter.register == register
    assert BATTERY_WH > 0


def test_a_central_system_reads_its_register() -> None:
    meter = Meter("SIM0001")
    sampled = meter.sampled_values("Sample.Periodic", ALL)
    samples = read_samples([{"timestamp": "2026-11-23T08:00:00Z", "sampledValue": sampled}], START)
    newest = newest_register(samples)
    assert newest is not None
    assert newest.wh == meter.register


def test_it_says_only_what_is_wanted() -> None:
    (sampled,) = Meter("SIM0001").sampled_values("Trigger", ["Voltage"])
    assert sampled["measurand"] == "Voltage"


def test_it_draws_no_more_than_it_may() -> None:
    meter = Meter("SIM0001")
    before = meter.register
    meter.charge(3600, 6.0, 1)
    assert 0.9 * 6 * 226 < meter.register - before <= 6 * 234
    meter.charge(3600, 0.0)
    assert meter.power == 0
