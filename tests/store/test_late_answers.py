"""A late answer tells of the time when its command was sent: what happened since stands."""

from __future__ import annotations

from typing import Any

import pytest

from ocpp_trio.domain.times import format_timestamp
from ocpp_trio.store import (
    certificates,
    charge_points,
    charging_profiles,
    configuration,
    local_lists,
    reservations,
)
from ocpp_trio.store.database import Database
from tests.support.certificates import hash_data, pem, root
from tests.support.clock import HOUR, SECOND, FakeNow
from tests.support.operator import Operator

TYPE = "CentralSystemRootCertificate"
INSTALL = {"certificateType": TYPE, "certificate": pem(root())}


@pytest.fixture
def operator(database: Database, now: FakeNow) -> Operator:
    return Operator(database, now)


async def overtaken(
    operator: Operator, late: tuple[str, dict[str, Any]], newer: tuple[str, dict[str, Any]]
) -> int:
    """A command whose answer does not come in time, and a newer one that is accepted; the number of
    the first.
    """
    number = await operator.ask(*late)
    operator.now.ms += 30 * SECOND
    await operator.end(number, "timeout")
    operator.now.ms += SECOND
    await operator.command(*newer)
    operator.now.ms += SECOND
    return number


@pytest.mark.parametrize("status", ["Accepted", "RebootRequired"])
async def test_a_configuration_key_keeps_its_newer_value(operator: Operator, status: str) -> None:
    database = operator.database
    register = charge_points.register
    await database.write(register, "CP1", charge_points.ACCEPTED, {}, operator.now())
    key = "HeartbeatInterval"
    number = await overtaken(
        operator,
        ("ChangeConfiguration", {"key": key, "value": "10"}),
        ("ChangeConfiguration", {"key": key.lower(), "value": "20"}),
    )
    await operator.end(number, "late", {"status": status})
    (row,) = await database.read(configuration.of_charge_point, "CP1")
    assert (row["value"], row["pending_value"]) == ("20", None)
    point = await database.read(charge_points.find, "CP1")
    assert point is not None
    assert point["heartbeat_interval"] == 20
    # What was asked and answered is on record all the same.
    changes = configuration.changes.page
    found = await database.read(changes, configuration.Filter("CP1"), None, 10, 0)
    assert [row["new_value"] for row in found] == ["10", "20"]


async def test_so_it_does_against_a_report(operator: Operator) -> None:
    number = await overtaken(
        operator,
        ("GetConfiguration", {}),
        ("ChangeConfiguration", {"key": "A", "value": "new"}),
    )
    keys = [
        {"key": "A", "readonly": False, "value": "old"},
        {"key": "B", "readonly": False, "value": "b"},
    ]
    await operator.end(number, "late", {"configurationKey": keys})
    rows = await operator.database.read(configuration.of_charge_point, "CP1")
    assert [(row["key"], row["value"]) for row in rows] == [("A", "new"), ("B", "b")]


@pytest.mark.parametrize("word", ["Accepted", "Rejected"])
async def test_a_reservation_made_since_is_not_cancelled(operator: Operator, word: str) -> None:
    request = {
        "connectorId": 1,
        "expiryDate": format_timestamp(operator.now() + HOUR),
        "idTag": "TAG",
        "reservationId": 7,
    }
    number = await overtaken(
        operator, ("CancelReservation", {"reservationId": 7}), ("ReserveNow", request)
    )
    await operator.end(number, "late", {"status": word})
    rows, _ = await operator.database.read(reservations.page, reservations.Filters(), 10, 0)
    assert [row["state"] for row in rows] == ["accepted"]


async def test_a_profile_installed_since_is_not_cleared(operator: Operator) -> None:
    profile = {
        "chargingProfileId": 1,
        "stackLevel": 0,
        "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Relative",
        "chargingSchedule": {
            "chargingRateUnit": "A",
            "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16}],
        },
    }
    number = await overtaken(
        operator,
        ("ClearChargingProfile", {}),
        ("SetChargingProfile", {"connectorId": 1, "csChargingProfiles": profile}),
    )
    await operator.end(number, "late", {"status": "Accepted"})
    filters = charging_profiles.Filters()
    rows, _ = await operator.database.read(charging_profiles.page, filters, 10, 0)
    assert [row["state"] for row in rows] == ["installed"]


@pytest.mark.parametrize(
    ("late", "answer"),
    [
        (("GetInstalledCertificateIds", {"certificateType": TYPE}), {"status": "NotFound"}),
        (
            ("DeleteCertificate", {"certificateHashData": hash_data(root())}),
            {"status": "NotFound"},
        ),
    ],
)
async def test_a_certificate_installed_since_is_there(
    operator: Operator, late: tuple[str, dict[str, Any]], answer: dict[str, Any]
) -> None:
    number = await overtaken(operator, late, ("InstallCertificate", INSTALL))
    await operator.end(number, "late", answer)
    rows = await operator.database.read(
        certificates.listing.page, certificates.Filter(), None, 10, 0
    )
    assert [row["removed_at"] for row in rows] == [None]
    # In time it would be gone.
    operator.now.ms += SECOND
    await operator.command(*late, **answer)
    assert await operator.database.read(certificates.listing.count, certificates.Filter()) == 0


async def test_a_list_sent_since_is_what_the_station_has(operator: Operator) -> None:
    number = await overtaken(
        operator,
        ("GetLocalListVersion", {}),
        ("SendLocalList", {"listVersion": 4, "updateType": "Full"}),
    )
    await operator.end(number, "late", {"listVersion": 3})
    found = await operator.database.read(local_lists.find, "CP1", operator.now())
    assert found is not None
    assert (found[0]["state"], found[0]["version"]) == ("accepted", 4)
