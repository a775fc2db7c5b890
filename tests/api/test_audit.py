"""The audit trail: nothing is changed or commanded without an entry that says by whom."""

from __future__ import annotations

import json
from typing import Any

import pytest
import trio
from structlog.typing import EventDict

from ocpp_trio.api.auditing import MAX_REQUEST, AuditTrail
from ocpp_trio.api.routes import ROUTES
from ocpp_trio.domain.times import format_timestamp
from ocpp_trio.errors import StoreUnavailable
from ocpp_trio.store import audit, charge_points, id_tags
from tests.api.conftest import OpenApi, keys_of
from tests.api.support import Api, assert_problem
from tests.support.clock import HOUR

CANARY = "canary7d3f9b"
AS_ADMIN = {"Authorization": "Bearer admin"}
CHANGING = [
    (method, path) for path, methods in ROUTES.items() for method in methods if method != "GET"
]
READING = [
    (path, each["GET"])
    for path, each in ROUTES.items()
    if "GET" in each and each["GET"].role != "operate"
]


async def entries(api: Api, query: str = "") -> list[dict[str, Any]]:
    response = await api.get(f"/api/audit?{query}", headers=AS_ADMIN)
    assert response.status_code == 200, response.text
    found: list[dict[str, Any]] = response.json()
    return found


async def _ask(api: Api, method: str, path: str, **headers: str) -> Any:
    each = ROUTES[path][method]
    options: dict[str, Any] = {"headers": AS_ADMIN | headers}
    if each.body is not None:
        options["json"] = dict(each.example)
    elif each.upload is not None:
        options["content"] = b"idTag\nA\n"
        options["headers"] |= {"Content-Type": each.upload}
    else:
        options["params"] = dict(each.example)
    url = path.replace("{id}", "CP001" if "charge-points" in path else "1")
    return await api.client.request(method, url, **options)


@pytest.mark.parametrize(("method", "path"), CHANGING)
async def test_no_operation_changes_anything_without_an_entry(
    guarded: Api, method: str, path: str
) -> None:
    await guarded.connect()
    response = await _ask(guarded, method, path, **{"X-Request-Id": "mine"})
    (entry,) = await entries(guarded)
    operation = ROUTES[path][method]
    assert (entry["actor"], entry["role"], entry["door"]) == ("admin", "admin", "api")
    assert (entry["action"], entry["method"]) == (operation.operation_id, method)
    assert (entry["route"], entry["status"]) == (path, response.status_code)
    assert (entry["requestId"], entry["remoteAddress"]) == ("mine", "127.0.0.1")
    assert entry["outcome"] == audit.outcome_of(response.status_code)
    assert entry["finishedAt"] is not None


async def test_a_command_by_get_is_one_as_well(guarded: Api) -> None:
    await guarded.connect()
    url = "/api/commands/get-configuration?chargePointId=CP001&keys=A"
    assert (await guarded.get(url, headers=AS_ADMIN)).status_code == 200
    (entry,) = await entries(guarded)
    assert (entry["action"], entry["objectId"]) == ("getConfiguration", "CP001")
    assert entry["request"] == {"query": {"chargePointId": "CP001", "keys": "A", "wait": True}}


async def test_who_only_reads_leaves_no_entry(guarded: Api) -> None:
    for path, _ in READING:
        await guarded.get(path.replace("{id}", "1"), headers=AS_ADMIN)
    assert await entries(guarded) == []


async def test_who_is_nobody_leaves_no_entry(guarded: Api) -> None:
    await guarded.post("/api/authorizations", {"idTag": "A"})
    wrong = {"Authorization": "Bearer wrong"}
    await guarded.post("/api/authorizations", {"idTag": "A"}, headers=wrong)
    assert await entries(guarded) == []


async def test_what_a_caller_may_not_do_is_written_down_so_often_a_minute(
    open_api: OpenApi,
) -> None:
    keys = keys_of(reader="read", admin="admin")
    async with open_api(keys, OCPP_HOST="0.0.0.0", OCPP_AUDIT_REFUSALS="3") as api:
        reader = {"Authorization": "Bearer reader"}
        for _ in range(5):
            response = await api.post("/api/charge-points/CP1/adopt", headers=reader)
            assert response.status_code == 403
        found = await entries(api)
        assert len(found) == 3
        assert (found[0]["actor"], found[0]["outcome"], found[0]["status"]) == (
            "reader",
            "refused",
            403,
        )
        assert found[0]["objectId"] == "CP1"


