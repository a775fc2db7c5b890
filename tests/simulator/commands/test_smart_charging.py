"""Commands of the profile SmartCharging."""

from __future__ import annotations

from typing import Any

import pytest
from trio.testing import MockClock

from tests.simulator.central import Central
from tests.simulator.conftest import PlayFleet, Present


def profile(purpose: str, limit: float, number: int = 1, **fields: Any) -> dict[str, Any]:
    return {
        "chargingProfileId": number,
        "stackLevel": 0,
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": "Relative",
        "chargingSchedule": {
            "chargingRateUnit": "A",
            "chargingSchedulePeriod": [{"startPeriod": 0, "limit": limit}],
        },
        **fields,
    }


async def install(central: Central, connector: int, given: dict[str, Any]) -> str:
    return await central.status(
        "SetChargingProfile", connectorId=connector, csChargingProfiles=given
    )


async def composite(central: Central, **fields: Any) -> Any:
    answer = await central.command(
        "GetCompositeSchedule", **{"connectorId": 1, "duration": 600, **fields}
    )
    assert isinstance(answer, dict)
    return answer


async def test_profiles_are_installed_combined_and_cleared(
    autojump_clock: MockClock, central: Central, idle: PlayFleet
) -> None:
    async with idle():
        assert await install(central, 0, profile("ChargePointMaxProfile", 10)) == "Accepted"
        assert await install(central, 1, profile("TxDefaultProfile", 13, 2)) == "Accepted"
        assert await install(central, 2, profile("TxDefaultProfile", 13, 3)) == "Rejected"
        assert await install(central, 1, profile("TxProfile", 6, 3)) == "Rejected"
        answer = await composite(central)
        assert answer == {
            "status": "Accepted",
            "connectorId": 1,
            "scheduleStart": "2026-11-23T08:00:00Z",
            "chargingSchedule": {
                "duration": 600,
                "startSchedule": "2026-11-23T08:00:00Z",
                "chargingRateUnit": "A",
                "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 10.0, "numberPhases": 3}],
            },
        }
        assert await central.status("ClearChargingProfile", id=1) == "Accepted"
        assert await central.status("ClearChargingProfile", id=1) == "Unknown"
        (period,) = (await composite(central, connectorId=0, chargingRateUnit="W"))[
            "chargingSchedule"
        ]["chargingSchedulePeriod"]
        assert period["limit"] == 13 * 230 * 3
        assert (await composite(central, connectorId=2))["status"] == "Rejected"
        assert (await composite(central, duration=0))["status"] == "Rejected"
        assert (await composite(central, duration=8_638_204_643_667))["status"] == "Accepted"


async def test_a_profile_of_the_running_transaction_counts_until_its_end(
    autojump_clock: MockClock, central: Central, idle: PlayFleet, present: Present
) -> None:
    async def power(times: int) -> float:
        values = await central.until("MeterValues", times)
        return float(values["meterValue"][0]["sampledValue"][1]["value"])

    async with idle():
        await present("TAG")
        assert await power(1) > 9000
        wrong = profile("TxProfile", 8, transactionId=99)
        assert await install(central, 1, wrong) == "Rejected"
        assert await install(central, 1, profile("TxProfile", 8, transactionId=1)) == "Accepted"
        assert 5000 < await power(3) <= 8 * 3 * 234
        (period,) = (await composite(central))["chargingSchedule"]["chargingSchedulePeriod"]
        assert period["limit"] == 8
        await present("TAG")
        await central.until("1 Available")
        (period,) = (await composite(central))["chargingSchedule"]["chargingSchedulePeriod"]
        assert period["limit"] == pytest.approx(16)
