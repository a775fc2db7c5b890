"""The energy report."""

from __future__ import annotations

from typing import Any

import pytest

from ocpp_trio.api import reports
from ocpp_trio.domain import reports as domain
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
        ("startDate=2026-11-01&endDate=2026-11-01&split=perhaps", "split"),
        ("startDate=2026-11-01&endDate=2026-11-01&groupBy=colour", "groupBy"),
        ("startDate=2026-11-01&endDate=2026-11-01&transactions=x", "transactions"),
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


GROUP = {
    "day": None,
    "chargePointId": None,
    "connectorId": None,
    "idTag": None,
    "parentIdTag": None,
    "incompleteTransactions": 0,
    "flaggedTransactions": 0,
}


async def test_groups_come_instead_of_transactions(api: Api) -> None:
    await _session(api, "2026-11-01T08:00:00Z", 1000, 1)
    await _session(api, "2026-11-01T23:00:00Z", 500, 2)
    await _session(api, "2026-11-02T08:00:00Z", -20, 1)
    asked = "startDate=2026-11-01&endDate=2026-11-02"
    report = await _report(api, f"{asked}&groupBy=day")
    assert report == {
        "startDate": "2026-11-01",
        "endDate": "2026-11-02",
        "timezone": "UTC",
        "groups": [
            GROUP
            | {
                "day": "2026-11-01",
                "energyDelivered": 1.5,
                "transactions": 2,
                "completeTransactions": 2,
            },
            GROUP
            | {
                "day": "2026-11-02",
                "energyDelivered": -0.02,
                "transactions": 1,
                "completeTransactions": 1,
                "flaggedTransactions": 1,
            },
        ],
        "totalEnergyDelivered": 1.48,
        "completeTransactions": 3,
        "incompleteTransactions": 0,
    }
    for by, key in (
        ("charge-point", "chargePointId"),
        ("connector", "connectorId"),
        ("tag", "idTag"),
    ):
        groups = (await _report(api, f"{asked}&groupBy={by}"))["groups"]
        shown = [(group[key], group["energyDelivered"]) for group in groups]
        assert (
            shown
            == {
                "charge-point": [("CP001", 1.48)],
                "connector": [(1, 0.98), (2, 0.5)],
                "tag": [("TAG1", 0.98), ("TAG2", 0.5)],
            }[by]
        )
    groups = (await _report(api, f"{asked}&groupBy=parent-tag"))["groups"]
    assert [group["parentIdTag"] for group in groups] == [None]
    both = await _report(api, f"{asked}&groupBy=day&transactions=true&idTag=tag2")
    assert [line["energyDelivered"] for line in both["transactions"]] == [0.5]
    assert [group["energyDelivered"] for group in both["groups"]] == [0.5]
    bare = await _report(api, f"{asked}&transactions=false")
    assert "transactions" not in bare
    assert bare["totalEnergyDelivered"] == 1.48


async def test_split_counts_what_the_days_hold(api: Api) -> None:
    number = await api.start(meter_start=0, timestamp="2026-11-22T22:00:00Z")
    await api.meter(number, "300", minute=-9 * 60)
    await api.meter(number, "500", minute=-7 * 60)
    await api.stop(number, 1000, "2026-11-23T06:00:00Z")
    asked = "startDate=2026-11-23&endDate=2026-11-23"
    assert (await _report(api, asked))["transactions"] == []
    part = await _report(api, f"{asked}&split=true")
    assert part["totalEnergyDelivered"] == 0.6
    assert [line["energyDelivered"] for line in part["transactions"]] == [0.6]
    days = await _report(api, "startDate=2026-11-20&endDate=2026-11-30&split=true&groupBy=day")
    assert [(group["day"], group["energyDelivered"]) for group in days["groups"]] == [
        ("2026-11-22", 0.4),
        ("2026-11-23", 0.6),
    ]
    assert days["totalEnergyDelivered"] == 1.0


async def test_too_many_groups_are_refused(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(domain, "MAX_GROUPS", 1)
    await _session(api, "2026-11-01T08:00:00Z", 1000, 1)
    await _session(api, "2026-11-02T08:00:00Z", 1000, 2)
    asked = "/api/reports/energy?startDate=2026-11-01&endDate=2026-11-02&groupBy=day"
    problem = assert_problem(await api.get(asked), 400, "invalid-request")
    assert problem["errors"][0]["field"] == "groupBy"
