"""The charge point that a test opens."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from ocpp_trio.simulator import CannotConnect, open_charge_point
from tests.simulator.central import Central


async def test_it_is_booted_and_obeys(autojump_clock: MockClock, central: Central) -> None:
    said: list[str] = []
    async with open_charge_point(
        central.endpoint, "CP7", faults=["ClearCache=silent"], say=said.append
    ) as point:
        assert central.actions()[:1] == ["BootNotification"]
        assert central.paths == ["/ocpp/CP7"]
        point.faults.set("ClearCache=none")
        assert await central.status("ClearCache") == "Accepted"
        assert point.present("TAG")
        await central.until("StartTransaction")
        with trio.fail_after(60):
            await point.bell.until(lambda: point.charging_since is not None)
        point.faults.set("Reset=refuse")
        await central.status("Reset", type="Soft")
    assert said == [
        'CP7: told ClearCache {} -> {"status": "Accepted"}',
        'CP7: told Reset {"type": "Soft"} -> fault refuse',
    ]


async def test_nobody_there(autojump_clock: MockClock, central: Central) -> None:
    central.listening = False
    with pytest.raises(CannotConnect, match="connection refused"):
        async with open_charge_point(central.endpoint, "CP7"):
            pytest.fail("it is not connected")


async def test_a_fault_that_is_none(central: Central) -> None:
    with pytest.raises(ValueError, match="ACTION=KIND"):
        async with open_charge_point(central.endpoint, "CP7", faults=["Reset"]):
            pytest.fail("it is not connected")
