"""The system log."""

from __future__ import annotations

import pytest

from ocpp_trio.logs import Entry
from ocpp_trio.store import logs
from tests.api.support import Api, assert_problem


@pytest.fixture
async def logged(api: Api) -> Api:
    """An API whose log has 120 entries."""
    entries = [
        Entry(
            "CP001" if number % 2 else None,
            api.now(),
            ("INFO", "WARNING", "ERROR")[number % 3],
            "test",
            f"entry {number}",
        )
        for number in range(120)
    ]
    await api.database.write(logs.insert, entries)
    return api


async def test_newest_first_and_100_by_default(logged: Api) -> None:
    response = await logged.get("/api/logs?anything=else")
    entries = response.json()
    assert len(entries) == 100
    assert entries[0] == {
        "id": 120,
        "chargePointId": "CP001",
        "timestamp": "2026-11-23T08:00:00Z",
        "level": "ERROR",
        "source": "test",
        "message": "entry 119",
    }
    assert response.headers["x-total-count"] == "120"
    assert response.links["next"]["url"] == "/api/logs?limit=100&offset=100"
    rest = (await logged.get(response.links["next"]["url"])).json()
    assert [each["id"] for each in rest] == list(range(20, 0, -1))


async def test_filters(logged: Api) -> None:
    of_point = await logged.get("/api/logs?chargePointId=CP001&level=error&limit=5&offset=1")
    assert of_point.headers["x-total-count"] == "20"
    assert len(of_point.json()) == 5
    assert {(each["chargePointId"], each["level"]) for each in of_point.json()} == {
        ("CP001", "ERROR")
    }
    assert "level=error" in of_point.links["next"]["url"]
    assert (await logged.get("/api/logs?limit=5000")).headers["x-total-count"] == "120"
    assert len((await logged.get("/api/logs?limit=5000")).json()) == 120


async def test_unknown_level(logged: Api) -> None:
    problem = assert_problem(await logged.get("/api/logs?level=loud"), 400, "invalid-request")
    assert problem["errors"][0]["field"] == "level"
