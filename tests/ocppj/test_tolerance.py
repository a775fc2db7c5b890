"""What is repaired instead of refused, and what is not."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpp_trio.ocppj import frames
from ocpp_trio.ocppj.actions import ACTIONS, FROM_CHARGE_POINT
from ocpp_trio.ocppj.frames import BadFrame, Call
from ocpp_trio.ocppj.tolerance import TOLERANT_ACTIONS
from tests.support.payloads import meter_values, requests

BOOT = {"chargePointVendor": "V", "chargePointModel": "M"}
STATUS = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}
START = {"connectorId": 1, "idTag": "TAG", "meterStart": 5, "timestamp": "t"}
STOP = {"transactionId": 1, "meterStop": 5, "timestamp": "t"}


def sampled(**fields: Any) -> dict[str, Any]:
    return meter_values({"value": "1"} | fields, timestamp="t")


def parse(action: str, payload: Any) -> frames.Frame:
    return frames.parse(json.dumps([2, "1", action, payload]))


REPAIRS = [
    # action, payload as sent, payload as used, names
    ("BootNotification", BOOT | {"x": 1, "y": {}}, BOOT, ("extra-property",)),
    ("MeterValues", sampled(x=1), sampled(), ("extra-property",)),
    ("StatusNotification", STATUS | {"status": "available"}, STATUS, ("enum-case",)),
    ("MeterValues", sampled(format="RAW"), sampled(format="Raw"), ("enum-case",)),
    ("MeterValues", sampled(unit="KWH"), sampled(unit="kWh"), ("enum-case",)),
    ("MeterValues", sampled(unit="Hz"), sampled(unit="Hz"), ("unknown-value",)),
    ("MeterValues", sampled(measurand="Mood"), sampled(measurand="Mood"), ("unknown-value",)),
    ("MeterValues", meter_values(timestamp="t"), meter_values(timestamp="t"), ("empty-list",)),
    (
        "MeterValues",
        {"connectorId": 1, "meterValue": []},
        {"connectorId": 1, "meterValue": []},
        ("empty-list",),
    ),
    ("StopTransaction", STOP | {"reason": "Bored"}, STOP | {"reason": "Bored"}, ("unknown-value",)),
    (
        "StatusNotification",
        STATUS | {"errorCode": "Smoke"},
        STATUS | {"errorCode": "Smoke"},
        ("unknown-value",),
    ),
    (
        "BootNotification",
        BOOT | {"iccid": "9" * 22},
        BOOT | {"iccid": "9" * 22},
        ("over-long-text",),
    ),
    (
        "StatusNotification",
        STATUS | {"info": "i" * 99},
        STATUS | {"info": "i" * 99},
        ("over-long-text",),
    ),
    *(
        (action, {key: payload[key] for key in payload if key != "timestamp"}, used, names)
        for action, payload in (("StartTransaction", START), ("StopTransaction", STOP))
        for used, names in [(payload | {"timestamp": ""}, ("absent-timestamp",))]
    ),
    (
        "StartTransaction",
        START | {"timestamp": None},
        START | {"timestamp": ""},
        ("absent-timestamp", "null-for-absent"),
    ),
    (
        "MeterValues",
        {"connectorId": 1, "meterValue": [{"sampledValue": [{"value": "1"}]}]},
        meter_values({"value": "1"}, timestamp=""),
        ("absent-timestamp",),
    ),
    ("MeterValues", sampled(value=230.5), sampled(value="230.5"), ("number-for-text",)),
    ("MeterValues", sampled(value=7), sampled(value="7"), ("number-for-text",)),
    ("StartTransaction", START | {"idTag": 42}, START | {"idTag": "42"}, ("number-for-text",)),
    ("StartTransaction", START | {"connectorId": "1"}, START, ("text-for-number",)),
    (
        "StartTransaction",
        START | {"meterStart": "-5"},
        START | {"meterStart": -5},
        ("text-for-number",),
    ),
    ("StartTransaction", START | {"meterStart": 5.0}, START, ("decimal-for-integer",)),
    (
        "StopTransaction",
        STOP | {"meterStop": 2.0**53},
        STOP | {"meterStop": 2**53},
        ("decimal-for-integer",),
    ),
    ("StartTransaction", START | {"reservationId": None}, START, ("null-for-absent",)),
    # A null breaks two rules of a list of values; both are mended at once.
    ("StopTransaction", STOP | {"reason": None}, STOP, ("null-for-absent",)),
    ("MeterValues", sampled(unit=None, phase=None), sampled(), ("null-for-absent",)),
    ("StopTransaction", STOP | {"transactionData": None}, STOP, ("null-for-absent",)),
    # Several at once.
    (
        "MeterValues",
        sampled(value=1, unit="KWH", measurand="Mood", x=None),
        sampled(unit="kWh", measurand="Mood"),
        ("enum-case", "extra-property", "number-for-text", "unknown-value"),
    ),
    ("MeterValues", sampled(unit=5), sampled(unit="5"), ("number-for-text", "unknown-value")),
]


@pytest.mark.parametrize(("action", "sent", "used", "names"), REPAIRS)
def test_repair(action: str, sent: Any, used: Any, names: tuple[str, ...]) -> None:
    frame = parse(action, sent)
    assert isinstance(frame, Call), frame
    # As text: 5.0 and 5 are equal, but only one of them is an integer to a database.
    assert json.dumps(frame.payload, sort_keys=True) == json.dumps(used, sort_keys=True)
    assert tuple(sorted(frame.repairs)) == names


@pytest.mark.parametrize(
    ("action", "payload", "code"),
    [
        ("StartTransaction", {"connectorId": 1}, "OccurenceConstraintViolation"),
        ("StartTransaction", START | {"meterStart": None}, "TypeConstraintViolation"),
        ("StartTransaction", START | {"meterStart": "5 Wh"}, "TypeConstraintViolation"),
        ("StartTransaction", START | {"meterStart": "\uff15"}, "TypeConstraintViolation"),
        ("StartTransaction", START | {"meterStart": "9" * 19}, "TypeConstraintViolation"),
        ("StartTransaction", START | {"meterStart": 0.5}, "TypeConstraintViolation"),
        ("StartTransaction", START | {"meterStart": 1e17}, "TypeConstraintViolation"),
        ("StartTransaction", START | {"idTag": True}, "TypeConstraintViolation"),
        ("StartTransaction", START | {"idTag": ["TAG"]}, "TypeConstraintViolation"),
        ("MeterValues", sampled(format="Cooked"), "PropertyConstraintViolation"),
        ("MeterValues", meter_values({}, timestamp="t"), "OccurenceConstraintViolation"),
        ("MeterValues", {"connectorId": 1, "meterValue": [None]}, "TypeConstraintViolation"),
        ("BootNotification", {"chargePointVendor": "V"}, "OccurenceConstraintViolation"),
    ],
)
def test_what_has_no_clear_meaning_is_refused(action: str, payload: Any, code: str) -> None:
    frame = parse(action, payload)
    assert isinstance(frame, BadFrame), frame
    assert frame.code == code


@pytest.mark.parametrize("action", ["StartTransaction", "StopTransaction"])
def test_a_tag_is_never_cut(action: str) -> None:
    tag = "0123456789ABCDEF0123456789"
    frame = parse(action, (START if action == "StartTransaction" else STOP) | {"idTag": tag})
    assert isinstance(frame, Call)
    assert frame.payload["idTag"] == tag
    assert frame.repairs == ("over-long-text",)


@pytest.mark.parametrize(
    ("action", "payload"),
    [
        ("Authorize", {"idTag": "x" * 21}),
        ("Authorize", {"idTag": 5}),
        ("Authorize", {"idTag": "x", "extra": 1}),
        ("Heartbeat", {"extra": 1}),
        ("DataTransfer", {"vendorId": 5}),
        ("FirmwareStatusNotification", {"status": "installed"}),
    ],
)
def test_other_actions_are_held_to_their_schema(action: str, payload: Any) -> None:
    assert action not in TOLERANT_ACTIONS
    assert isinstance(parse(action, payload), BadFrame)


def test_transactions_boot_and_status_are_tolerated() -> None:
    assert {
        "BootNotification",
        "MeterValues",
        "StartTransaction",
        "StatusNotification",
        "StopTransaction",
    } == TOLERANT_ACTIONS


def places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value inside a payload."""
    children: list[tuple[Any, Any]] = []
    if isinstance(node, dict):
        children = list(node.items())
    elif isinstance(node, list):
        children = list(enumerate(node))
    return [
        found for key, child in children for found in [(*path, key), *places(child, (*path, key))]
    ]


