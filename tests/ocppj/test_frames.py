"""Frames: what a peer may send, what it is told, and that nothing it sends raises."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpp_trio.ocppj import diagnosis, frames
from ocpp_trio.ocppj.actions import ACTIONS, FROM_CENTRAL_SYSTEM, FROM_CHARGE_POINT
from ocpp_trio.ocppj.frames import BadFrame, Call, CallError, CallResult
from tests.support.payloads import TEXT, meter_values, requests

# OCPP-J 1.6, table 7, spelled as there.
CODES_OF_1_6 = {
    "NotImplemented",
    "NotSupported",
    "InternalError",
    "ProtocolError",
    "SecurityError",
    "FormationViolation",
    "PropertyConstraintViolation",
    "OccurenceConstraintViolation",
    "TypeConstraintViolation",
    "GenericError",
}

START = {
    "connectorId": 1,
    "idTag": "TAG",
    "meterStart": 0,
    "timestamp": "2026-11-23T08:00:00Z",
}


def call(action: str, payload: Any, message_id: str = "1") -> str:
    return json.dumps([2, message_id, action, payload])


def refused(text: str) -> tuple[str, str]:
    """The id and code of the CALLERROR that answers `text`."""
    frame = frames.parse(text)
    assert isinstance(frame, BadFrame), frame
    reply = frame.reply()
    assert reply is not None
    kind, message_id, code, description, details = json.loads(reply)
    assert (kind, details) == (4, {})
    assert code == frame.code
    assert 0 < len(description) <= 255
    assert len(reply.encode()) < 512
    return message_id, code


def unanswered(text: str) -> bool:
    frame = frames.parse(text)
    return isinstance(frame, BadFrame) and frame.reply() is None


# What is well-formed


def test_a_call() -> None:
    assert frames.parse('[2, "19223201",\n "Heartbeat", {}]') == Call("19223201", "Heartbeat", {})


def test_null_stands_for_an_empty_payload() -> None:
    assert frames.parse('[2,"1","Heartbeat",null]') == Call("1", "Heartbeat", {})
    assert frames.parse('[3,"1",null]') == CallResult("1", {})


@pytest.mark.parametrize("message_id", ["1", "4294967296", "x" * 36, "ä€😀", '"\\', " "])
def test_a_message_id_is_any_text_of_1_to_36_characters(message_id: str) -> None:
    text = call("Heartbeat", {}, message_id)
    assert frames.parse(text) == Call(message_id, "Heartbeat", {})
    assert refused(call("Nonsense", {}, message_id))[0] == message_id


def test_a_result_is_taken_whatever_it_holds() -> None:
    assert frames.parse('[3,"1",{"status":"Accepted"}]') == CallResult("1", {"status": "Accepted"})
    for unusable in ("[]", "7", '{"x":NaN}', '{"x":"\\ud800"}', "{" + '"a":{' * 30 + "}" * 31):
        assert frames.parse(f'[3,"1",{unusable}]') == CallResult("1", {"unusable": True})


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (
            '[4,"1","NotSupported","no",{"a":1}]',
            CallError("1", "NotSupported", "no"),
        ),
        ('[4,"1","GenericError","",{}]', CallError("1", "GenericError", "")),
        ('[4,"1","GenericError","line\\nline",{}]', CallError("1", "GenericError", "line\nline")),
        ('[4,"1","GenericError"]', CallError("1", "GenericError", "")),
        ('[4,"1","GenericError",null]', CallError("1", "GenericError", "")),
        ('[4,"1",null,null,null]', CallError("1", "", "")),
        (f'[4,"1","{"c" * 99}","{"d" * 999}",{{}}]', CallError("1", "c" * 64, "d" * 255)),
        # It ends its CALL even where the rest of it is of no use.
        ('[4,"1","X","a\\u0000b",{}]', CallError("1", "X", "a\\u0000b")),
        ('[4,"1","X","a\\ud800b",{}]', CallError("1", "X", "a?b")),
        ('[4,"1","X","d",{"x":NaN}]', CallError("1", "X", "d")),
    ],
)
def test_a_call_error(text: str, error: CallError) -> None:
    assert frames.parse(text) == error


# What cannot be answered


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "{}",
        "[]",
        "7",
        '"[2]"',
        "null",
        "[2]",
        '[9,"x"]',
        '[2,"1","Heartbeat",{}',
        '[2,"1","Heartbeat",{}] x',
        '\ufeff[2,"1","Heartbeat",{}]',
        '[2.0,"1","Heartbeat",{}]',
        '["2","1","Heartbeat",{}]',
        '[true,"1","Heartbeat",{}]',
        '[2,1,"Heartbeat",{}]',
        '[2,"","Heartbeat",{}]',
        '[2,null,"Heartbeat",{}]',
        '[2,{"x":1},["A"],null]',
        '[2,"\\ud800","Heartbeat",{}]',
        '[2,"1","Heartbeat",{"x":"\x00"}]',
        '[3,"1"]',
        "[3,1,{}]",
        '[4,"1"]',
        '[4,1,"X","",{}]',
        "[" * 100_000,
        '[2,"1","Heartbeat",' + "[" * 100_000,
        "[2," + "9" * 5000 + ',"Heartbeat",{}]',
        '[3,"1",{}' + "," * 1_000,
    ],
    ids=lambda text: text[:30],
)
def test_without_a_readable_call_nothing_is_answered(text: str) -> None:
    assert unanswered(text)


# What is refused, and with which code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('[2,"1"]', "FormationViolation"),
        ('[2,"1","Heartbeat"]', "FormationViolation"),
        ('[2,"1","Heartbeat",{},{}]', "FormationViolation"),
        ('[2,"1",7,{}]', "FormationViolation"),
        ('[2,"1","Heartbeat",[]]', "FormationViolation"),
        ('[2,"1","Heartbeat",""]', "FormationViolation"),
        ('[2,"1","Nonsense",{}]', "NotImplemented"),
        ('[2,"1","heartbeat",{}]', "NotImplemented"),
        ('[2,"1","",{}]', "NotImplemented"),
        ('[2,"1","../../v201/schemas/BootNotificationRequest",{}]', "NotImplemented"),
        ('[2,"1","__class__",{}]', "NotImplemented"),
        ('[2,"1","Reset",{"type":"Soft"}]', "NotSupported"),
        (call("Authorize", {}), "OccurenceConstraintViolation"),
        (call("Authorize", {"idTag": "x" * 21}), "PropertyConstraintViolation"),
        (call("Authorize", {"idTag": 5}), "TypeConstraintViolation"),
        (call("Authorize", {"idTag": None}), "TypeConstraintViolation"),
        (call("Authorize", {"idTag": "x", "more": 1}), "FormationViolation"),
        (call("FirmwareStatusNotification", {"status": "Great"}), "PropertyConstraintViolation"),
        (call("MeterValues", {"connectorId": 1}), "OccurenceConstraintViolation"),
        (call("StartTransaction", START | {"meterStart": "x"}), "TypeConstraintViolation"),
        (call("StartTransaction", START | {"meterStart": True}), "TypeConstraintViolation"),
        (call("StartTransaction", START | {"meterStart": 0.5}), "TypeConstraintViolation"),
        (call("StartTransaction", START | {"meterStart": 2**63}), "PropertyConstraintViolation"),
        # huge numbers, NaN, infinities
        (call("StartTransaction", START | {"connectorId": 10**30}), "PropertyConstraintViolation"),
        (
            call("StartTransaction", START | {"connectorId": -(10**30)}),
            "PropertyConstraintViolation",
        ),
        (f'[2,"1","Heartbeat",{{"x":{"7" * 5000}}}]', "PropertyConstraintViolation"),
        ('[2,"1","StatusNotification",{"connectorId":NaN}]', "FormationViolation"),
        ('[2,"1","StatusNotification",{"connectorId":-Infinity}]', "FormationViolation"),
        ('[2,"1","StatusNotification",{"connectorId":1e999}]', "PropertyConstraintViolation"),
        # depth
        ('[2,"1","Heartbeat",' + '{"a":' * 500 + "1" + "}" * 500 + "]", "FormationViolation"),
        (
            '[2,"1","StatusNotification",{"status":' + "[" * 500 + "]" * 500 + "}]",
            "FormationViolation",
        ),
        # half a surrogate pair is no UTF-8
        (call("StatusNotification", {"vendorErrorCode": "\ud800"}), "FormationViolation"),
        (call("StatusNotification", {"\udfff": 1}), "FormationViolation"),
        ('[2,"1","Authorize",{"idTag":"\udc80"}]', "FormationViolation"),
    ],
    ids=lambda text: text[:40],
)
def test_the_code_of_a_refusal(text: str, code: str) -> None:
    assert refused(text) == ("1", code)


def test_an_id_that_is_too_long_comes_back_cut_to_36() -> None:
    assert refused(call("Heartbeat", {}, "x" * 40)) == ("x" * 36, "FormationViolation")
    frame = frames.parse(call("Heartbeat", {}, "x" * 1_000_000))
    assert isinstance(frame, BadFrame)
    assert len(frame.reply() or "") < 200


@pytest.mark.parametrize("message_id", ["\x01" * 99, "😀" * 99, '"' * 36, "\\" * 99])
def test_an_id_of_the_costliest_characters_stays_small(message_id: str) -> None:
    assert refused(call("Nonsense", {}, message_id))[0] == message_id[:36]


def test_a_large_message_gives_a_small_answer_that_repeats_none_of_it() -> None:
    text = call("Authorize", {"idTag": "SECRET" * 80_000, "SECRET": "SECRET"})
    frame = frames.parse(text)
    assert isinstance(frame, BadFrame)
    reply = frame.reply() or ""
    assert "SECRET" not in reply
    assert len(reply) < 512


def test_every_code_is_one_of_1_6() -> None:
    fixed = {diagnosis.NOT_IMPLEMENTED, diagnosis.NOT_SUPPORTED, diagnosis.PROPERTY}
    assert fixed | set(diagnosis.CODES.values()) <= CODES_OF_1_6


def test_the_same_schema_error_is_refused_in_either_direction() -> None:
    frame = frames.parse(call("Reset", {"type": "Warm"}), FROM_CENTRAL_SYSTEM)
    assert isinstance(frame, BadFrame)
    assert frame.code == "PropertyConstraintViolation"
    frame = frames.parse(call("Authorize", {"idTag": "x"}), FROM_CENTRAL_SYSTEM)
    assert isinstance(frame, BadFrame)
    assert frame.code == "NotSupported"


# What must pass, however odd


@pytest.mark.parametrize("transaction_id", [-1, 0, 2**31, 2**63 - 1, -(2**63)])
def test_any_transaction_id_of_64_bits_passes(transaction_id: int) -> None:
    payload = meter_values({"value": "1"}, timestamp="x", transactionId=transaction_id)
    assert frames.parse(call("MeterValues", payload)) == Call("1", "MeterValues", payload)


@pytest.mark.parametrize("value", ["NaN", "\uff11\uff12", "1_000", "", "1e999"])
def test_a_sampled_value_is_text(value: str) -> None:
    payload = meter_values({"value": value}, timestamp="x")
    assert frames.parse(call("MeterValues", payload)) == Call("1", "MeterValues", payload)


@pytest.mark.parametrize("unit", ["Celsius", "Celcius"])
def test_both_spellings_of_celsius_pass_unrepaired(unit: str) -> None:
    payload = meter_values({"value": "40", "unit": unit}, timestamp="x")
    assert frames.parse(call("MeterValues", payload)) == Call("1", "MeterValues", payload)
    stop = {
        "transactionId": 1,
        "meterStop": 1,
        "timestamp": "x",
        "transactionData": payload["meterValue"],
    }
    assert frames.parse(call("StopTransaction", stop)) == Call("1", "StopTransaction", stop)


def test_a_timestamp_is_never_a_reason_to_refuse() -> None:
    payload = START | {"timestamp": "yesterday"}
    assert frames.parse(call("StartTransaction", payload)) == Call("1", "StartTransaction", payload)


def test_of_equal_keys_the_last_counts() -> None:
    text = '[2,"1","Authorize",{"idTag":"a","idTag":"b"}]'
    assert frames.parse(text) == Call("1", "Authorize", {"idTag": "b"})


def test_nul_is_escaped_and_named() -> None:
    frame = frames.parse(call("StartTransaction", START | {"idTag": "A\0B"}))
    assert frame == Call("1", "StartTransaction", START | {"idTag": "A\\u0000B"}, ("nul-escaped",))
    assert frames.parse(call("Authorize", {"idTag": "A\0B"})) == Call(
        "1", "Authorize", {"idTag": "A\\u0000B"}, ("nul-escaped",)
    )
    assert frames.parse('[3,"1",{"a\\u0000":["\\u0000"]}]') == CallResult(
        "1", {"a\\u0000": ["\\u0000"]}
    )


def test_ten_thousand_unknown_actions_leave_nothing_behind() -> None:
    before = len(ACTIONS)
    for number in range(10_000):
        assert isinstance(frames.parse(f'[2,"1","Action{number}",{{}}]'), BadFrame)
    assert len(ACTIONS) == before


# The fast path and the diagnosing one agree


@given(requests(*FROM_CHARGE_POINT), st.text(TEXT, min_size=1, max_size=36), st.booleans())
def test_both_paths_read_a_valid_call_alike(
    request: tuple[str, dict[str, Any]], message_id: str, ascii_only: bool
) -> None:
    action, payload = request
    text = json.dumps([2, message_id, action, payload], ensure_ascii=ascii_only, indent=1)
    frame = frames.parse(text)
    assert frame == Call(message_id, action, payload)
    slow = diagnosis.diagnose(text, FROM_CHARGE_POINT)
    assert slow == diagnosis.Usable(message_id, action, payload)
    assert json.dumps(slow.payload) == json.dumps(payload)


# Whatever comes: nothing raises, and an answer is a small CALLERROR of 1.6

ANY_TEXT = st.text(st.characters(exclude_categories=()))
HUGE = "a number of 4500 digits"
ANY_JSON: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), ANY_TEXT, st.just(HUGE)),
    lambda children: st.one_of(st.lists(children), st.dictionaries(ANY_TEXT, children)),
    max_leaves=12,
)


def check_answer(text: str) -> None:
    for accepted in (FROM_CHARGE_POINT, FROM_CENTRAL_SYSTEM):
        frame = frames.parse(text, accepted)
        if isinstance(frame, BadFrame):
            reply = frame.reply()
            if reply is not None:
                assert len(reply.encode("utf-8")) < 512
                kind, _, code, _, details = json.loads(reply)
                assert (kind, details) == (4, {})
                assert code in CODES_OF_1_6
        else:
            # What is handed on can be written down.
            json.dumps(frame, ensure_ascii=False).encode("utf-8")


@given(ANY_TEXT)
def test_any_text(text: str) -> None:
    check_answer(text)
    check_answer(f'[2,"1",{text}]')


@given(ANY_JSON)
def test_any_json(value: Any) -> None:
    check_answer(_dumps(value))
    check_answer(_dumps([2, "1", value, {}]))
    check_answer(_dumps([3, "1", value]))
    check_answer(_dumps([4, "1", value, value, value]))


@given(st.sampled_from(sorted(FROM_CHARGE_POINT)), ANY_JSON)
def test_any_payload(action: str, payload: Any) -> None:
    check_answer(_dumps([2, "1", action, payload]))


def _dumps(value: Any) -> str:
    return json.dumps(value).replace(f'"{HUGE}"', "9" * 4500)


# What we send


def test_our_own_frames() -> None:
    assert json.loads(frames.encode_call("7", "Reset", {"type": "Hard"})) == [
        2,
        "7",
        "Reset",
        {"type": "Hard"},
    ]
    assert frames.parse(frames.encode_result("7", {"a": "ä"})) == CallResult("7", {"a": "ä"})
    assert frames.parse(frames.encode_error("7", "GenericError", "d" * 999)) == CallError(
        "7", "GenericError", "d" * 255
    )


def test_our_ids_are_as_long_as_allowed_and_never_the_same() -> None:
    ids = {frames.new_id() for _ in range(100)}
    assert len(ids) == 100
    assert {len(one) for one in ids} == {36}


@pytest.mark.parametrize(
    ("limit", "fine"),
    [(21.4, True), (0.1, True), (32, True), (16.0, True), (4.11, False), (0.05, False)],
)
def test_a_charging_limit_has_one_decimal(limit: float, fine: bool) -> None:
    profile = {
        "chargingProfileId": 1,
        "stackLevel": 0,
        "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Absolute",
        "chargingSchedule": {
            "chargingRateUnit": "A",
            "chargingSchedulePeriod": [{"startPeriod": 0, "limit": limit}],
        },
    }
    problems = frames.check_request(
        "SetChargingProfile", {"connectorId": 1, "csChargingProfiles": profile}
    )
    where = "csChargingProfiles.chargingSchedule.chargingSchedulePeriod.0.limit"
    assert [field for field, _ in problems] == ([] if fine else [where])


def nested(depth: int) -> dict[str, Any]:
    node: dict[str, Any] = {}
    for _ in range(depth):
        node = {"a": node}
    return node


def test_an_answer_is_checked_against_the_schema_of_its_action() -> None:
    assert frames.check_response("Reset", {"status": "Accepted"}) is None
    assert frames.check_response("Reset", {"status": "Maybe"}) == (
        "a property has a value outside its list: status"
    )
    assert frames.check_response("Reset", {}) == "a required property is missing: status"
    assert frames.check_response("Reset", nested(600)) == "nested too deeply"


def test_a_request_of_ours_is_checked_and_all_of_its_errors_named() -> None:
    problems = frames.check_request("RemoteStartTransaction", {"connectorId": "1"})
    assert sorted(field for field, _ in problems) == ["", "connectorId"]
    assert frames.check_request("RemoteStartTransaction", nested(600)) == [
        ("", "nested too deeply")
    ]
    assert frames.check_request("ClearCache", {}) == []


@pytest.mark.parametrize(
    ("text", "payload"),
    [
        ('[2,"1","Heartbeat",{}]', "{}"),
        ('[2,"1","Heartbeat",null]', "{}"),
        ('[2, "1", "Authorize" , {"idTag": "{x}"} ]\n', '{"idTag": "{x}"}'),
        ('[2,"Authorize","Authorize",{"idTag":"Authorize"}]', '{"idTag":"Authorize"}'),
        ('[2,"1","Authorize",{"idTag":"\\u007d"}]', '{"idTag":"\\u007d"}'),
    ],
)
def test_the_payload_as_its_sender_spelled_it(text: str, payload: str) -> None:
    frame = frames.parse(text)
    assert isinstance(frame, Call)
    assert frames.payload_text(text, frame.action) == payload
