"""What a charging profile in a remote start must be."""

from __future__ import annotations

from typing import Any

import pytest

from ocpp_trio.domain.charging_profiles import remote_start_faults


def profile(**changes: Any) -> dict[str, Any]:
    periods = changes.pop("periods", [{"startPeriod": 0, "limit": 16.0}])
    return {
        "chargingProfileId": 1,
        "stackLevel": 0,
        "chargingProfilePurpose": "TxProfile",
        "chargingProfileKind": "Relative",
        "chargingSchedule": {"chargingRateUnit": "A", "chargingSchedulePeriod": periods},
    } | changes


def test_one_that_is_right() -> None:
    assert remote_start_faults(profile()) == []


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"chargingProfilePurpose": "TxDefaultProfile"}, ["chargingProfilePurpose"]),
        ({"chargingProfilePurpose": "ChargePointMaxProfile"}, ["chargingProfilePurpose"]),
        ({"transactionId": 7}, ["transactionId"]),
        ({"periods": []}, ["chargingSchedule.chargingSchedulePeriod.0.startPeriod"]),
        (
            {"periods": [{"startPeriod": 60, "limit": 6.0}]},
            ["chargingSchedule.chargingSchedulePeriod.0.startPeriod"],
        ),
        (
            {"transactionId": 7, "chargingProfilePurpose": "TxDefaultProfile"},
            ["chargingProfilePurpose", "transactionId"],
        ),
    ],
)
def test_each_rule(changes: dict[str, Any], fields: list[str]) -> None:
    assert [field for field, _ in remote_start_faults(profile(**changes))] == fields
