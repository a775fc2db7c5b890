"""Sampled values: text kept as it came, numbers only from decimals, energy from registers."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpp_trio.domain.readings import (
    INTERVAL,
    REGISTER,
    Reading,
    Sample,
    digest,
    newest_register,
    parse_number,
    read_samples,
    to_wh,
)
from tests.support.clock import DAY, START

T0, T1, T2 = (START + step * 60_000 for step in range(3))
TEXT_0, TEXT_1 = "2026-11-23T08:00:00Z", "2026-11-23T08:01:00Z"


def meter_value(timestamp: str = TEXT_0, **sampled: Any) -> dict[str, Any]:
    return {"timestamp": timestamp, "sampledValue": [{"value": "1"} | sampled]}


def register(
    value: str,
    at: int = T0,
    *,
    phase: str | None = None,
    unit: str = "Wh",
    location: str = "Outlet",
    measurand: str = REGISTER,
) -> Sample:
    number = parse_number(value)
    return Sample(at, value, number, unit, measurand, phase, "Sample.Periodic", location, "Raw")


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0.0),
        ("42", 42.0),
        ("-1.5", -1.5),
        ("+7", 7.0),
        ("12.", 12.0),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("1.5E-2", 0.015),
        (" 230.1 ", 230.1),
        ("1e299", 1e299),
    ],
)
def test_a_decimal_is_a_number(text: str, number: float) -> None:
    assert parse_number(text) == number


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "NaN",
        "nan",
        "Infinity",
        "-inf",
        "1_000",
        "1,5",
        "1 000",
        "\uff11\uff12",
        "\u0661\u0662",
        "0x10",
        "1e",
        "e5",
        ".",
        "--1",
        "1.2.3",
        "12 kWh",
        "1e300",
        "1e999",
        "1e9999",
        "12\n",
        "\u00a012",
        "1" * 65,
    ],
)
def test_anything_else_is_no_number(text: str) -> None:
    assert parse_number(text) is None


@given(st.text())
def test_any_text_is_a_finite_number_or_none(text: str) -> None:
    number = parse_number(text)
    assert number is None or abs(number) < 1e300


def test_absent_fields_have_the_defaults_of_the_specification() -> None:
    assert read_samples([meter_value(value="1234")], START) == [
        Sample(T0, "1234", 1234.0, "Wh", REGISTER, None, "Sample.Periodic", "Outlet", "Raw")
    ]


def test_given_fields_are_kept() -> None:
    sampled = {
        "value": "16.0",
        "context": "Transaction.End",
        "format": "Raw",
        "measurand": "Current.Import",
        "phase": "L1",
        "location": "Inlet",
        "unit": "A",
    }
    assert read_samples([meter_value(**sampled)], START) == [
        Sample(T0, "16.0", 16.0, "A", "Current.Import", "L1", "Transaction.End", "Inlet", "Raw")
    ]


def test_only_energy_has_a_default_unit() -> None:
    samples = read_samples(
        [meter_value(measurand="Temperature"), meter_value(measurand=INTERVAL)], START
    )
    assert [sample.unit for sample in samples] == [None, "Wh"]


def test_signed_data_is_kept_byte_for_byte_and_is_no_number() -> None:
    signed = 'OCMF|{"RV": "0012.50 "}|{"SD":"3045\\u0000é"} 12'
    (sample,) = read_samples([meter_value(value=signed, format="SignedData")], START)
    assert (sample.value, sample.number, sample.format) == (signed, None, "SignedData")
    (sample,) = read_samples([meter_value(value="12", format="SignedData")], START)
    assert (sample.value, sample.number) == ("12", None)


@pytest.mark.parametrize("value", ["NaN", "\uff11\uff12", "1_000", "", "12 kWh"])
def test_a_value_that_is_no_decimal_is_kept_as_text(value: str) -> None:
    (sample,) = read_samples([meter_value(value=value)], START)
    assert (sample.value, sample.number) == (value, None)


@pytest.mark.parametrize("timestamp", ["1970-01-01T00:00:00Z", "soon", "2099-01-01T00:00:00Z"])
def test_a_clock_that_cannot_be_believed_is_replaced_by_ours(timestamp: str) -> None:
    (sample,) = read_samples([meter_value(timestamp)], START + 5)
    assert sample.timestamp == START + 5


def test_samples_keep_the_order_of_the_message() -> None:
    values = [
        {"timestamp": TEXT_1, "sampledValue": [{"value": "1"}, {"value": "2"}]},
        {"timestamp": TEXT_0, "sampledValue": [{"value": "3"}]},
    ]
    samples = read_samples(values, START)
    assert [(sample.timestamp, sample.value) for sample in samples] == [
        (T1, "1"),
        (T1, "2"),
        (T0, "3"),
    ]


@pytest.mark.parametrize(
    ("unit", "wh"), [("Wh", 1.5), ("kWh", 1500.0), (None, 1.5), ("furlong", 1.5)]
)
def test_energy_is_wh_unless_it_says_kwh(unit: str | None, wh: float) -> None:
    assert to_wh(1.5, unit) == wh


def test_kwh_are_rounded_to_whole_wh() -> None:
    assert newest_register([register("12.3456", unit="kWh")]) == Reading(12346, T0)


def test_the_newest_register_counts_whatever_the_order() -> None:
    samples = [register("200", T1), register("300", T2), register("100", T0)]
    assert newest_register(samples) == Reading(300, T2)
    assert newest_register(samples[::-1]) == Reading(300, T2)


def test_of_two_readings_of_one_moment_the_later_in_the_message_counts() -> None:
    assert newest_register([register("1", T0), register("2", T0)]) == Reading(2, T0)


def test_phases_are_summed_where_no_total_is_given() -> None:
    phases = [register("100", phase="L1"), register("20", phase="L2"), register("3", phase="L3-N")]
    assert newest_register(phases) == Reading(123, T0)


def test_a_total_of_the_same_moment_beats_its_phases() -> None:
    phases = [register("100", phase="L1"), register("20", phase="L2")]
    total = register("119")
    assert newest_register([*phases, total]) == Reading(119, T0)
    assert newest_register([total, *phases]) == Reading(119, T0)


def test_phases_of_a_later_moment_beat_an_older_total_and_the_other_way_round() -> None:
    old_total, phases = register("50", T0), [register("70", T1, phase="L1")]
    assert newest_register([old_total, *phases]) == Reading(70, T1)
    assert newest_register([*phases, register("90", T2)]) == Reading(90, T2)


def test_phases_of_different_moments_are_not_mixed() -> None:
    samples = [register("100", T0, phase="L1"), register("20", T1, phase="L2")]
    assert newest_register(samples) == Reading(20, T1)


@pytest.mark.parametrize(
    "sample",
    [
        register("999", T2, location="Inlet"),
        register("999", T2, location="EV"),
        register("999", T2, measurand=INTERVAL),
        register("999", T2, measurand="Energy.Active.Export.Register"),
        register("nonsense", T2),
        register("1e19", T2),
        register("-1e25", T2),
        register("9.3e15", T2, unit="kWh"),
        register("1e19", T2, phase="L1"),
    ],
)
def test_what_is_no_register_at_the_outlet_does_not_count(sample: Sample) -> None:
    assert newest_register([register("5"), sample]) == Reading(5, T0)
    assert newest_register([sample]) is None


def test_phases_that_sum_to_more_than_64_bits_do_not_count() -> None:
    phases = [register("9e18", phase=phase) for phase in ("L1", "L2", "L3")]
    assert newest_register(phases) is None


@given(
    st.lists(
        st.builds(
            register,
            st.one_of(st.floats(allow_nan=False).map(str), st.text(max_size=5)),
            st.integers(T0, T0 + 3),
            phase=st.sampled_from([None, "L1", "L2-N", "N"]),
            unit=st.sampled_from(["Wh", "kWh"]),
        )
    )
)
def test_a_register_always_fits_the_database(samples: list[Sample]) -> None:
    reading = newest_register(samples)
    assert reading is None or -(2**63) <= reading.wh < 2**63


def test_no_samples_no_reading() -> None:
    assert newest_register([]) is None
    assert read_samples([], START) == []


def test_a_timestamp_from_days_ago_is_believed() -> None:
    (sample,) = read_samples([meter_value()], START + 3 * DAY)
    assert sample.timestamp == T0


def test_a_digest_tells_station_connector_and_content_apart() -> None:
    same = digest("CP1", 1, "{}")
    assert digest("CP1", 1, "{}") == same
    assert len({same, digest("CP2", 1, "{}"), digest("CP1", 2, "{}"), digest("CP1", 1, "{ }")}) == 4


@given(st.text(), st.integers(-(2**63), 2**63 - 1), st.text(st.characters()))
def test_a_digest_fits_63_bits(charge_point_id: str, connector_id: int, content: str) -> None:
    assert 0 <= digest(charge_point_id, connector_id, content) < 2**63
