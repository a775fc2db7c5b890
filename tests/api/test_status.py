"""Status, health and readiness."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest
import trio
from structlog.typing import EventDict
from trio.testing import MockClock

from ocpp_trio.api.status import LimitCounts, duration
from ocpp_trio.store import charge_points
from ocpp_trio.store.station_keys import NOTHING
from ocpp_trio.supervise import every
from tests.api.conftest import OpenApi
from tests.api.support import Api, assert_problem
from tests.conftest import SQLITE
from tests.support.clock import SECOND
from tests.support.nodes import enter
from tests.support.statements import fetch

LIMITS = [each.encode_name for each in msgspec.structs.fields(LimitCounts)]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (59, "59s"), (60, "1m0s"), (10_921, "3h2m1s"), (360_000, "100h0m0s")],
)
def test_duration_is_written_as_go_does(seconds: int, text: str) -> None:
    assert duration(seconds) == text


async def test_status(api: Api, restarted: Callable[[Api, float], Api]) -> None:
    await api.register("CP001")
    await api.database.write(
        charge_points.admit, "CP002", "accept", 9, "", None, api.now(), NOTHING, "here"
    )
    await enter(api.database, "here", alone=True)
    api.central.node.id = "here"
    response = await restarted(api, 10_921).get("/api/status")
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.json() == {
        "status": "running",
        "serverTime": "2026-11-23T08:00:00Z",
        "systemName": "ocpp-central",
        "chargePointsTotal": 2,
        "reviewItemsOpen": 0,
        "chargePointsConnected": 1,
        "databaseType": api.database.kind,
        "uptime": "3h2m1s",
        "uptimeSeconds": 10_921,
        "nodeId": "here",
        "nodes": [
            {
                "id": "here",
                "name": "name of here",
                "role": "all",
                "startedAt": "2026-11-23T08:00:00Z",
                "heartbeatAt": "2026-11-23T08:00:00Z",
                "chargePointsConnected": 1,
            }
        ],
        "limits": dict.fromkeys(LIMITS, 0),
    }


async def test_status_tells_the_name_and_ignores_what_it_does_not_know(open_api: OpenApi) -> None:
    async with open_api(OCPP_SYSTEM_NAME="Harbour") as api:
        api.now.ms += SECOND // 2
        status = (await api.get("/api/status?verbose=1")).json()
    assert status["systemName"] == "Harbour"
    assert status["serverTime"] == "2026-11-23T08:00:00.500Z"


async def test_health_and_readiness(api: Api) -> None:
    assert (await api.get("/healthz")).json() == {"status": "ok"}
    ready = await api.get("/readyz")
    assert ready.status_code == 200
    assert ready.json() == {"status": "ready", "failing": []}


async def test_readiness_names_what_fails_to_who_may_know(guarded: Api) -> None:
    guarded.context.health.failing["log writer"] = "OSError: disk full"
    secret = await guarded.get("/readyz")
    assert secret.status_code == 503
    assert secret.json() == {"status": "not ready"}
    told = await guarded.get("/readyz", headers={"Authorization": "Bearer reader"})
    assert told.status_code == 503
    assert told.json() == {"status": "not ready", "failing": ["log writer"]}


async def test_readiness_sees_the_database_fail(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api.database, "failing_for", lambda: 3.0)
    response = await api.get("/readyz")
    assert response.status_code == 503
    assert response.json()["failing"] == ["database"]
    assert (await api.get("/healthz")).status_code == 200


@pytest.mark.parametrize("database_kind", [SQLITE])
async def test_a_database_that_can_only_be_read_is_not_ready_but_read(api: Api) -> None:
    await api.register("CP001")
    await api.database.write(fetch, "PRAGMA query_only = 1")
    refused = await api.post("/api/authorizations", {"idTag": "TAG1"})
    assert_problem(refused, 503, "database-unavailable")
    ready = await api.get("/readyz")
    assert (ready.status_code, ready.json()["failing"]) == (503, ["database"])
    assert [each["id"] for each in (await api.get("/api/charge-points")).json()] == ["CP001"]
    assert (await api.get("/healthz")).status_code == 200


async def test_a_service_that_fails_three_times_shows_until_it_works_again(
    autojump_clock: MockClock, api: Api, expected_errors: list[EventDict]
) -> None:
    times = 0

    async def tick() -> None:
        nonlocal times
        times += 1
        if times <= 3:
            raise OSError("not today")

    async def failing_at(second: float) -> list[str]:
        await trio.sleep_until(began + second)
        failing: list[str] = (await api.get("/readyz")).json()["failing"]
        return failing

    async with trio.open_nursery() as nursery:
        began = trio.current_time()
        nursery.start_soon(every, 3600, "collector", tick, api.context.health)
        # It is tried again after 1, 2 and 4 s.
        for second in (0.5, 1.5, 3.5, 6.5):
            assert await failing_at(second) == ["collector"]
        assert await failing_at(7.5) == []
        nursery.cancel_scope.cancel()
    assert times == 4
    assert len(expected_errors) == 3


async def test_head_has_the_head_of_get(api: Api) -> None:
    response = await api.client.head("/api/status")
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.content == b""
