"""Sampled values as a list."""

from __future__ import annotations

import pytest

from ocpp_trio.api import listing
from ocpp_trio.store import readings
from tests.api.support import Api, assert_problem


async def test_a_sampled_value_has_all_its_fields(api: Api) -> None:
    number = await api.start()
    await api.meter(number, "1234.50", minute=1)
    await api.meter(None, "OCMF|é|1", format="SignedData", context="Transaction.Begin")
    shown = (await api.get("/api/meter-values")).json()
    assert shown[1] == {
        "id": 1,
        "transactionId": number,
        "chargePointId": "CP001",
        "connectorId": 1,
        "timestamp": "2026-11-23T08:01:00Z",
        "value": "1234.50",
        "number": 1234.5,
        "unit": "Wh",
        "measurand": "Energy.Active.Import.Register",
        "source": "MeterValues",
        "phase": None,
        "context": "Sample.Periodic",
        "location": "Outlet",
        "format": "Raw",
        "checksum": None,
    }
    signed = shown[0]
    assert (signed["transactionId"], signed["value"], signed["number"]) == (None, "OCMF|é|1", None)
    # printf 'OCMF|é|1' | sha256sum
    assert signed["checksum"] == (
        "cd4c888723aedc56a08d2615c0f1e64fad8aa0d349070f83176634aa268bec4f"
    )


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["3", "2", "1"]),
        ("chargePointId=CP001", ["2", "1", "3"]),
        ("chargePointId=CP002", []),
        ("transactionId=1", ["2", "1"]),
        ("transactionId=0&chargePointId=CP001", ["3"]),
        ("measurand=Voltage", ["2"]),
        ("measurand=Voltage&phase=L1&context=Sample.Clock&location=EV", ["2"]),
        ("format=Raw&source=MeterValues&connectorId=1", ["3", "2", "1"]),
        ("from=2026-11-23T08:02:00Z", ["3", "2"]),
        ("to=2026-11-23T08:02:00Z&chargePointId=CP001", ["1"]),
        ("limit=1&offset=1", ["2"]),
    ],
)
async def test_filters(api: Api, query: str, found: list[str]) -> None:
    number = await api.start()
    await api.meter(number, "1", minute=1)
    more = {"measurand": "Voltage", "phase": "L1", "context": "Sample.Clock", "location": "EV"}
    await api.meter(number, "2", minute=2, **more)
    await api.meter(None, "3", minute=3)
    response = await api.get(f"/api/meter-values?{query}")
    assert response.status_code == 200, response.text
    assert [each["value"] for each in response.json()] == found
    if "limit" not in query:
        assert response.headers["x-total-count"] == str(len(found))


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("chargepointid=CP001", "chargepointid"),
        ("from=yesterday", "from"),
        ("to=2026-13-01", "to"),
        ("transactionId=x", "transactionId"),
        ("connectorId=99999999999999999999", "connectorId"),
        ("measurand=" + "x" * 101, "measurand"),
    ],
)
async def test_a_bad_query_is_refused_by_name(api: Api, query: str, field: str) -> None:
    response = await api.get(f"/api/meter-values?{query}")
    assert assert_problem(response, 400, "invalid-request")["errors"][0]["field"] == field


async def test_without_limit_everything_comes_page_by_page(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "PAGE", 2)
    number = await api.start()
    for minute in range(5):
        await api.meter(number, str(minute), minute=minute)
        await api.meter(None, str(10 + minute), minute=minute)
    whole = (await api.get("/api/meter-values?chargePointId=CP001")).json()
    assert [int(each["value"]) for each in whole] == [4, 3, 2, 1, 0, 14, 13, 12, 11, 10]


async def test_what_is_not_counted_still_leads_on(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readings, "COUNTED", 2)
    number = await api.start()
    for minute in range(3):
        await api.meter(number, str(minute), minute=minute)
    response = await api.get("/api/meter-values?limit=2&to=2026-11-24T00:00:00Z")
    assert "x-total-count" not in response.headers
    link = response.headers["link"]
    assert link.endswith('; rel="next"')
    following = await api.get(link.split(">")[0].lstrip("<"))
    assert [each["value"] for each in following.json()] == ["0"]
    assert "next" not in following.headers["link"]
