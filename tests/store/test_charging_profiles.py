"""Profiles on stations: what accepted commands and the ends of transactions make of them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ocpp_trio.store import (
    charging_profiles,
    composite_schedules,
    named_profiles,
    remote_starts,
    stops,
)
from ocpp_trio.store.charging_profiles import Filters
from ocpp_trio.store.database import Database, Row
from tests.support.clock import FakeNow
from tests.support.operator import Operator
from tests.support.sessions import Station
from tests.support.statements import execute


@pytest.fixture
def operator(database: Database, now: FakeNow) -> Operator:
    return Operator(database, now)


def profile(number: int, purpose: str = "TxDefaultProfile", **changes: Any) -> dict[str, Any]:
    return {
        "chargingProfileId": number,
        "stackLevel": 0,
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": "Relative",
        "chargingSchedule": {
            "chargingRateUnit": "A",
            "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 21.4}],
        },
    } | changes


async def install(
    operator: Operator, connector: int, what: dict[str, Any], word: str = "Accepted"
) -> int:
    payload = {"connectorId": connector, "csChargingProfiles": what}
    return await operator.command("SetChargingProfile", payload, status=word)


async def rows(database: Database, **filters: Any) -> list[Row]:
    found, total = await database.read(charging_profiles.page, Filters(**filters), 100, 0)
    assert total == len(found)
    return list(found)


async def installed(database: Database) -> list[int]:
    """Profile ids of what is installed, sorted."""
    return sorted(row["charging_profile_id"] for row in await rows(database, state="installed"))


async def removals(database: Database) -> dict[int, str]:
    return {
        row["charging_profile_id"]: row["removal"] for row in await rows(database, state="removed")
    }


async def test_what_is_accepted_is_installed_and_nothing_else(operator: Operator) -> None:
    number = await install(operator, 1, profile(1, stackLevel=3))
    for word in ("Rejected", "NotSupported"):
        await install(operator, 1, profile(2), word)
    await operator.end(
        await operator.create(
            "SetChargingProfile", {"connectorId": 1, "csChargingProfiles": profile(3)}
        ),
        "timeout",
    )
    (row,) = await rows(operator.database)
    assert (row["charging_profile_id"], row["purpose"], row["stack_level"]) == (
        1,
        "TxDefaultProfile",
        3,
    )
    assert (row["connector_id"], row["command_id"], row["actor"]) == (1, number, "operator")
    assert json.loads(row["profile"]) == profile(1, stackLevel=3)


async def test_it_replaces_the_same_id_and_the_same_place(operator: Operator) -> None:
    database = operator.database
    await install(operator, 1, profile(1))
    await install(operator, 1, profile(2, stackLevel=1))
    await install(operator, 2, profile(3))
    await install(operator, 1, profile(4, "TxProfile", transactionId=5))
    assert await installed(database) == [1, 2, 3, 4]
    await install(operator, 1, profile(5))
    assert await installed(database) == [2, 3, 4, 5]
    # The same id, wherever it was.
    await install(operator, 0, profile(3, "ChargePointMaxProfile"))
    assert await installed(database) == [2, 3, 4, 5]
    assert await removals(database) == {1: "replaced", 3: "replaced"}


async def test_a_default_for_all_leaves_those_of_connectors_alone(operator: Operator) -> None:
    await install(operator, 1, profile(1))
    await install(operator, 0, profile(2))
    assert await installed(operator.database) == [1, 2]


async def test_another_station_is_another_place(operator: Operator, now: FakeNow) -> None:
    other = Operator(operator.database, now, "CP2")
    await install(operator, 1, profile(1))
    await install(other, 1, profile(1))
    await other.command("ClearChargingProfile", {})
    (row,) = await rows(operator.database, state="installed")
    assert row["charge_point_id"] == "CP1"


@pytest.mark.parametrize(
    ("criteria", "left"),
    [
        ({}, []),
        ({"id": 2}, [1, 3]),
        ({"id": 99}, [1, 2, 3]),
        ({"connectorId": 0}, [2, 3]),
        ({"connectorId": 1, "chargingProfilePurpose": "TxDefaultProfile", "stackLevel": 0}, [1, 3]),
        ({"stackLevel": 0}, []),
        ({"stackLevel": 1}, [1, 2, 3]),
        ({"id": 2, "connectorId": 0}, [1, 2, 3]),
    ],
)
@pytest.mark.parametrize("word", ["Accepted", "Unknown"])
async def test_clearing_takes_what_fits_all_criteria(
    operator: Operator, criteria: dict[str, Any], left: list[int], word: str
) -> None:
    await install(operator, 0, profile(1, "ChargePointMaxProfile"))
    await install(operator, 1, profile(2))
    await install(operator, 1, profile(3, "TxProfile", transactionId=5))
    await operator.command("ClearChargingProfile", criteria, status=word)
    assert await installed(operator.database) == left
    removal = {"Accepted": "cleared", "Unknown": "unknown to the charge point"}[word]
    assert set((await removals(operator.database)).values()) <= {removal}


async def test_a_clear_without_an_answer_changes_nothing(operator: Operator) -> None:
    await install(operator, 1, profile(1))
    await operator.end(await operator.create("ClearChargingProfile", {}), "timeout")
    assert await installed(operator.database) == [1]


async def test_a_tx_profile_ends_with_its_transaction(operator: Operator, station: Station) -> None:
    first = (await station.start()).transaction_id
    second = (await station.start(connectorId=2)).transaction_id
    await install(operator, 1, profile(1, "TxProfile", transactionId=first))
    # Without an id it belongs to what runs on the connector.
    await install(operator, 2, profile(2, "TxProfile"))
    await install(operator, 1, profile(3))
    found = {row["charging_profile_id"]: row for row in await rows(operator.database)}
    assert found[2]["transaction_id"] == second
    await station.stop(first)
    assert await installed(operator.database) == [2, 3]
    assert await removals(operator.database) == {1: "transaction ended"}
    await operator.database.write(stops.close_by_hand, second, None, "Administrative", 0)
    assert await installed(operator.database) == [3]


async def test_it_ends_although_the_server_knew_no_transaction(
    operator: Operator, station: Station
) -> None:
    await install(operator, 1, profile(1, "TxProfile"))
    await station.stop((await station.start()).transaction_id)
    assert await installed(operator.database) == []


async def test_the_same_transaction_number_of_another_station_ends_nothing(
    operator: Operator, station: Station, now: FakeNow
) -> None:
    other = Operator(operator.database, now, "CP2")
    number = (await station.start()).transaction_id
    await install(other, 1, profile(1, "TxProfile", transactionId=number))
    await station.stop(number)
    assert await installed(operator.database) == [1]


async def test_a_profile_accepted_after_the_end_is_over_at_once(
    operator: Operator, station: Station
) -> None:
    number = (await station.start()).transaction_id
    await station.stop(number)
    await install(operator, 1, profile(1, "TxProfile", transactionId=number))
    assert await removals(operator.database) == {1: "transaction ended"}


async def test_a_late_answer_goes_to_the_transaction_of_its_time(
    operator: Operator, station: Station, now: FakeNow
) -> None:
    """Section 5.16.2: a TxProfile without transactionId is for the one that runs."""
    number = (await station.start()).transaction_id
    payload = {"connectorId": 1, "csChargingProfiles": profile(1, "TxProfile")}
    now.ms += 1000
    command = await operator.ask("SetChargingProfile", payload)
    now.ms += 30_000
    await operator.end(command, "timeout")
    await station.stop(number)
    now.ms += 1000
    await operator.end(command, "late", {"status": "Accepted"})
    assert await removals(operator.database) == {1: "transaction ended"}
    (row,) = await rows(operator.database)
    assert row["transaction_id"] == number


async def test_and_not_to_the_next_one(operator: Operator, station: Station, now: FakeNow) -> None:
    number = (await station.start()).transaction_id
    payload = {"connectorId": 1, "csChargingProfiles": profile(1, "TxProfile")}
    now.ms += 1000
    command = await operator.ask("SetChargingProfile", payload)
    now.ms += 1000
    await station.stop(number)
    now.ms += 1000
    following = (await station.start()).transaction_id
    await install(operator, 1, profile(2, "TxProfile"))
    await operator.end(command, "accepted", {"status": "Accepted"})
    assert await removals(operator.database) == {1: "transaction ended"}
    (row,) = await rows(operator.database, state="installed")
    assert (row["charging_profile_id"], row["transaction_id"]) == (2, following)


async def test_a_profile_whose_remote_start_leads_nowhere_waits_no_longer(
    operator: Operator, station: Station, now: FakeNow
) -> None:
    database = operator.database
    payload = {"idTag": "TAG", "chargingProfile": profile(1, "TxProfile")}
    await operator.command("RemoteStartTransaction", payload)
    late = await operator.ask(
        "RemoteStartTransaction", {"idTag": "TAG", "chargingProfile": profile(2, "TxProfile")}
    )
    await operator.end(late, "timeout")
    assert [row["state"] for row in await rows(database)] == ["waiting"]
    now.ms += 3_600_000
    assert len(await database.write(remote_starts.expire, now())) == 2
    assert await removals(database) == {1: "no transaction followed"}
    await operator.end(late, "late", {"status": "Accepted"})
    assert await removals(database) == {
        1: "no transaction followed",
        2: "no transaction followed",
    }
    await station.start()
    assert await installed(database) == []


async def join(database: Database, command_id: int, transaction_id: int) -> None:
    """The remote start of a command has led to a transaction."""
    await database.write(
        execute,
        "INSERT INTO remote_starts (command_id, charge_point_id, id_tag, tag_key, state,"
        f" requested_at, expires_at, transaction_id) VALUES ({command_id}, 'CP1', 'T', 't',"
        f" 'started', 0, 0, {transaction_id}) ON CONFLICT (command_id) DO UPDATE"
        " SET state = 'started', transaction_id = excluded.transaction_id",
    )


async def test_the_profile_of_a_remote_start_waits_for_its_transaction(
    operator: Operator, station: Station
) -> None:
    database = operator.database
    payload = {"idTag": "TAG", "chargingProfile": profile(1, "TxProfile")}
    await operator.command("RemoteStartTransaction", payload, status="Rejected")
    await operator.command("RemoteStartTransaction", {"idTag": "TAG"})
    assert await rows(database) == []
    command = await operator.command("RemoteStartTransaction", payload)
    (row,) = await rows(database)
    assert (row["state"], row["connector_id"]) == ("waiting", None)
    await station.start(connectorId=2, idTag="OTHER")
    assert (await rows(database))[0]["state"] == "waiting"
    number = (await station.start(connectorId=3)).transaction_id
    await join(database, command, number)
    # Section 5.16.2: the same stack level replaces what the remote start brought.
    await install(operator, 3, profile(9, "TxProfile", transactionId=number))
    assert await removals(database) == {1: "replaced"}
    assert await installed(database) == [9]


async def test_it_ends_with_that_transaction(operator: Operator, station: Station) -> None:
    payload = {"idTag": "TAG", "chargingProfile": profile(1, "TxProfile", stackLevel=2)}
    command = await operator.command("RemoteStartTransaction", payload)
    number = (await station.start()).transaction_id
    await join(operator.database, command, number)
    await install(operator, 1, profile(2, "TxProfile"))
    assert await installed(operator.database) == [1, 2]
    await station.stop(number)
    assert await removals(operator.database) == {1: "transaction ended", 2: "transaction ended"}


async def test_limits_of_running_transactions(
    operator: Operator, station: Station, now: FakeNow
) -> None:
    database = operator.database
    first = (await station.start()).transaction_id
    second = (await station.start(connectorId=2)).transaction_id
    await install(operator, 1, profile(1))
    running = await station.transactions()
    limits = await database.read(charging_profiles.limits, running, now())
    assert {number: str(limit.limit) for number, limit in limits.items()} == {first: "21.4"}
    await install(operator, 0, profile(2, "ChargePointMaxProfile"))
    limits = await database.read(charging_profiles.limits, running, now())
    assert {number: limit.profile_id for number, limit in limits.items()} == {first: 1, second: 2}


async def test_named_profiles_have_one_number_per_connector(operator: Operator) -> None:
    database = operator.database
    text = json.dumps({"stackLevel": 0})
    night = await database.write(named_profiles.add, "night", None, "TxDefaultProfile", text, 1)
    assert night is not None
    assert await database.write(named_profiles.add, "night", None, "TxProfile", text, 1) is None
    await install(operator, 2, profile(1, stackLevel=7))
    first = await database.write(named_profiles.assign, "CP1", 1, night["id"])
    again = await database.write(named_profiles.assign, "CP1", 1, night["id"])
    second = await database.write(named_profiles.assign, "CP1", 2, night["id"])
    assert (first, again, second) == (2, 2, 3)
    await install(operator, 1, profile(first))
    (row,) = await rows(database, named_profile_id=night["id"])
    assert row["charging_profile_id"] == first


async def test_composite_schedules_are_kept_as_they_came(operator: Operator) -> None:
    database = operator.database
    request = {"connectorId": 1, "duration": 86400, "chargingRateUnit": "A"}
    odd = {
        "duration": 8638204643667,
        "chargingRateUnit": "A",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": -1, "numberPhases": -1}],
    }
    await operator.command("GetCompositeSchedule", request, status="Rejected")
    await operator.command(
        "GetCompositeSchedule",
        request,
        status="Accepted",
        connectorId=1,
        scheduleStart="2026-11-23T08:00:00.000Z",
        chargingSchedule=odd,
    )
    await operator.command("GetCompositeSchedule", request | {"connectorId": 2})
    await operator.command("GetCompositeSchedule", request, status="Accepted", scheduleStart="?")
    everything = composite_schedules.Filters()
    found, total = await database.read(composite_schedules.page, everything, 10, 0)
    assert total == 3
    assert [row["connector_id"] for row in found] == [1, 2, 1]
    assert json.loads(found[2]["schedule"]) == odd
    assert found[0]["schedule_start_text"] == "?"
    latest, total = await database.read(
        composite_schedules.page, everything._replace(latest=1), 10, 0
    )
    assert [row["id"] for row in latest] == [3, 2]
    assert total == 2
    behind = await database.read(composite_schedules.behind, everything, 2, 10)
    assert [row["id"] for row in behind] == [1]
