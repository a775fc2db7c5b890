"""Batches over HTTP."""

from __future__ import annotations

from typing import Any

import pytest
from trio.testing import wait_all_tasks_blocked

from tests.api.conftest import OpenApi
from tests.api.support import Api, assert_problem

URL = "/api/command-batches"


async def test_one_command_for_many(api: Api) -> None:
    stations = [await api.connect(f"CP{number}") for number in range(3)]
    stations[1].answers.append({"status": "Rejected"})
    await api.register("CP3")
    body = {
        "action": "ChangeAvailability",
        "payload": {"connectorId": 0, "type": "Inoperative"},
        "chargePointIds": ["CP0", "CP1", "CP2", "CP3", "CP0"],
        "concurrency": 2,
    }
    response = await api.post(URL, body)
    assert response.status_code == 202, response.text
    batch = response.json()
    assert response.headers["location"] == f"{URL}/{batch['id']}"
    assert (batch["total"], batch["concurrency"], batch["actor"]) == (4, 2, "local")
    await wait_all_tasks_blocked()
    batch = (await api.get(response.headers["location"])).json()
    assert batch["done"] is True
    assert (batch["accepted"], batch["refused"], batch["expired"]) == (2, 1, 1)
    assert batch["payload"] == body["payload"]
    for station in stations:
        assert station.received == [("ChangeAvailability", body["payload"])]
    records = (await api.get(f"/api/commands?batchId={batch['id']}")).json()
    assert [record["chargePointId"] for record in records] == ["CP3", "CP2", "CP1", "CP0"]
    assert {record["batchId"] for record in records} == {batch["id"]}
    assert records[0]["error"] == "charge point CP3 is not connected"


async def test_by_filter_and_cancelled(api: Api) -> None:
    for name in ("A", "B"):
        await api.register(name)
    await api.register("C", "Pending")
    body = {"action": "ClearCache", "filter": {"registration": "Accepted"}, "expires": 60}
    url = (await api.post(URL, body)).headers["location"]
    await wait_all_tasks_blocked()
    batch = (await api.get(url)).json()
    assert (batch["done"], batch["total"], batch["queued"]) == (False, 2, 2)
    assert batch["expiresAt"] == "2026-11-23T08:01:00Z"
    cancelled = (await api.post(f"{url}/cancel")).json()
    assert (cancelled["done"], cancelled["queued"], cancelled["cancelled"]) == (True, 0, 2)
    listed = (await api.get(URL)).json()
    assert listed == [cancelled]
    assert (await api.get(f"{URL}?action=Reset")).json() == []
    for way in (api.get(f"{URL}/99"), api.post(f"{URL}/x/cancel")):
        assert_problem(await way, 404, "not-found")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"action": "StartTransaction"}, "action"),
        ({"action": "Nonsense"}, "action"),
        ({"action": "Reset"}, "payload"),
        ({"payload": {"type": "Soft"}}, ""),
        ({"chargePointIds": None}, "chargePointIds"),
        ({"chargePointIds": []}, "chargePointIds"),
        ({"filter": {}}, "chargePointIds"),
        ({"chargePointIds": None, "filter": {"vender": "x"}}, "filter.vender"),
        ({"concurrency": 0}, "concurrency"),
        ({"expires": 0}, "expires"),
        ({"expires": 10**9}, "expires"),
        ({"timeout": 601}, "timeout"),
        ({"stations": []}, "stations"),
    ],
)
async def test_bad_requests_send_nothing(api: Api, changes: dict[str, Any], field: str) -> None:
    station = await api.connect()
    body = {"action": "ClearCache", "chargePointIds": ["CP001"]} | changes
    problem = assert_problem(await api.post(URL, body), 400, "invalid-request")
    if field != "payload":
        assert problem["errors"][0]["field"] == field
    assert (await api.get("/api/commands")).json() == []
    assert station.received == []


async def test_keys_that_no_command_changes(api: Api) -> None:
    payload = {"key": "AuthorizationKey", "value": "x"}
    body = {"action": "ChangeConfiguration", "payload": payload, "filter": {}}
    assert_problem(await api.post(URL, body), 403, "forbidden")


async def test_nobody_or_too_many(open_api: OpenApi) -> None:
    async with open_api(OCPP_BATCH_SIZE="2") as api:
        body: dict[str, Any] = {"action": "ClearCache", "filter": {"vendor": "Nobody"}}
        assert_problem(await api.post(URL, body), 404, "not-found")
        for name in "ABC":
            await api.register(name)
        unknown = await api.post(URL, {"action": "ClearCache", "chargePointIds": ["A", "X"]})
        problem = assert_problem(unknown, 404, "charge-point-unknown")
        assert problem["errors"] == [{"field": "chargePointIds", "message": "X"}]
        many = await api.post(URL, body | {"filter": {}})
        assert "names 3 charge points" in assert_problem(many, 400, "invalid-request")["detail"]
        assert (await api.get(URL)).json() == []


async def test_the_role(guarded: Api) -> None:
    body = {"action": "ClearCache", "filter": {}}
    headers = {"Authorization": "Bearer reader"}
    assert_problem(await guarded.post(URL, body, headers=headers), 403, "forbidden")
    assert (await guarded.get(URL, headers=headers)).status_code == 200


async def test_remote_starts_of_a_batch_expire_as_the_setting_says(open_api: OpenApi) -> None:
    async with open_api(OCPP_REMOTE_START_EXPIRY="1200") as api:
        await api.connect("CP0")
        body = {
            "action": "RemoteStartTransaction",
            "payload": {"idTag": "TAG"},
            "chargePointIds": ["CP0"],
        }
        assert (await api.post(URL, body)).status_code == 202
        await api.post("/api/commands/remote-start", {"chargePointId": "CP0", "idTag": "TAG"})
        await wait_all_tasks_blocked()
        batch, alone = (await api.get("/api/remote-starts")).json()
        assert batch["expiresAt"] == alone["expiresAt"] == "2026-11-23T08:20:00Z"
