"""What stations tell beside their sessions, over a real session."""

from __future__ import annotations

from typing import Any

import pytest
from structlog.testing import capture_logs
from trio.testing import MockClock

from ocpp_trio.central import vendors
from ocpp_trio.central.handlers import HANDLERS
from ocpp_trio.central.vendors.answer import Answer
from ocpp_trio.ocppj.actions import FROM_CHARGE_POINT
from ocpp_trio.store import (
    certificates,
    charge_points,
    data_transfers,
    jobs,
    schema_repairs,
    security_events,
)
from tests.central.conftest import OpenSystem, System
from tests.support.certificates import request
from tests.support.station import BOOT, Refused, connected

EVENT = {"type": "TamperDetectionActivated", "timestamp": "2026-11-23T08:00:00Z"}


def test_every_action_of_a_charge_point_is_handled() -> None:
    assert set(HANDLERS) == FROM_CHARGE_POINT


async def test_a_critical_event_is_raised_once(autojump_clock: MockClock, system: System) -> None:
    async with connected(system.listener) as station:
        await station.boot()
        with capture_logs() as logged:
            for message_id in ("a", "b"):
                assert await station.call("SecurityEventNotification", EVENT, message_id) == {}
            event = EVENT | {"type": "InvalidMessages"}
            assert await station.call("SecurityEventNotification", event) == {}
    warnings = [each["event"] for each in logged if each["log_level"] == "warning"]
    assert warnings == ["critical security event TamperDetectionActivated"]
    total = await system.central.database.read(
        security_events.listing.count, security_events.Filter()
    )
    assert total == 2


@pytest.mark.parametrize(
    ("csr", "status", "state"),
    [(request(), "Accepted", "received"), ("nonsense", "Rejected", "rejected")],
)
async def test_a_certificate_request(
    autojump_clock: MockClock, system: System, csr: str, status: str, state: str
) -> None:
    async with connected(system.listener) as station:
        await station.boot()
        assert await station.call("SignCertificate", {"csr": csr}) == {"status": status}
    which = certificates.RequestFilter("CP001")
    (row,) = await system.central.database.read(certificates.requests.page, which, None, 10, 0)
    assert (row["csr"], row["state"]) == (csr, state)


@pytest.mark.parametrize(
    ("action", "status"),
    [
        ("DiagnosticsStatusNotification", "Uploaded"),
        ("FirmwareStatusNotification", "Installed"),
        ("LogStatusNotification", "Uploaded"),
        ("SignedFirmwareStatusNotification", "InstallRebooting"),
    ],
)
async def test_a_notification_about_no_job_is_answered(
    autojump_clock: MockClock, system: System, action: str, status: str
) -> None:
    async with connected(system.listener) as station:
        await station.boot()
        assert await station.call(action, {"status": status}) == {}
    assert await system.central.database.read(jobs.listing.count, jobs.Filter()) == 0


async def failing(*_: object) -> Answer:
    raise RuntimeError("vendor's fault")


@pytest.mark.parametrize(
    ("payload", "answer"),
    [
        ({"vendorId": "nobody"}, {"status": "UnknownVendorId"}),
        ({"vendorId": "ocpp_trio", "messageId": "Nope"}, {"status": "UnknownMessageId"}),
        (
            {"vendorId": "ocpp_trio", "messageId": "Echo", "data": "d"},
            {"status": "Accepted", "data": "d"},
        ),
        ({"vendorId": "ocpp_trio", "messageId": "Echo"}, {"status": "Accepted"}),
    ],
)
async def test_a_vendor_is_asked_and_its_data_kept(
    autojump_clock: MockClock, system: System, payload: dict[str, Any], answer: dict[str, Any]
) -> None:
    async with connected(system.listener) as station:
        await station.boot()
        assert await station.call("DataTransfer", payload) == answer
    (row,) = await system.central.database.read(
        data_transfers.listing.page, data_transfers.Filter(), None, 10, 0
    )
    assert (row["vendor_id"], row["answer"]) == (payload["vendorId"], answer["status"])


async def test_a_vendor_that_fails_loses_nothing(
    autojump_clock: MockClock,
    system: System,
    monkeypatch: pytest.MonkeyPatch,
    expected_errors: list[Any],
) -> None:
    monkeypatch.setitem(vendors.VENDORS, "broken", failing)
    async with connected(system.listener) as station:
        await station.boot()
        answer = await station.call("DataTransfer", {"vendorId": "broken", "data": "d"})
        assert answer == {"status": "Rejected"}
    assert (
        await system.central.database.read(data_transfers.listing.count, data_transfers.Filter())
        == 1
    )
    assert [error["event"] for error in expected_errors] == ["vendor's handler failed"]


async def repairs(system: System) -> dict[tuple[str, str], int]:
    await system.central.presence.write(system.central.database)
    rows = await system.central.database.read(schema_repairs.of_charge_point, "CP001")
    return {(row["action"], row["repair"]): row["times"] for row in rows}


async def test_repairs_are_counted_and_warned_about_once(
    autojump_clock: MockClock, system: System
) -> None:
    async with connected(system.listener) as station:
        with capture_logs() as logged:
            await station.call("BootNotification", BOOT | {"mood": "good"})
            await station.call("BootNotification", BOOT | {"mood": "bad"})
    assert await repairs(system) == {("BootNotification", "extra-property"): 2}
    warnings = [each for each in logged if "repaired" in each["event"]]
    assert [each["log_level"] for each in warnings] == ["warning"]


async def test_a_known_quirk_is_counted_without_a_warning(
    autojump_clock: MockClock, system: System
) -> None:
    boot = {"chargePointVendor": "VESTEL", "chargePointModel": "EVC04"}
    empty = {"connectorId": 1, "meterValue": [{"timestamp": "t", "sampledValue": []}]}
    for reconnect in (False, True):
        async with connected(system.listener) as station:
            if not reconnect:
                await station.call("BootNotification", boot)
            with capture_logs() as logged:
                assert await station.call("MeterValues", empty) == {}
        assert not [each for each in logged if each["log_level"] == "warning"]
    assert await repairs(system) == {("MeterValues", "empty-list"): 2}


async def test_a_strict_server_takes_nothing_that_breaks_the_schema(
    autojump_clock: MockClock, open_system: OpenSystem
) -> None:
    async with (
        open_system(OCPP_CONFORMANCE="strict") as system,
        connected(system.listener) as station,
    ):
        with pytest.raises(Refused):
            await station.call("BootNotification", BOOT | {"mood": "good"})
        await station.boot()
        await system.central.database.write(
            charge_points.update, "CP001", {"conformance": "tolerant"}, 1
        )
        session = system.central.hub.get("CP001")
        assert session is not None
        session.set_tolerance(None, None, None, "tolerant")
        assert (await station.call("BootNotification", BOOT | {"mood": "good"}))["status"]
