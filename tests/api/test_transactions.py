"""Transactions, and closing one by hand."""

from __future__ import annotations

from typing import Any

import pytest

from ocpp_trio import logs
from ocpp_trio.api import listing
from ocpp_trio.store import transactions
from tests.api.support import JSON, Api, assert_problem


async def test_a_transaction_has_all_its_fields(api: Api) -> None:
    number = await api.start()
    running = (await api.get("/api/transactions")).json()
    assert running == [
        {
            "id": number,
            "transactionId": number,
            "chargePointId": "CP001",
            "connectorId": 1,
            "idTag": "TAG1",
            "startTimestamp": "2026-11-23T07:00:00Z",
            "stopTimestamp": None,
            "meterStart": 1000,
            "meterStop": None,
            "energyDelivered": 0.0,
            "stopReason": None,
            "isComplete": False,
            "remoteStopReason": None,
            "remoteStartCommandId": None,
            "authorizationStatus": "Invalid",
            "reservationId": None,
            "stopIdTag": None,
            "receivedAt": "2026-11-23T08:00:00Z",
            "flags": [],
            "lateStop": None,
            "chargingLimit": None,
            "lastMeterValue": None,
            "energySource": "register",
        }
    ]
    await api.stop(number, 5500)
    over = (await api.get("/api/transactions")).json()[0]
    assert over["isComplete"] is True
    assert over["energyDelivered"] == 4.5
    assert over["meterStop"] == 5500
    assert over["stopReason"] == "EVDisconnected"
    assert over["stopTimestamp"] == "2026-11-23T07:30:00Z"


async def test_filters(api: Api) -> None:
    first = await api.start("CP001", 1)
    second = await api.start("CP001", 2)
    third = await api.start("CP002", 1)
    await api.stop(first)

    async def ids(query: str) -> list[int]:
        response = await api.get(f"/api/transactions?{query}")
        assert response.status_code == 200
        return [each["id"] for each in response.json()]

    assert await ids("") == [third, second, first]
    assert await ids("chargePointId=CP001") == [second, first]
    assert await ids("isComplete=true") == [first]
    assert await ids("isComplete=false&chargePointId=CP001") == [second]
    assert await ids("isComplete=") == [third, second, first]
    assert await ids("chargePointId=nobody") == []
    assert await ids(f"transactionId={second}&anything=else") == [second]


@pytest.mark.parametrize("query", ["transactionId=99", "transactionId=-1", "transactionId=0"])
async def test_unknown_transaction(api: Api, query: str) -> None:
    assert_problem(await api.get(f"/api/transactions?{query}"), 404, "not-found")


async def test_transaction_that_the_other_filters_do_not_fit(api: Api) -> None:
    number = await api.start()
    for query in ("chargePointId=CP002", "isComplete=true"):
        url = f"/api/transactions?transactionId={number}&{query}"
        assert_problem(await api.get(url), 404, "not-found")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("transactionId=abc", "transactionId"),
        ("transactionId=99999999999999999999", "transactionId"),
        ("transactionId=" + "1" * 5000, "transactionId"),
        ("isComplete=maybe", "isComplete"),
        ("limit=ten", "limit"),
        ("offset=-1", "offset"),
        ("offset=99999999999999999999", "offset"),
        ("chargePointId=a%00b", "chargePointId"),
    ],
)
async def test_bad_parameters_are_named(api: Api, query: str, field: str) -> None:
    response = await api.get(f"/api/transactions?{query}")
    assert assert_problem(response, 400, "invalid-request")["errors"][0]["field"] == field


@pytest.mark.parametrize("query", ["chargePointId=%ff", "&".join(["a=1"] * 60)])
async def test_unreadable_queries(api: Api, query: str) -> None:
    assert_problem(await api.get(f"/api/transactions?{query}"), 400, "invalid-request")


async def test_pages(api: Api) -> None:
    ids = [await api.start(connector_id=number) for number in range(1, 6)][::-1]

    async def page(query: str) -> tuple[list[int], dict[str, str]]:
        response = await api.get(f"/api/transactions?{query}")
        assert response.headers["x-total-count"] == "5"
        links = {str(name): link["url"] for name, link in response.links.items()}
        return [each["id"] for each in response.json()], links

    assert await page("limit=2") == (ids[:2], {"next": "/api/transactions?limit=2&offset=2"})
    assert await page("limit=2&offset=1") == (
        ids[1:3],
        {
            "next": "/api/transactions?limit=2&offset=3",
            "prev": "/api/transactions?limit=2&offset=0",
        },
    )
    shown, links = await page("limit=2&offset=4&isComplete=false&chargePointId=CP001")
    assert shown == ids[4:]
    assert list(links) == ["prev"]
    assert (await api.get(links["prev"])).json()[0]["id"] == ids[2]
    assert await page("limit=0") == (ids[:1], {"next": "/api/transactions?limit=1&offset=1"})
    assert await page("limit=-7") == await page("limit=1")
    assert await page("limit=123456789012345678901234567890") == (ids, {})
    assert await page("offset=3") == (ids[3:], {})
    assert await page("offset=77") == ([], {})


