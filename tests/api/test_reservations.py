"""Reservations over the API: commands, lists, history."""

from __future__ import annotations

from typing import Any

import pytest

from ocpp_trio import errors
from tests.api.support import Api, assert_problem

RESERVE = "/api/commands/reserve-now"
CANCEL = "/api/commands/cancel-reservation"
BODY = {"chargePointId": "CP001", "connectorId": 1, "idTag": "TAG1"}
UNTIL = {"expiryDate": "2026-11-23T10:00:00+01:00"}


async def test_reserve_and_show(api: Api) -> None:
    station = await api.connect()
    station.answers.append({"status": "Accepted"})
    body = BODY | {"expiresIn": 90, "parentIdTag": "GROUP"}
    shown = (await api.post(RESERVE, body)).json()
    assert station.received == [
        (
            "ReserveNow",
            {
                "connectorId": 1,
                "expiryDate": "2026-11-23T08:01:30Z",
                "idTag": "TAG1",
                "reservationId": 1,
                "parentIdTag": "GROUP",
            },
        )
    ]
    assert (shown["success"], shown["reservationId"], shown["id"]) == (True, 1, 1)
    found = (await api.get(f"/api/reservations/{shown['id']}")).json()
    history = found.pop("history")
    assert found == {
        "id": 1,
        "chargePointId": "CP001",
        "connectorId": 1,
        "reservationId": 1,
        "idTag": "TAG1",
        "parentIdTag": "GROUP",
        "expiryDate": "2026-11-23T08:01:30Z",
        "state": "accepted",
        "status": "Accepted",
        "transactionId": None,
        "commandId": shown["commandId"],
        "actor": "local",
        "createdAt": "2026-11-23T08:00:00Z",
        "updatedAt": "2026-11-23T08:00:00Z",
    }
    assert [each["state"] for each in history] == ["requested", "accepted"]


async def test_a_number_of_ones_own_and_connector_0(api: Api) -> None:
    station = await api.connect()
    body = BODY | UNTIL | {"connectorId": 0, "reservationId": 42}
    assert (await api.post(RESERVE, body)).json()["reservationId"] == 42
    (_, payload) = station.received[0]
    assert payload["reservationId"] == 42
    assert payload["connectorId"] == 0
    assert payload["expiryDate"] == "2026-11-23T09:00:00Z"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({}, "expiryDate"),
        (UNTIL | {"expiresIn": 5}, "expiryDate"),
        ({"expiryDate": "soon"}, "expiryDate"),
        ({"expiryDate": "2026-11-23T08:00:00Z"}, "expiryDate"),
        ({"expiresIn": 0}, "expiresIn"),
        (UNTIL | {"reservationId": 2**31}, "reservationId"),
        (UNTIL | {"idTag": ""}, "idTag"),
        (UNTIL | {"parentIdTag": "x" * 21}, "parentIdTag"),
        (UNTIL | {"wait": 1}, "wait"),
    ],
)
async def test_bad_requests_name_the_field(api: Api, changes: dict[str, Any], field: str) -> None:
    station = await api.connect()
    problem = assert_problem(await api.post(RESERVE, BODY | changes), 400, "invalid-request")
    assert problem["errors"][0]["field"] == field
    assert station.received == []
    assert (await api.get("/api/reservations")).json() == []


async def test_a_negative_connector_breaks_a_rule(api: Api) -> None:
    await api.connect()
    response = await api.post(RESERVE, BODY | UNTIL | {"connectorId": -1})
    problem = assert_problem(response, 422, "command-rule")
    assert problem["errors"][0]["field"] == "connectorId"


async def test_refused_offline_and_unknown(api: Api) -> None:
    station = await api.connect()
    station.answers.append({"status": "Occupied"})
    shown = (await api.post(RESERVE, BODY | UNTIL)).json()
    assert (shown["success"], shown["status"]) == (False, "Occupied")
    await api.register("CP002")
    offline = await api.post(RESERVE, BODY | UNTIL | {"chargePointId": "CP002"})
    assert_problem(offline, 503, "charge-point-offline")
    stranger = await api.post(RESERVE, BODY | UNTIL | {"chargePointId": "CP9"})
    assert_problem(stranger, 404, "charge-point-unknown")
    station.answers.append(errors.CommandTimedOut("no answer"))
    assert_problem(await api.post(RESERVE, BODY | UNTIL), 504, "command-timeout")
    states = [each["state"] for each in (await api.get("/api/reservations")).json()]
    assert states == ["requested", "cancelled", "refused"]


async def test_an_unknown_one_can_be_cancelled(api: Api) -> None:
    station = await api.connect()
    station.answers.append({"status": "Rejected"})
    body = {"chargePointId": "CP001", "reservationId": 4711}
    shown = (await api.post(CANCEL, body)).json()
    assert station.received == [("CancelReservation", {"reservationId": 4711})]
    assert (shown["success"], shown["status"]) == (False, "Rejected")


async def test_generic_has_the_same_consequences(api: Api) -> None:
    await api.connect()
    payload = {
        "connectorId": 1,
        "expiryDate": "2026-11-23T09:00:00Z",
        "idTag": "TAG1",
        "reservationId": 5,
    }
    generic = {"chargePointId": "CP001", "action": "ReserveNow", "payload": payload}
    assert (await api.post("/api/commands/generic", generic)).status_code == 200
    (one,) = (await api.get("/api/reservations?state=accepted")).json()
    assert one["reservationId"] == 5
    bad = generic | {"payload": payload | {"expiryDate": "soon"}}
    assert_problem(await api.post("/api/commands/generic", bad), 422, "command-rule")


async def test_lists_are_filtered_and_paged(api: Api) -> None:
    await api.connect()
    await api.connect("CP002")
    for point, connector, tag in (("CP001", 1, "A"), ("CP001", 2, "B"), ("CP002", 1, "a")):
        body = {"chargePointId": point, "connectorId": connector, "idTag": tag, "expiresIn": 60}
        assert (await api.post(RESERVE, body)).status_code == 200
        api.now.ms += 1000
    for query, found in (
        ("", [3, 2, 1]),
        ("?chargePointId=CP001", [2, 1]),
        ("?connectorId=1", [3, 1]),
        ("?idTag=A", [3, 1]),
        ("?state=used", []),
        ("?from=2026-11-23T08:00:01Z", [3, 2]),
        ("?to=2026-11-23T08:00:01Z", [1]),
        ("?limit=1&offset=1", [2]),
    ):
        response = await api.get(f"/api/reservations{query}")
        assert [each["id"] for each in response.json()] == found, query
    assert response.headers["x-total-count"] == "3"
    for query, field in (("?from=soon", "from"), ("?state=gone", "state"), ("?tag=A", "tag")):
        problem = assert_problem(await api.get(f"/api/reservations{query}"), 400, "invalid-request")
        assert problem["errors"][0]["field"] == field


@pytest.mark.parametrize("number", ["9", "0", "x", "9" * 30])
async def test_one_that_is_not_there(api: Api, number: str) -> None:
    assert_problem(await api.get(f"/api/reservations/{number}"), 404, "not-found")


async def test_roles(guarded: Api) -> None:
    await guarded.connect()
    reader = {"Authorization": "Bearer reader"}
    assert_problem(await guarded.post(RESERVE, BODY | UNTIL, headers=reader), 403, "forbidden")
    assert (await guarded.get("/api/reservations", headers=reader)).status_code == 200
