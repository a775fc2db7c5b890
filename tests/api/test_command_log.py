"""Records of commands: kept, listed, cancelled; and callers who do not wait."""

from __future__ import annotations

from typing import Any

import pytest
from trio.testing import wait_all_tasks_blocked

from tests.api.conftest import OpenApi
from tests.api.support import Api, assert_problem
from tests.support.clock import MINUTE

CLEAR = {"chargePointId": "CP001"}


def path(name: str = "clear-cache", **query: Any) -> str:
    asked = "&".join(f"{key}={value}" for key, value in query.items())
    return f"/api/commands/{name}?{asked}"


async def test_without_waiting(api: Api) -> None:
    station = await api.connect()
    response = await api.post(path(wait=0), CLEAR)
    assert response.status_code == 202
    record = response.json()
    assert response.headers["location"] == f"/api/commands/{record['id']}"
    assert (record["state"], record["expiresAt"]) in {("sent", None), ("accepted", None)}
    await wait_all_tasks_blocked()
    assert (await api.get(response.headers["location"])).json()["state"] == "accepted"
    assert station.received == [("ClearCache", {})]


async def test_without_waiting_what_cannot_be_sent_is_refused_at_once(api: Api) -> None:
    await api.register()
    assert_problem(await api.post(path(wait=0), CLEAR), 503, "charge-point-offline")
    await api.connect("CP002", waiting=16)
    body = {"chargePointId": "CP002"}
    response = await api.post(path(wait=0), body)
    assert_problem(response, 429, "too-many-commands")
    assert response.headers["retry-after"]


async def test_kept_for_a_station_that_is_offline(api: Api) -> None:
    await api.register()
    response = await api.post(path(expires=90.5, timeout=0.01), CLEAR)
    assert response.status_code == 202
    record = response.json()
    assert (record["state"], record["expiresAt"]) == ("queued", "2026-11-23T08:01:30.500Z")
    station = await api.connect()
    api.central.queue.add("CP001")
    await wait_all_tasks_blocked()
    assert station.received == [("ClearCache", {})]
    assert (await api.get(response.headers["location"])).json()["state"] == "accepted"


async def test_kept_or_not_a_station_that_is_there_answers(api: Api) -> None:
    await api.connect()
    response = await api.post(path(expires=60), CLEAR)
    assert response.status_code == 200
    assert response.json()["success"] is True


async def test_every_command_can_be_kept(api: Api) -> None:
    await api.register()
    for name, body in (
        ("remote-stop", {"transactionId": 7, "reason": "Closed"}),
        ("get-configuration", {}),
        ("generic", {"action": "GetLocalListVersion"}),
    ):
        response = await api.post(path(name, expires=60, wait=0), CLEAR | body)
        assert response.status_code == 202, response.text
    assert (await api.get("/api/commands?action=RemoteStopTransaction")).json()[0][
        "reason"
    ] == "Closed"
    response = await api.get(path("get-configuration", expires=60, wait=0, chargePointId="CP001"))
    assert response.status_code == 202


async def test_only_so_many_are_kept(open_api: OpenApi) -> None:
    async with open_api(OCPP_DURABLE_QUEUE="1", OCPP_MAX_EXPIRES="60") as api:
        await api.register()
        assert (await api.post(path(expires=60, wait=0), CLEAR)).status_code == 202
        response = await api.post(path(expires=60, wait=0), CLEAR)
        assert "commandId" not in assert_problem(response, 429, "too-many-commands")
        assert response.headers["retry-after"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("expires", "0"),
        ("expires", "-1"),
        ("expires", "nan"),
        ("expires", "inf"),
        ("expires", "604801"),
        ("expires", "soon"),
        ("wait", "2"),
        ("wait", "perhaps"),
    ],
)
async def test_how_not_to_wait(api: Api, name: str, value: str) -> None:
    station = await api.connect()
    problem = assert_problem(await api.post(path(**{name: value}), CLEAR), 400, "invalid-request")
    assert problem["errors"][0]["field"] == name
    assert station.received == []


async def test_cancelled_while_it_is_queued(api: Api) -> None:
    await api.register()
    record = (await api.post(path(expires=60, wait=0), CLEAR)).json()
    url = f"/api/commands/{record['id']}/cancel"
    shown = await api.post(url)
    assert shown.status_code == 200
    assert (shown.json()["state"], shown.json()["error"]) == ("cancelled", "cancelled by local")
    problem = assert_problem(await api.post(url), 409, "conflict")
    assert "is cancelled" in problem["detail"]
    station = await api.connect()
    api.central.queue.add("CP001")
    await wait_all_tasks_blocked()
    assert station.received == []
    for number in ("99", "x", "9" * 30):
        assert_problem(await api.post(f"/api/commands/{number}/cancel"), 404, "not-found")


async def test_cancelling_needs_the_role(guarded: Api) -> None:
    headers = {"Authorization": "Bearer reader"}
    response = await guarded.post("/api/commands/1/cancel", headers=headers)
    assert_problem(response, 403, "forbidden")
    assert (await guarded.get("/api/commands", headers=headers)).json() == []


async def test_lists(api: Api) -> None:
    await api.connect()
    await api.register("CP002")
    await api.post(path(), CLEAR)
    api.now.ms += MINUTE
    await api.post("/api/commands/reset", CLEAR | {"type": "Soft"})
    api.now.ms += MINUTE
    await api.post(path(expires=60, wait=0), {"chargePointId": "CP002"})

    async def ids(query: str) -> list[int]:
        response = await api.get(f"/api/commands?{query}")
        assert response.status_code == 200, response.text
        return [record["id"] for record in response.json()]

    assert await ids("") == [3, 2, 1]
    assert await ids("chargePointId=CP001") == [2, 1]
    assert await ids("action=Reset") == [2]
    assert await ids("state=queued") == [3]
    assert await ids("actor=local") == [3, 2, 1]
    assert await ids("actor=nobody") == []
    assert await ids("batchId=1") == []
    assert await ids("from=2026-11-23T08:01:00Z") == [3, 2]
    assert await ids("to=2026-11-23T08:01:00Z") == [1]
    assert await ids("from=2026-11-23T09:01:00%2B01:00&to=2026-11-23T08:02:00Z") == [2]
    page = await api.get("/api/commands?limit=1&offset=1")
    assert [record["id"] for record in page.json()] == [2]
    assert page.headers["x-total-count"] == "3"
    assert "offset=2" in page.headers["link"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("state=done", "state"),
        ("from=yesterday", "from"),
        ("to=2026-13-01", "to"),
        ("batchId=x", "batchId"),
        ("since=2026-11-23", "since"),
        ("chargePoint=CP001", "chargePoint"),
    ],
)
async def test_filters_that_are_none(api: Api, query: str, field: str) -> None:
    problem = assert_problem(await api.get(f"/api/commands?{query}"), 400, "invalid-request")
    assert problem["errors"][0]["field"] == field
