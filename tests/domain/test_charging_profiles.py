"""The rules of charging profiles: each by its name, and what they leave in peace."""

from __future__ import annotations

import json
from copy import deepcopy
from decimal import Decimal
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpp_trio.domain.command_rules import broken_rules
from ocpp_trio.ocppj import frames
from ocpp_trio.ocppj.actions import ACTIONS

Payload = dict[str, Any]


def profile(**changes: Any) -> Payload:
    """A TxDefaultProfile that breaks no rule; `schedule_` is for its schedule, None leaves out."""
    fields: Payload = {
        "chargingProfileId": 1,
        "stackLevel": 0,
        "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Absolute",
    }
    schedule: Payload = {
        "startSchedule": "2026-11-23T00:00:00Z",
        "chargingRateUnit": "A",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16.0}],
    }
    for name, value in changes.items():
        inner = name.startswith("schedule_")
        target, key = (schedule, name.removeprefix("schedule_")) if inner else (fields, name)
        if value is None:
            target.pop(key, None)
        else:
            target[key] = value
    return {**fields, "chargingSchedule": schedule}


def set_profile(connector_id: int = 1, **changes: Any) -> Payload:
    return {"connectorId": connector_id, "csChargingProfiles": profile(**changes)}


def fields(action: str, payload: Payload) -> list[str]:
    assert frames.check_request(action, payload) == [] or "limit" in str(payload)
    return [field.removeprefix("csChargingProfiles.") for field, _ in broken_rules(action, payload)]


def periods(*pairs: tuple[int, float], phases: int | None = None) -> list[Payload]:
    extra = {} if phases is None else {"numberPhases": phases}
    return [{"startPeriod": start, "limit": limit, **extra} for start, limit in pairs]


@pytest.mark.parametrize(
    ("connector", "changes"),
    [
        (0, {}),
        (1, {}),
        (0, {"chargingProfilePurpose": "ChargePointMaxProfile"}),
        (1, {"chargingProfilePurpose": "TxProfile"}),
        (1, {"chargingProfilePurpose": "TxProfile", "transactionId": 999_999}),
        (1, {"chargingProfileKind": "Relative", "schedule_startSchedule": None}),
        (1, {"chargingProfileKind": "Recurring", "recurrencyKind": "Daily"}),
        # Errata 3.65 and 3.66: also for a TxProfile.
        (
            1,
            {
                "chargingProfilePurpose": "TxProfile",
                "validFrom": "2026-11-23T00:00:00Z",
                "validTo": "2026-11-23T00:00:01Z",
            },
        ),
        (97, {"stackLevel": 99, "schedule_duration": 0}),
        (1, {"schedule_chargingSchedulePeriod": periods((0, 0), (1, 1.1), (7200, 21.4), phases=1)}),
        (1, {"schedule_minChargingRate": 8.1}),
    ],
)
def test_what_breaks_no_rule(connector: int, changes: Payload) -> None:
    assert fields("SetChargingProfile", set_profile(connector, **changes)) == []


@pytest.mark.parametrize(
    ("connector", "changes", "field"),
    [
        (1, {"chargingProfilePurpose": "ChargePointMaxProfile"}, "connectorId"),
        (0, {"chargingProfilePurpose": "TxProfile"}, "connectorId"),
        (-1, {}, "connectorId"),
        (1, {"transactionId": 1}, "transactionId"),
        (1, {"chargingProfileId": 0}, "chargingProfileId"),
        (1, {"chargingProfileId": 2**31}, "chargingProfileId"),
        (1, {"stackLevel": -1}, "stackLevel"),
        (1, {"chargingProfileKind": "Recurring"}, "recurrencyKind"),
        (1, {"recurrencyKind": "Daily"}, "recurrencyKind"),
        (1, {"chargingProfileKind": "Relative"}, "chargingSchedule.startSchedule"),
        (1, {"schedule_startSchedule": None}, "chargingSchedule.startSchedule"),
        (1, {"schedule_startSchedule": "today"}, "chargingSchedule.startSchedule"),
        (1, {"validFrom": "later"}, "validFrom"),
        (
            1,
            {"validFrom": "2026-11-23T00:00:00Z", "validTo": "2026-11-23T01:00:00+01:00"},
            "validTo",
        ),
        (1, {"schedule_duration": -1}, "chargingSchedule.duration"),
        (1, {"schedule_minChargingRate": 8.15}, "chargingSchedule.minChargingRate"),
        (1, {"schedule_chargingSchedulePeriod": []}, "chargingSchedule.chargingSchedulePeriod"),
        (
            1,
            {"schedule_chargingSchedulePeriod": periods((1, 6))},
            "chargingSchedule.chargingSchedulePeriod.0.startPeriod",
        ),
        (
            1,
            {"schedule_chargingSchedulePeriod": periods((0, 6), (60, 8), (60, 9))},
            "chargingSchedule.chargingSchedulePeriod.2.startPeriod",
        ),
        (
            1,
            {"schedule_chargingSchedulePeriod": periods((0, 4.11))},
            "chargingSchedule.chargingSchedulePeriod.0.limit",
        ),
        (
            1,
            {"schedule_chargingSchedulePeriod": periods((0, -0.1))},
            "chargingSchedule.chargingSchedulePeriod.0.limit",
        ),
        (
            1,
            {"schedule_chargingSchedulePeriod": periods((0, 6), phases=4)},
            "chargingSchedule.chargingSchedulePeriod.0.numberPhases",
        ),
    ],
)
def test_each_rule_names_its_field(connector: int, changes: Payload, field: str) -> None:
    assert fields("SetChargingProfile", set_profile(connector, **changes)) == [field]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"chargingProfilePurpose": "TxProfile"}, None),
        ({}, "chargingProfile.chargingProfilePurpose"),
        (
            {"chargingProfilePurpose": "TxProfile", "transactionId": 5},
            "chargingProfile.transactionId",
        ),
        (
            {"chargingProfilePurpose": "TxProfile", "schedule_startSchedule": None},
            "chargingProfile.chargingSchedule.startSchedule",
        ),
    ],
)
def test_a_profile_in_a_remote_start(changes: Payload, field: str | None) -> None:
    payload = {"idTag": "T", "chargingProfile": profile(**changes)}
    assert fields("RemoteStartTransaction", payload) == ([] if field is None else [field])