async def test_everything_is_streamed(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "PAGE", 2)
    for count in range(6):
        ids = [each["id"] for each in (await api.get("/api/transactions")).json()]
        assert ids == list(range(count, 0, -1))
        await api.start(connector_id=count + 1)
    response = await api.get("/api/transactions?offset=1&chargePointId=CP001")
    assert [each["id"] for each in response.json()] == [5, 4, 3, 2, 1]
    assert response.headers["x-total-count"] == "6"
    assert "link" not in response.headers
    head = await api.client.head("/api/transactions")
    assert (head.status_code, head.headers["x-total-count"]) == (200, "6")


async def _close(api: Api, **body: Any) -> dict[str, Any]:
    response = await api.post("/api/admin/close-transaction", body)
    assert response.status_code == 200, response.text
    closed: dict[str, Any] = response.json()
    return closed


async def test_close_with_energy(api: Api) -> None:
    number = await api.start()
    logs.ENTRIES.take()
    closed = await _close(api, transactionId=number, finalEnergy=10.5, reason="Gone", other=1)
    assert closed == {
        "success": True,
        "message": f"transaction {number} is closed",
        "transactionId": number,
        "energyDelivered": 10.5,
    }
    shown = (await api.get(f"/api/transactions?transactionId={number}")).json()[0]
    assert shown["isComplete"] is True
    assert (shown["meterStop"], shown["energyDelivered"]) == (11_500, 10.5)
    assert shown["stopReason"] == "Gone"
    assert "closed-by-hand" in shown["flags"]
    [entry] = logs.ENTRIES.take()
    assert (entry.source, entry.charge_point_id) == ("api", "CP001")
    assert "closed by hand" in entry.message


async def test_close_without_energy_takes_the_last_reading(api: Api) -> None:
    number = await api.start()

    def read_meter(tx: Any) -> None:
        tx.run(
            transactions.Q.set_register,
            id=number,
            register_wh=3250,
            register_at=api.now(),
            is_timed=1,
        )

    await api.database.write(read_meter)
    assert (await _close(api, transactionId=number, finalEnergy=None))["energyDelivered"] == 2.25
    shown = (await api.get("/api/transactions")).json()[0]
    assert shown["stopReason"] == "Administrative"


@pytest.mark.parametrize(
    ("kwh", "wh"), [(0, 0), (0.0004, 0), (0.0006, 1), (1.0005, 1000), (7, 7000)]
)
async def test_energy_is_kept_in_whole_wh(api: Api, kwh: float, wh: int) -> None:
    number = await api.start(meter_start=0)
    assert (await _close(api, transactionId=number, finalEnergy=kwh))[
        "energyDelivered"
    ] == wh / 1000


async def test_close_what_cannot_be_closed(api: Api) -> None:
    number = await api.start()
    await api.stop(number)
    closed = await api.post("/api/admin/close-transaction", {"transactionId": number})
    assert_problem(closed, 409, "conflict")
    missing = await api.post("/api/admin/close-transaction", {"transactionId": 99})
    assert_problem(missing, 404, "not-found")


async def test_close_with_more_than_the_database_holds(api: Api) -> None:
    number = await api.start(meter_start=2**63 - 1)
    response = await api.post(
        "/api/admin/close-transaction", {"transactionId": number, "finalEnergy": 1}
    )
    assert_problem(response, 422, "out-of-range")


@pytest.mark.parametrize("energy", ["-0.1", "true", '"5"', "1e13", "NaN", "Infinity", "1e999"])
async def test_close_refuses_energy_that_is_none(api: Api, energy: str) -> None:
    number = await api.start()
    body = f'{{"transactionId": {number}, "finalEnergy": {energy}}}'
    response = await api.client.post("/api/admin/close-transaction", content=body, headers=JSON)
    assert_problem(response, 400, "invalid-request")
    assert (await api.get("/api/transactions")).json()[0]["isComplete"] is False


async def test_one_transaction_by_its_path(api: Api) -> None:
    number = await api.start()
    await api.meter(number, "999.6", minute=1)
    found = (await api.get(f"/api/transactions/{number}")).json()
    assert found == (await api.get(f"/api/transactions?transactionId={number}")).json()[0]
    assert found["lastMeterValue"] == {"timestamp": "2026-11-23T08:01:00Z", "wh": 1000}
    assert found["energyDelivered"] == 0.0
    await api.meter(number, "400", minute=2)
    found = (await api.get(f"/api/transactions/{number}")).json()
    assert found["energyDelivered"] == -0.6
    assert found["flags"] == ["negative-energy"]


async def test_energy_from_intervals_says_so(api: Api) -> None:
    number = await api.start(meter_start=0)
    await api.meter(number, "1.5", unit="kWh", measurand="Energy.Active.Import.Interval")
    found = (await api.get(f"/api/transactions/{number}")).json()
    assert (found["energyDelivered"], found["energySource"]) == (1.5, "intervals")
    assert found["lastMeterValue"] is None


@pytest.mark.parametrize("number", ["4711", "0", "-1", "x", "9" * 5000, "\uff11", str(2**63)])
async def test_no_such_transaction(api: Api, number: str) -> None:
    assert_problem(await api.get(f"/api/transactions/{number}"), 404, "not-found")