async def test_filters_and_pages(guarded: Api) -> None:
    start = guarded.now()
    for number in range(3):
        body = {"idTag": f"TAG{number}"}
        assert (
            await guarded.post("/api/authorizations", body, headers=AS_ADMIN)
        ).status_code == 201
        guarded.now.ms += HOUR
    await guarded.post("/api/charge-points/NONE/adopt", headers=AS_ADMIN)
    found = await entries(guarded)
    assert [each["objectId"] for each in found] == ["NONE", "TAG2", "TAG1", "TAG0"]
    moment = format_timestamp(start + HOUR)
    for query, objects in (
        ("actor=admin", 4),
        ("actor=reader", 0),
        ("action=adoptChargePoint", 1),
        ("objectId=TAG1", 1),
        ("outcome=refused", 1),
        ("outcome=done", 3),
        ("outcome=failed", 0),
        (f"from={moment}", 3),
        (f"to={moment}", 1),
    ):
        assert len(await entries(guarded, query)) == objects, query
    page = await guarded.get("/api/audit?limit=1&offset=1", headers=AS_ADMIN)
    assert [each["objectId"] for each in page.json()] == ["TAG2"]
    assert page.headers["x-total-count"] == "4"
    assert (await guarded.get("/api/audit?who=me", headers=AS_ADMIN)).status_code == 400
    reader = await guarded.get("/api/audit", headers={"Authorization": "Bearer operator"})
    assert_problem(reader, 403, "forbidden")


async def test_a_request_is_kept_without_its_secrets_and_not_without_end(guarded: Api) -> None:
    await guarded.connect()
    body = {"chargePointId": "CP001", "location": f"ftp://user:{CANARY}@files.example/up"}
    await guarded.post("/api/commands/get-diagnostics", body, headers=AS_ADMIN)
    change = {"chargePointId": "CP001", "key": "AuthorizationKey", "value": CANARY}
    await guarded.post("/api/commands/change-configuration", change, headers=AS_ADMIN)
    long = {"idTag": "A", "note": "x" * 1000}
    await guarded.post("/api/authorizations", long, headers=AS_ADMIN)
    batch = {"action": "DataTransfer", "payload": {"vendorId": "V", "data": "y" * 2 * MAX_REQUEST}}
    ids = {"chargePointIds": ["CP001"]}
    await guarded.post("/api/command-batches", batch | ids, headers=AS_ADMIN)
    cut, whole, refused, sent = await entries(guarded)
    assert CANARY not in json.dumps([sent, refused])
    assert sent["request"]["body"]["location"] == "ftp://********@files.example/up"
    assert (refused["outcome"], refused["status"]) == ("refused", 403)
    assert whole["request"]["body"]["note"] == "x" * 1000
    assert cut["request"].endswith("...")
    assert len(cut["request"]) == MAX_REQUEST + 3


async def test_nothing_is_done_that_cannot_be_written_down(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise StoreUnavailable("disk full")

    monkeypatch.setattr(audit, "begin", full)
    assert_problem(
        await api.post("/api/authorizations", {"idTag": "A"}), 503, "database-unavailable"
    )
    assert await api.database.read(id_tags.find, "A") is None


async def test_what_broke_is_written_down_as_failed(
    api: Api, monkeypatch: pytest.MonkeyPatch, expected_errors: list[EventDict]
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(charge_points, "set_registration", broken)
    assert (await api.post("/api/charge-points/A/adopt")).status_code == 500
    (entry,) = (await api.get("/api/audit")).json()
    assert (entry["actor"], entry["outcome"], entry["status"]) == ("local", "failed", 500)


async def test_what_was_cut_off_has_no_outcome(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    reached = trio.Event()

    async def settle(*_: object) -> None:
        reached.set()
        await trio.sleep_forever()

    monkeypatch.setattr(AuditTrail, "_settle", settle)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(api.post, "/api/authorizations", {"idTag": "A"})
        await reached.wait()
        nursery.cancel_scope.cancel()
    (entry,) = (await api.get("/api/audit")).json()
    assert (entry["objectId"], entry["outcome"], entry["finishedAt"]) == ("A", None, None)
    # The outcome is unknown, the change itself is there.
    assert await api.database.read(id_tags.find, "A") is not None
