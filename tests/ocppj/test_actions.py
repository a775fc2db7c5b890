"""The tables of actions and their validators."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ocpp_trio.ocppj.actions import (
    ACTIONS,
    FROM_CENTRAL_SYSTEM,
    FROM_CHARGE_POINT,
    TRANSACTION_ACTIONS,
    Action,
)
from tests.support.payloads import from_schema


def test_the_directions_are_those_of_the_specifications() -> None:
    assert len(FROM_CHARGE_POINT) == 14
    assert len(FROM_CENTRAL_SYSTEM) == 26
    assert {"DataTransfer"} == FROM_CHARGE_POINT & FROM_CENTRAL_SYSTEM
    assert len(ACTIONS) == 39
    assert FROM_CHARGE_POINT > TRANSACTION_ACTIONS


def test_every_schema_of_the_library_is_an_action_and_the_other_way_round() -> None:
    files = {file.name for file in resources.files("ocpp.v16.schemas").iterdir()}
    expected = {f"{name}{end}.json" for name in ACTIONS for end in ("", "Response")}
    assert expected == {name for name in files if name.endswith(".json")}


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=5)
@pytest.mark.parametrize("action", ACTIONS.values(), ids=list(ACTIONS))
@given(data=st.data())
def test_both_validators_take_what_their_schema_allows(action: Action, data: st.DataObject) -> None:
    request = data.draw(from_schema(action.request_schema))
    response = data.draw(from_schema(action.response_schema))
    assert action.request_is_valid(request), request
    assert action.response_is_valid(response), response
    assert list(action.request_errors(request)) == []
    assert list(action.response_errors(response)) == []


@pytest.mark.parametrize("action", ACTIONS.values(), ids=list(ACTIONS))
def test_both_validators_refuse_an_extra_property(action: Action) -> None:
    assert not action.request_is_valid({"extra": 1})
    assert not action.response_is_valid({"extra": 1})
    assert list(action.request_errors({"extra": 1}))
    assert list(action.response_errors({"extra": 1}))


@pytest.mark.parametrize("action", ACTIONS.values(), ids=list(ACTIONS))
def test_what_is_required_is_required(action: Action) -> None:
    assert action.request_is_valid({}) is not bool(action.request_schema.get("required"))
    assert action.response_is_valid({}) is not bool(action.response_schema.get("required"))


def integers(node: Any) -> list[dict[str, Any]]:
    if isinstance(node, list):
        return [found for child in node for found in integers(child)]
    if not isinstance(node, dict):
        return []
    own = [node] if node.get("type") == "integer" else []
    return own + [found for child in node.values() for found in integers(child)]


def test_every_integer_fits_the_database() -> None:
    found = integers([[a.request_schema, a.response_schema] for a in ACTIONS.values()])
    assert len(found) > 50
    assert all(node["minimum"] >= -(2**63) and node["maximum"] < 2**63 for node in found)


def test_our_bounds_do_not_reach_the_library() -> None:
    file = resources.files("ocpp.v16.schemas").joinpath("StartTransaction.json")
    schema = json.loads(file.read_text("utf-8-sig"))
    assert "maximum" not in schema["properties"]["connectorId"]
