"""The energy report."""

from __future__ import annotations

from typing import Any

import pytest

from ocpp_trio.api import reports
from ocpp_trio.errors import StoreUnavailable
from tests.api.support import Api, assert_problem


async def _report(api: Api, query: str) -> dict[str, Any]:
    response = await api.get(f"/api/reports/energy?{query}")
    assert response.status_code == 200, response.text
    report: dict[str, Any] = response.json()
    return report


async def _session(api: Api, start: str, wh: int | None, number: int = 1) -> int:
    """A transaction that began at `start`, of so many Wh; None: still running."""
    transaction_id = await api.start(
        connector_id=number, meter_start=100, timestamp=start, id_tag=f"TAG{number}"
    )
    if wh is not None:
        await api.stop(transaction_id, 100 + wh, "2026-11-23T07:59:00Z")
    return transaction_id


async def test_sums_and_lines(api: Api) -> None:
    before = await _session(api, "2026-10-31T23:59:59Z", 1)
    first = await _session(api, "2026-11-01T00:00:00Z", 10_001, 2)
    last = await _session(api, "2026-11-02T23:59:59Z", 2_345, 3)
    running = await _session(api, "2026-11-02T12:00:00Z", None, 4)
    await _session(api, "2026-11-03T00:00:00Z", 4, 5)
    report = await _report(api, "startDate=2026-11-01&endDate=2026-11-02&unknown=1")
    assert [each["transactionId"] for each in report.pop("transactions")] == [first, running, last]
    assert report == {
        "startDate": "2026-11-01",
        "endDate": "2026-11-02",
        "timezone": "UTC",
        "totalEnergyDelivered": 12.346,
        "completeTransactions": 2,
        "incompleteTransactions": 1,
    }
    alone = await _report(api, "startDate=2026-10-31&endDate=2026-10-31")
    assert alone["transactions"] == [
        {
            "chargePointId": "CP001",
            "transactionId": before,
            "startTimestamp": "2026-10-31T23:59:59Z",
            "stopTimestamp": "2026-11-23T07:59:00Z",
            "energyDelivered": 0.001,
            "idTag": "TAG1",
            "complete": True,
        }
    ]


async def test_nothing_in_the_period(api: Api) -> None:
    report = await _report(api, "startDate=2020-02-29&endDate=2020-02-29")
    assert report["transactions"] == []
    assert report["totalEnergyDelivered"] == 0
    assert (report["completeTransactions"], report["incompleteTransactions"]) == (0, 0)


async def test_days_of_another_zone(api: Api) -> None:
    # In Berlin, where the clock goes back on 2026-10-25, that day has 25 hours.
    first = await _session(api, "2026-10-24T22:00:00Z", 1, 1)
    last = await _session(api, "2026-10-25T22:59:59Z", 1, 2)
    await _session(api, "2026-10-24T21:59:59Z", 1, 3)
    await _session(api, "2026-10-25T23:00:00Z", 1, 4)
    report = await _report(api, "startDate=2026-10-25&endDate=2026-10-25&timezone=Europe/Berlin")
    assert report["timezone"] == "Europe/Berlin"
    assert [each["transactionId"] for each in report["transactions"]] == [first, last]


async def test_the_sum_has_no_rounding_errors(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reports, "PAGE", 3)
    for number in range(1, 11):
        # Two at the same moment, so that a page ends between them.
        await _session(api, f"2026-11-01T00:0{number // 2}:00Z", 100, number)
    report = await _report(api, "startDate=2026-11-01&endDate=2026-11-01&split=false")
    assert len({each["transactionId"] for each in report["transactions"]}) == 10
    assert report["totalEnergyDelivered"] == 1.0
    assert sum(each["energyDelivered"] for each in report["transactions"]) != 1.0


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("", "startDate"),
        ("startDate=2026-11-01", "endDate"),
        ("endDate=2026-11-01", "startDate"),
        ("startDate=&endDate=2026-11-01", "startDate"),
        ("startDate=2026-11-02&endDate=2026-11-01", "endDate"),
        ("startDate=2026-02-30&endDate=2026-11-01", "startDate"),
        ("startDate=2026-1-1&endDate=2026-11-01", "startDate"),
        ("startDate=20260101&endDate=2026-11-01", "startDate"),
        ("startDate=2026-W01-1&endDate=2026-11-01", "startDate"),
        ("startDate=0001-01-01&endDate=2026-11-01", "startDate"),
        ("startDate=2026-11-01&endDate=9999-12-31", "endDate"),
        ("startDate=2026-11-01&endDate=yesterday", "endDate"),
        ("startDate=2026-11-01&endDate=2026-11-01&timezone=Mars", "timezone"),
        ("startDate=2026-11-01&endDate=2026-11-01&timezone=../../etc/passwd", "timezone"),
        ("startDate=2026-11-01&endDate=2026-11-01&timezone=Europe", "timezone"),
        ("startDate=2026-11-01&endDate=2026-11-01&split=true", "split"),
    ],
)
async def test_bad_periods_name_the_field(api: Api, query: str, field: str) -> None:
    response = await api.get(f"/api/reports/energy?{query}")
    assert assert_problem(response, 400, "invalid-request")["errors"][0]["field"] == field


async def test_a_database_that_fails_is_a_problem(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise StoreUnavailable("disk I/O error at /secret")

    monkeypatch.setattr(api.database, "read", fail)
    response = await api.get("/api/reports/energy?startDate=2026-11-01&endDate=2026-11-01")
    assert "secret" not in response.text
    assert_problem(response, 503, "database-unavailable")
    assert response.headers["retry-after"] == "5"
