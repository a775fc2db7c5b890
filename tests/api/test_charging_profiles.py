"""Charging profiles over the API: commands, named ones, what is installed, limits."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.support import Api, assert_problem

SET = "/api/commands/set-charging-profile"
CLEAR = "/api/commands/clear-charging-profile"
SCHEDULE = "/api/commands/get-composite-schedule"
NAMED = "/api/charging-profiles"
INSTALLED = "/api/charging-profiles/installed"
POINT = {"chargePointId": "CP001"}


def content(limit: float = 21.4, **changes: Any) -> dict[str, Any]:
    return {
        "stackLevel": 0,
        "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Relative",
        "chargingSchedule": {
            "chargingRateUnit": "A",
            "chargingSchedulePeriod": [{"startPeriod": 0, "limit": limit}],
        },
    } | changes


def body(connector: int = 1, number: int = 5, **changes: Any) -> dict[str, Any]:
    profile = content(**changes) | {"chargingProfileId": number}
    return POINT | {"connectorId": connector, "csChargingProfiles": profile}


async def test_set_a_whole_profile(api: Api) -> None:
    station = await api.connect()
    given = content(validFrom="2026-11-23T09:00:00+01:00") | {"chargingProfileId": 5}
    shown = (await api.post(SET, POINT | {"connectorId": 1, "csChargingProfiles": given})).json()
    sent = {"connectorId": 1, "csChargingProfiles": given | {"validFrom": "2026-11-23T08:00:00Z"}}
    assert station.received == [("SetChargingProfile", sent)]
    assert (shown["success"], shown["chargingProfileId"]) == (True, 5)
    (one,) = (await api.get(INSTALLED)).json()
    assert one == {
        "id": 1,
        "chargePointId": "CP001",
        "connectorId": 1,
        "chargingProfileId": 5,
        "purpose": "TxDefaultProfile",
        "stackLevel": 0,
        "transactionId": None,
        "profileId": None,
        "chargingProfile": sent["csChargingProfiles"],
        "state": "installed",
        "commandId": shown["commandId"],
        "actor": "local",
        "installedAt": "2026-11-23T08:00:00Z",
        "removedAt": None,
        "removal": None,
    }


async def test_without_an_id_it_gets_one(api: Api) -> None:
    station = await api.connect()
    for number in (1, 2):
        given = POINT | {"connectorId": number, "csChargingProfiles": content()}
        assert (await api.post(SET, given)).json()["chargingProfileId"] == number
        assert station.received[-1][1]["csChargingProfiles"]["chargingProfileId"] == number


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"limit": 4.11}, "csChargingProfiles.chargingSchedule.chargingSchedulePeriod.0.limit"),
        ({"chargingProfileKind": "Recurring"}, "csChargingProfiles.recurrencyKind"),
        ({"chargingProfilePurpose": "ChargePointMaxProfile"}, "connectorId"),
        ({"validFrom": "soon"}, "csChargingProfiles.validFrom"),
        ({"stackLevel": -1}, "csChargingProfiles.stackLevel"),
    ],
)
async def test_rules_are_refused_by_name(api: Api, changes: dict[str, Any], field: str) -> None:
    station = await api.connect()
    problem = assert_problem(await api.post(SET, body(**changes)), 422, "charging-profile-rule")
    assert field in [each["field"] for each in problem["errors"]]
    assert station.received == []


async def test_rules_hold_for_generic_and_remote_starts(api: Api) -> None:
    station = await api.connect()
    generic = POINT | {"action": "SetChargingProfile"}
    whole = {"connectorId": 0, "csChargingProfiles": content() | {"chargingProfileId": 1}}
    bad = whole | {"csChargingProfiles": whole["csChargingProfiles"] | {"transactionId": 4}}  # type: ignore[operator]
    response = await api.post("/api/commands/generic", generic | {"payload": bad})
    problem = assert_problem(response, 422, "charging-profile-rule")
    assert problem["errors"][0]["field"] == "csChargingProfiles.transactionId"
    start = {"idTag": "T", "chargingProfile": content() | {"chargingProfileId": 1}}
    remote = POINT | {"action": "RemoteStartTransaction", "payload": start}
    response = await api.post("/api/commands/generic", remote)
    problem = assert_problem(response, 422, "charging-profile-rule")
    assert problem["errors"][0]["field"] == "chargingProfile.chargingProfilePurpose"
    assert station.received == []
    assert (await api.post("/api/commands/generic", generic | {"payload": whole})).is_success
    assert len((await api.get(INSTALLED)).json()) == 1


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"connectorId": 1}, "csChargingProfiles"),
        ({"connectorId": 1, "profileId": 1, "csChargingProfiles": content()}, "csChargingProfiles"),
        (
            {"connectorId": 1, "csChargingProfiles": content() | {"colour": 1}},
            "csChargingProfiles.colour",
        ),
        (
            {"connectorId": 1, "csChargingProfiles": content(), "transactionId": 1},
            "transactionId",
        ),
        (
            {"connectorId": 1, "csChargingProfiles": content(chargingProfileKind="Sometimes")},
            "csChargingProfiles.chargingProfileKind",
        ),
    ],
)
async def test_bad_requests_name_the_field(api: Api, wrong: dict[str, Any], field: str) -> None:
    await api.connect()
    problem = assert_problem(await api.post(SET, POINT | wrong), 400, "invalid-request")
    assert problem["errors"][0]["field"] == field


async def test_clear_by_each_criterion(api: Api) -> None:
    station = await api.connect()
    await api.post(SET, body(0, 1, chargingProfilePurpose="ChargePointMaxProfile"))
    await api.post(SET, body(1, 2))
    await api.post(SET, body(1, 3, chargingProfilePurpose="TxProfile"))
    left = []
    for criteria in (
        {"id": 1},
        {"connectorId": 1, "chargingProfilePurpose": "TxDefaultProfile", "stackLevel": 0},
        {},
    ):
        assert (await api.post(CLEAR, POINT | criteria)).json()["success"] is True
        assert station.received[-1] == ("ClearChargingProfile", criteria)
        shown = (await api.get(INSTALLED)).json()
        left.append([each["chargingProfileId"] for each in shown])
    assert left == [[3, 2], [3], []]
    gone = (await api.get(f"{INSTALLED}?state=removed")).json()
    assert [each["removal"] for each in gone] == ["cleared"] * 3
    assert len((await api.get(f"{INSTALLED}?state=all&limit=2")).json()) == 2


async def test_filters_of_what_is_installed(api: Api) -> None:
    await api.connect()
    number = await api.start()
    await api.post(SET, body(1, 1))
    await api.post(SET, body(1, 2, chargingProfilePurpose="TxProfile"))
    await api.post(SET, body(2, 3))
    for query, found in (
        ("chargePointId=CP001", [3, 2, 1]),
        ("chargePointId=CP002", []),
        ("connectorId=1", [2, 1]),
        ("purpose=TxProfile", [2]),
        (f"transactionId={number}", [2]),
        ("profileId=1", []),
    ):
        shown = (await api.get(f"{INSTALLED}?{query}")).json()
        assert [each["chargingProfileId"] for each in shown] == found, query


async def test_named_profiles(api: Api) -> None:
    response = await api.post(NAMED, {"name": "night", "chargingProfile": content(6.5)})
    assert response.status_code == 201
    assert response.headers["location"] == f"{NAMED}/1"
    night = response.json()
    assert night["chargingProfile"] == content(6.5)
    assert (await api.get(f"{NAMED}/1")).json() == night
    problem = await api.post(NAMED, {"name": "night", "chargingProfile": content()})
    assert_problem(problem, 409, "conflict")
    day = (await api.post(NAMED, {"name": "day", "chargingProfile": content()})).json()["id"]
    problem = await api.client.put(
        f"{NAMED}/{day}", json={"name": "night", "chargingProfile": content()}
    )
    assert_problem(problem, 409, "conflict")
    changed = await api.client.put(
        f"{NAMED}/1", json={"name": "night", "note": "n", "chargingProfile": content(8)}
    )
    assert changed.json()["chargingProfile"] == content(8)
    assert [each["name"] for each in (await api.get(NAMED)).json()] == ["day", "night"]
    assert [each["id"] for each in (await api.get(f"{NAMED}?name=night")).json()] == [1]
    assert (await api.get(f"{NAMED}?purpose=TxProfile")).json() == []
    assert (await api.client.delete(f"{NAMED}/1")).status_code == 204
    for method in ("GET", "DELETE"):
        assert_problem(await api.client.request(method, f"{NAMED}/1"), 404, "not-found")
    missing = await api.client.put(f"{NAMED}/1", json={"name": "x", "chargingProfile": content()})
    assert_problem(missing, 404, "not-found")


@pytest.mark.parametrize(
    ("profile", "status", "field"),
    [
        (content(4.11), 422, "chargingProfile.chargingSchedule.chargingSchedulePeriod.0.limit"),
        (content() | {"chargingProfileId": 1}, 400, "chargingProfile.chargingProfileId"),
        (content() | {"transactionId": 1}, 400, "chargingProfile.transactionId"),
    ],
)
async def test_bad_named_profiles(
    api: Api, profile: dict[str, Any], status: int, field: str
) -> None:
    response = await api.post(NAMED, {"name": "x", "chargingProfile": profile})
    assert response.status_code == status
    assert response.json()["errors"][0]["field"] == field


async def test_a_named_profile_is_set_and_refreshed_under_one_id(api: Api) -> None:
    station = await api.connect()
    named = {"name": "n", "chargingProfile": content(chargingProfilePurpose="TxProfile")}
    await api.post(NAMED, named)
    request = POINT | {"connectorId": 1, "profileId": 1, "transactionId": 77}
    first = (await api.post(SET, request)).json()
    sent = station.received[-1][1]["csChargingProfiles"]
    assert sent == named["chargingProfile"] | {"chargingProfileId": 1, "transactionId": 77}  # type: ignore[operator]
    await api.client.put(
        f"{NAMED}/1",
        json={"name": "n", "chargingProfile": content(6, chargingProfilePurpose="TxProfile")},
    )
    again = (await api.post(SET, request)).json()
    other = (await api.post(SET, request | {"connectorId": 2})).json()
    assert [each["chargingProfileId"] for each in (first, again, other)] == [1, 1, 2]
    shown = (await api.get(f"{INSTALLED}?profileId=1")).json()
    assert [(each["connectorId"], each["chargingProfileId"]) for each in shown] == [(2, 2), (1, 1)]
    assert_problem(await api.post(SET, request | {"profileId": 9}), 404, "not-found")
    stranger = await api.post(SET, request | {"chargePointId": "CP9"})
    assert_problem(stranger, 404, "charge-point-unknown")


async def test_composite_schedules(api: Api) -> None:
    station = await api.connect()
    odd = {
        "status": "Accepted",
        "connectorId": 1,
        "scheduleStart": "2026-11-23T08:00:00Z",
        "chargingSchedule": {
            "duration": 8638204643667,
            "chargingRateUnit": "W",
            "chargingSchedulePeriod": [{"startPeriod": 0, "limit": -1, "numberPhases": -1}],
        },
    }
    station.answers += [odd, {"status": "Rejected"}, odd]
    request = POINT | {"connectorId": 1, "duration": 600, "chargingRateUnit": "W"}
    for _ in range(3):
        assert (await api.post(SCHEDULE, request)).status_code == 200
        api.now.ms += 1000
    assert station.received[0] == (
        "GetCompositeSchedule",
        {"connectorId": 1, "duration": 600, "chargingRateUnit": "W"},
    )
    shown = (await api.get("/api/composite-schedules?chargePointId=CP001&connectorId=1")).json()
    assert [each["id"] for each in shown] == [2, 1]
    assert shown[1] == {
        "id": 1,
        "chargePointId": "CP001",
        "connectorId": 1,
        "requestedDuration": 600,
        "requestedUnit": "W",
        "scheduleStart": "2026-11-23T08:00:00Z",
        "chargingSchedule": odd["chargingSchedule"],
        "commandId": 1,
        "receivedAt": "2026-11-23T08:00:00Z",
    }
    for query, found in (
        ("latest=true", [2]),
        ("from=2026-11-23T08:00:01Z", [2]),
        ("to=2026-11-23T08:00:01Z", [1]),
        ("connectorId=2", []),
    ):
        shown = (await api.get(f"/api/composite-schedules?{query}")).json()
        assert [each["id"] for each in shown] == found, query
    problem = await api.post(SCHEDULE, POINT | {"connectorId": 1, "duration": -1})
    assert_problem(problem, 422, "command-rule")


async def test_the_limit_of_a_running_transaction(api: Api) -> None:
    await api.connect()
    number = await api.start(timestamp="2026-11-23T07:30:00Z")
    other = await api.start(connector_id=2, id_tag="TAG2")
    schedule = {
        "chargingRateUnit": "A",
        "duration": 7200,
        "chargingSchedulePeriod": [
            {"startPeriod": 0, "limit": 16},
            {"startPeriod": 3600, "limit": 21.4},
        ],
    }
    await api.post(SET, body(1, 4, chargingSchedule=schedule))

    async def limits() -> dict[int, Any]:
        shown = (await api.get("/api/transactions")).json()
        return {each["id"]: each["chargingLimit"] for each in shown}

    limit = {
        "limit": 16.0,
        "unit": "A",
        "until": "2026-11-23T08:30:00Z",
        "chargingProfileId": 4,
        "purpose": "TxDefaultProfile",
    }
    assert await limits() == {number: limit, other: None}
    one = (await api.get(f"/api/transactions?transactionId={number}")).json()
    assert one[0]["chargingLimit"] == limit
    api.now.ms += 1_800_000
    assert (await limits())[number]["limit"] == 21.4
    await api.stop(number)
    assert await limits() == {number: None, other: None}
