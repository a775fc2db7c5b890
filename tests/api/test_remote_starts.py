"""Remote starts as the API shows them, with the transactions that followed."""

from __future__ import annotations

from typing import Any

import pytest

from ocpp_trio.store import remote_starts
from tests.api.support import Api, assert_problem
from tests.support.clock import MINUTE

LIST = "/api/remote-starts"


async def ask(api: Api, point: str = "CP001", **fields: Any) -> int:
    """A remote start of TAG1; its command's id."""
    body = {"chargePointId": point, "idTag": "TAG1"} | fields
    number: int = (await api.post("/api/commands/remote-start", body)).json()["commandId"]
    return number


async def test_which_transaction_a_remote_start_led_to(api: Api) -> None:
    await api.connect()
    asked = await ask(api, connectorId=1)
    waiting = {
        "commandId": asked,
        "chargePointId": "CP001",
        "connectorId": 1,
        "idTag": "TAG1",
        "state": "pending",
        "requestedAt": "2026-11-23T08:00:00Z",
        "expiresAt": "2026-11-23T08:05:00Z",
        "transactionId": None,
    }
    assert (await api.get(LIST)).json() == [waiting]
    assert (await api.get(f"/api/commands/{asked}")).json()["transactionId"] is None
    number = await api.start(timestamp="2026-11-23T08:00:00Z", id_tag="tag1")
    assert (await api.get(LIST)).json() == [waiting | {"state": "started", "transactionId": number}]
    assert (await api.get(f"/api/commands/{asked}")).json()["transactionId"] == number
    (transaction,) = (await api.get("/api/transactions")).json()
    assert transaction["remoteStartCommandId"] == asked


async def test_refused_and_expired(api: Api) -> None:
    station = await api.connect()
    station.answers = [{"status": "Rejected"}, {"status": "Accepted"}]
    refused, expired = await ask(api), await ask(api)
    api.now.ms += 6 * MINUTE
    await api.database.write(remote_starts.expire, api.now())
    pending = await ask(api)
    shown = {each["commandId"]: each["state"] for each in (await api.get(LIST)).json()}
    assert shown == {refused: "refused", expired: "expired", pending: "pending"}


async def test_who_is_not_there_will_not_start(api: Api) -> None:
    await api.register()
    body = {"chargePointId": "CP001", "idTag": "TAG1"}
    problem = (await api.post("/api/commands/remote-start", body)).json()
    (shown,) = (await api.get(LIST)).json()
    assert (shown["commandId"], shown["state"]) == (problem["commandId"], "refused")


async def test_so_is_one_by_the_generic_endpoint(api: Api) -> None:
    await api.connect()
    body = {
        "chargePointId": "CP001",
        "action": "RemoteStartTransaction",
        "payload": {"idTag": "TAG1", "connectorId": 0},
    }
    await api.post("/api/commands/generic", body)
    (shown,) = (await api.get(LIST)).json()
    assert (shown["state"], shown["connectorId"]) == ("pending", None)


async def test_filters_and_pages(api: Api) -> None:
    await api.connect("CP001")
    await api.connect("CP002")
    first, second, third = await ask(api), await ask(api, "CP002"), await ask(api)
    await api.start(timestamp="2026-11-23T08:00:00Z")

    async def ids(query: str) -> list[int]:
        return [each["commandId"] for each in (await api.get(f"{LIST}?{query}")).json()]

    assert await ids("") == [third, second, first]
    assert await ids("chargePointId=CP001") == [third, first]
    assert await ids("state=pending") == [third, second]
    assert await ids("state=started&chargePointId=CP001") == [first]
    response = await api.get(f"{LIST}?limit=1&offset=1")
    assert [each["commandId"] for each in response.json()] == [second]
    assert response.headers["X-Total-Count"] == "3"


@pytest.mark.parametrize(("query", "field"), [("state=over", "state"), ("tag=TAG1", "tag")])
async def test_what_is_not_known_is_refused_by_name(api: Api, query: str, field: str) -> None:
    problem = assert_problem(await api.get(f"{LIST}?{query}"), 400, "invalid-request")
    assert problem["errors"][0]["field"] == field
