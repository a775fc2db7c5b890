"""Charge points and connectors: list, show, register, change, adopt, block, remove."""

from __future__ import annotations

from typing import Any

import pytest

from ocpp_trio.api import listing
from ocpp_trio.store import charge_points, connectors
from tests.api.support import Api, assert_problem

FIELDS = {
    "id",
    "model",
    "vendor",
    "serialNumber",
    "firmwareVersion",
    "status",
    "lastHeartbeat",
    "lastBootNotification",
    "heartbeatInterval",
    "isConnected",
    "createdAt",
    "updatedAt",
    "name",
    "location",
    "note",
    "registration",
    "iccid",
    "imsi",
    "meterType",
    "meterSerialNumber",
    "securityProfile",
    "minimumProfile",
    "clockSkew",
    "reviewOverflow",
    "nodeId",
}

BOOT = {
    "chargePointVendor": "Acme",
    "chargePointModel": "One",
    "chargePointSerialNumber": "S1",
    "firmwareVersion": "1.0",
    "iccid": "89",
    "imsi": "26",
    "meterType": "M",
    "meterSerialNumber": "M1",
}


async def _status(api: Api, connector_id: int, status: str = "Available") -> None:
    payload = {"connectorId": connector_id, "status": status, "errorCode": "NoError"}
    await api.database.write(connectors.record_status, "CP001", payload, api.now())


async def test_a_charge_point_has_all_its_fields(api: Api) -> None:
    await api.connect()
    await api.database.write(charge_points.boot, "CP001", BOOT, api.now())
    listed = (await api.get("/api/charge-points")).json()
    assert len(listed) == 1
    point = listed[0]
    assert set(point) >= FIELDS
    assert point["id"] == "CP001"
    assert (point["vendor"], point["model"]) == ("Acme", "One")
    assert point["isConnected"] is True
    assert point["lastBootNotification"] == "2026-11-23T08:00:00Z"
    assert point["lastHeartbeat"] is None
    assert point["heartbeatInterval"] == 60
    assert point["registration"] == "Accepted"


async def test_one_charge_point_comes_with_its_connectors(api: Api) -> None:
    await api.register()
    await _status(api, 1)
    await _status(api, 0, "Faulted")
    shown = (await api.get("/api/charge-points/CP001")).json()
    assert [each["connectorId"] for each in shown["connectors"]] == [0, 1]
    assert shown["status"] == "Faulted"
    assert shown["isConnected"] is False
    connector = shown["connectors"][1]
    assert set(connector) >= {
        "id",
        "chargePointId",
        "connectorId",
        "status",
        "errorCode",
        "updatedAt",
        "info",
        "vendorId",
        "vendorErrorCode",
        "statusTimestamp",
    }
    assert connector["updatedAt"] == "2026-11-23T08:00:00Z"


async def test_connectors_of_a_charge_point(api: Api) -> None:
    await api.register()
    for number in (1, 2, 3):
        await _status(api, number)
    response = await api.get("/api/connectors?chargePointId=CP001")
    assert [each["connectorId"] for each in response.json()] == [1, 2, 3]
    assert response.headers["x-total-count"] == "3"
    page = await api.get("/api/connectors?chargePointId=CP001&limit=1&offset=1")
    assert [each["connectorId"] for each in page.json()] == [2]
    assert (await api.get("/api/connectors?chargePointId=nobody")).json() == []
    assert (await api.get("/api/connectors", params={"chargePointId": "' OR 1=1--"})).json() == []
    for url in ("/api/connectors", "/api/connectors?chargePointId="):
        problem = assert_problem(await api.get(url), 400, "invalid-request")
        assert problem["errors"] == [{"field": "chargePointId", "message": "is required"}]


async def test_connectors_stream_beyond_a_page(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "PAGE", 2)
    await api.register()
    for number in range(5):
        await _status(api, number)
    response = await api.get("/api/connectors?chargePointId=CP001")
    assert [each["connectorId"] for each in response.json()] == [0, 1, 2, 3, 4]