DAMAGE: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, 0, -1, 7.0, 0.5, 1e300, 2**63, "", "7", "raw", "x" * 600, [], {}, [None], {"x": 1}]
)


@given(requests(*TOLERANT_ACTIONS), st.lists(st.tuples(st.integers(0, 99), DAMAGE), max_size=4))
def test_any_damage_is_repaired_or_refused(
    request: tuple[str, dict[str, Any]], damages: list[tuple[int, Any]]
) -> None:
    action, payload = request
    payload = deepcopy(payload)
    for number, damage in damages:
        paths = places(payload)
        path = paths[number % len(paths)]
        node: Any = payload
        for part in path[:-1]:
            node = node[part]
        if isinstance(damage, dict) and isinstance(node, dict):
            node.update(damage)
        else:
            node[path[-1]] = damage
    sent = deepcopy(payload)
    frame = frames.parse(json.dumps([2, "1", action, payload]), FROM_CHARGE_POINT)
    if isinstance(frame, Call):
        assert bool(frame.repairs) is not ACTIONS[action].request_is_valid(sent)
        # What is left of the rules: texts that are too long, values outside their lists.
        left = {error.kind.name for error in ACTIONS[action].request_errors(frame.payload)}
        assert left <= {"maxLength", "enum"}
    else:
        assert isinstance(frame, BadFrame)
        assert frame.reply() is not None