@given(st.integers(0, 10**9))
def test_a_limit_with_one_decimal_is_allowed_and_goes_out_as_it_is(tenths: int) -> None:
    limit = tenths / 10
    payload = set_profile(schedule_chargingSchedulePeriod=periods((0, limit)))
    assert broken_rules("SetChargingProfile", payload) == []
    assert frames.check_request("SetChargingProfile", payload) == []
    text = frames.encode_call("m", "SetChargingProfile", payload)
    sent = json.loads(text, parse_float=Decimal, parse_int=Decimal)[3]
    exact = sent["csChargingProfiles"]["chargingSchedule"]["chargingSchedulePeriod"][0]["limit"]
    assert exact == Decimal(tenths) / 10
    schema = deepcopy(ACTIONS["SetChargingProfile"].request_schema)
    limit_schema = schema["properties"]["csChargingProfiles"]["properties"]["chargingSchedule"][
        "properties"
    ]["chargingSchedulePeriod"]["items"]["properties"]["limit"]
    limit_schema["multipleOf"] = Decimal("0.1")
    jsonschema.Draft4Validator(limit_schema).validate(exact)


@given(st.integers(0, 10**9).filter(lambda number: number % 10), st.integers(2, 6))
def test_a_limit_with_more_decimals_is_refused(digits: int, decimals: int) -> None:
    limit = float(Decimal(digits).scaleb(-decimals))
    payload = set_profile(schedule_chargingSchedulePeriod=periods((0, limit)))
    assert [
        field.rpartition(".")[2] for field, _ in broken_rules("SetChargingProfile", payload)
    ] == ["limit"]


@pytest.mark.parametrize(
    ("action", "payload", "field"),
    [
        ("GetCompositeSchedule", {"connectorId": -1, "duration": 1}, "connectorId"),
        ("GetCompositeSchedule", {"connectorId": 0, "duration": -1}, "duration"),
        ("SendLocalList", {"listVersion": 0, "updateType": "Full"}, "listVersion"),
        ("SendLocalList", {"listVersion": -1, "updateType": "Differential"}, "listVersion"),
        (
            "SendLocalList",
            {"listVersion": 1, "updateType": "Full", "localAuthorizationList": [{"idTag": "A"}]},
            "localAuthorizationList.0.idTagInfo",
        ),
        (
            "SendLocalList",
            {
                "listVersion": 1,
                "updateType": "Differential",
                "localAuthorizationList": [{"idTag": "A"}, {"idTag": "a"}],
            },
            "localAuthorizationList.1.idTag",
        ),
        (
            "ReserveNow",
            {
                "connectorId": -1,
                "expiryDate": "2026-11-23T00:00:00Z",
                "idTag": "A",
                "reservationId": 1,
            },
            "connectorId",
        ),
        (
            "ReserveNow",
            {"connectorId": 0, "expiryDate": "soon", "idTag": "A", "reservationId": 1},
            "expiryDate",
        ),
        ("GetCompositeSchedule", {"connectorId": 9, "duration": 0}, None),
        ("SendLocalList", {"listVersion": 1, "updateType": "Full"}, None),
        ("CancelReservation", {"reservationId": -5}, None),
        ("ClearChargingProfile", {"id": 4711}, None),
    ],
)
def test_the_rules_of_other_actions(action: str, payload: Payload, field: str | None) -> None:
    assert fields(action, payload) == ([] if field is None else [field])