async def test_strangers_are_those_that_are_pending(api: Api) -> None:
    await api.register("CP001")
    await api.register("CP002", "Pending")
    response = await api.get("/api/charge-points?registration=Pending")
    assert [each["id"] for each in response.json()] == ["CP002"]
    assert response.headers["x-total-count"] == "1"
    problem = assert_problem(
        await api.get("/api/charge-points?registration=pending"), 400, "invalid-request"
    )
    assert problem["errors"][0] == {
        "field": "registration",
        "message": "must be one of Accepted, Pending, Rejected",
    }


@pytest.mark.parametrize("id_", ["RDAM 123", "DE*A:1", "a+b=c|d@e", "..x"])
async def test_ids_of_every_allowed_kind(api: Api, id_: str) -> None:
    created = await api.post("/api/charge-points", {"id": id_})
    assert created.status_code == 201
    place = created.headers["location"]
    assert (await api.get(place)).json()["id"] == id_
    assert (await api.post(f"{place}/adopt")).json()["id"] == id_
    assert (await api.client.delete(place)).status_code == 204


@pytest.mark.parametrize("id_", ["", ".", "..", "a/b", "a\nb", "é", "x" * 49, "a#b", "a\u0000"])
async def test_ids_that_are_refused(api: Api, id_: str) -> None:
    response = await api.post("/api/charge-points", {"id": id_})
    assert assert_problem(response, 400, "invalid-request")["errors"][0]["field"] == "id"


@pytest.mark.parametrize(
    "path",
    [
        "/api/charge-points/nobody",
        "/api/charge-points/..%2f..%2fetc%2fpasswd",
        "/api/charge-points/CP001%2Fadopt",
        "/api/charge-points/%ff",
        "/api/charge-points/%00",
        "/api/charge-points/..",
        "/api/charge-points/CP001/nothing",
    ],
)
async def test_unknown_charge_points(api: Api, path: str) -> None:
    await api.register()
    assert (await api.get(path)).status_code == 404


async def test_register_ahead(api: Api) -> None:
    body = {
        "id": "CP 1",
        "name": "Pier 3",
        "location": "Harbour",
        "note": "key at the gate",
        "heartbeatInterval": 300,
        "minimumProfile": 2,
    }
    response = await api.post("/api/charge-points", body)
    assert response.status_code == 201
    assert response.headers["location"] == "/api/charge-points/CP%201"
    assert response.json() == response.json() | body | {"registration": "Accepted"}
    assert response.json()["isConnected"] is False
    taken = assert_problem(await api.post("/api/charge-points", {"id": "CP 1"}), 409, "conflict")
    assert "adopt" in taken["detail"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "id"),
        ({"id": 5}, "id"),
        ({"id": "A", "heartbeatInterval": 0}, "heartbeatInterval"),
        ({"id": "A", "minimumProfile": 4}, "minimumProfile"),
        ({"id": "A", "name": "x" * 1001}, "name"),
        ({"id": "A", "name": "a\u0000b"}, "name"),
        ({"id": "A", "colour": "red"}, "colour"),
    ],
)
async def test_register_names_the_field(api: Api, body: dict[str, Any], field: str) -> None:
    problem = assert_problem(await api.post("/api/charge-points", body), 400, "invalid-request")
    assert problem["errors"][0]["field"] == field
    assert field in problem["detail"]
    assert (await api.get("/api/charge-points")).json() == []


async def test_own_endpoints_refuse_unknown_parameters(api: Api) -> None:
    response = await api.post("/api/charge-points?dryRun=1", {"id": "A"})
    problem = assert_problem(response, 400, "invalid-request")
    assert problem["errors"] == [{"field": "dryRun", "message": "is not known here"}]


