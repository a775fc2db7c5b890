"""What is known of makes of stations."""

from __future__ import annotations

import json

import pytest

from ocpp_trio.ocppj import frames, quirks
from ocpp_trio.ocppj.actions import FROM_CHARGE_POINT
from ocpp_trio.ocppj.quirks import DEFAULT, QUIRKS, Tolerance, tolerance

EMPTY = {"connectorId": 1, "meterValue": [{"timestamp": "t", "sampledValue": []}]}


def parse(action: str, payload: object, allowed: Tolerance) -> frames.Frame:
    return frames.parse(json.dumps([2, "1", action, payload]), FROM_CHARGE_POINT, allowed)


@pytest.mark.parametrize("quirk", QUIRKS)
def test_each_entry_has_a_reason_and_an_action(quirk: quirks.Quirk) -> None:
    assert quirk.action in FROM_CHARGE_POINT
    assert "issue" in quirk.reason


@pytest.mark.parametrize("vendor", ["VESTEL", "vestel"])
def test_a_make_is_found_whatever_its_case(vendor: str) -> None:
    found = tolerance(vendor, "EVC04-AC22SW", None, None)
    assert found.known == {("MeterValues", "empty-list")}


def test_others_are_not_meant() -> None:
    assert tolerance("Vestel", "Other", "1.0", "tolerant") is DEFAULT
    assert tolerance(None, None, None, None) is DEFAULT


def test_strict_takes_nothing_that_breaks_the_schema() -> None:
    strict = tolerance("VESTEL", "EVC04", None, "strict")
    assert isinstance(parse("MeterValues", EMPTY, strict), frames.BadFrame)
    assert isinstance(parse("MeterValues", EMPTY, DEFAULT), frames.Call)


def test_a_known_quirk_opens_an_action_that_is_held_to_its_schema() -> None:
    payload = {"idTag": "TAG", "more": 1}
    allowed = Tolerance(known=frozenset({("Authorize", "extra-property")}))
    assert isinstance(parse("Authorize", payload, DEFAULT), frames.BadFrame)
    frame = parse("Authorize", payload, allowed)
    assert isinstance(frame, frames.Call)
    assert frame.repairs == ("extra-property",)
    # But only in the way that is known.
    assert isinstance(parse("Authorize", {"idTag": 5}, allowed), frames.BadFrame)