async def test_change_some_and_clear_some(api: Api) -> None:
    await api.post("/api/charge-points", {"id": "A", "name": "old", "note": "stays"})
    url = "/api/charge-points/A"
    changed = await api.client.patch(url, json={"name": None, "heartbeatInterval": 120})
    assert changed.status_code == 200
    shown = changed.json()
    assert (shown["name"], shown["note"], shown["heartbeatInterval"]) == (None, "stays", 120)
    again = (await api.client.patch(url, json={"heartbeatInterval": None})).json()
    assert again["heartbeatInterval"] == 60
    assert (await api.client.patch(url, json={})).json()["note"] == "stays"
    for body in ({"id": "B"}, {"registration": "Accepted"}, {"minimumProfile": None}):
        assert_problem(await api.client.patch(url, json=body), 400, "invalid-request")
    missing = await api.client.patch("/api/charge-points/B", json={})
    assert_problem(missing, 404, "charge-point-unknown")


async def test_adopt_and_block_tell_the_live_session(api: Api) -> None:
    station = await api.connect()
    blocked = await api.post("/api/charge-points/CP001/block")
    assert blocked.status_code == 200
    assert blocked.json()["registration"] == "Rejected"
    assert station.registration == "Rejected"
    adopted = await api.post("/api/charge-points/CP001/adopt")
    assert adopted.json()["registration"] == "Accepted"
    assert station.registration == "Accepted"
    for verb in ("adopt", "block"):
        response = await api.post(f"/api/charge-points/nobody/{verb}")
        assert_problem(response, 404, "charge-point-unknown")


async def test_remove_closes_the_connection_and_keeps_history(api: Api) -> None:
    station = await api.connect()
    transaction_id = await api.start()
    response = await api.client.delete("/api/charge-points/CP001")
    assert (response.status_code, response.content) == (204, b"")
    assert station.ended is not None
    assert station.ended[0] == 1008
    kept = (await api.get("/api/transactions")).json()
    assert [each["id"] for each in kept] == [transaction_id]
    again = await api.client.delete("/api/charge-points/CP001")
    assert_problem(again, 404, "charge-point-unknown")


async def test_all_charge_points_are_streamed(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "PAGE", 2)
    for number in range(5):
        await api.register(f"CP{number}", "Pending")
    await api.register("CP9")
    response = await api.get("/api/charge-points?registration=Pending")
    assert [each["id"] for each in response.json()] == ["CP0", "CP1", "CP2", "CP3", "CP4"]
    assert response.headers["x-total-count"] == "5"


@pytest.mark.parametrize(("skew", "shown"), [(None, None), (1234, 1.234), (-60_000, -60.0)])
async def test_the_clock_is_shown_in_seconds(
    api: Api, skew: int | None, shown: float | None
) -> None:
    await api.register()
    await api.database.write(charge_points.seen, [(api.now(), None, skew, "CP001")])
    assert (await api.get("/api/charge-points/CP001")).json()["clockSkew"] == shown


async def test_every_status_a_connector_had(api: Api) -> None:
    for minute, status in enumerate(["Available", "Preparing", "Charging"]):
        api.now.ms += 60_000
        payload = {"connectorId": minute % 2, "status": status, "errorCode": "NoError"}
        await api.database.write(connectors.record_status, "CP001", payload, api.now())

    async def found(query: str) -> list[str]:
        response = await api.get(f"/api/status-history?{query}")
        assert response.headers["x-total-count"] == str(len(response.json()))
        return [each["status"] for each in response.json()]

    assert await found("chargePointId=CP001") == ["Charging", "Preparing", "Available"]
    assert await found("connectorId=0") == ["Charging", "Available"]
    assert await found("status=Preparing") == ["Preparing"]
    assert await found("chargePointId=CP002") == []
    assert await found("from=2026-11-23T08:02:00Z&to=2026-11-23T08:03:00Z") == ["Preparing"]
    assert_problem(await api.get("/api/status-history?colour=red"), 400, "invalid-request")
