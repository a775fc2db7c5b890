"""Bodies as clients should not send them, and what goes wrong around a request."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import trio
import trio.testing

from ocpp_trio.api.answers import Stream, encode
from ocpp_trio.api.app import build_app
from ocpp_trio.errors import StoreUnavailable
from tests.api.conftest import OpenApi
from tests.api.support import JSON, Api, assert_problem

URL = "/api/authorizations"
Message = dict[str, Any]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"nul",
        b"[]",
        b'"text"',
        b"{",
        b"{}{}",
        b'\xef\xbb\xbf{"idTag": "A"}',
        b'{"idTag": NaN}',
        b'{"idTag": "A", "maxActiveTransactions": Infinity}',
        b'{"idTag": "A", "maxActiveTransactions": 1e999}',
        b'{"idTag": "A", "maxActiveTransactions": 1' + b"0" * 5000 + b"}",
        b'{"idTag": "\\ud800"}',
        b'{"idTag": "\\udc00\\ud800"}',
        b'{"idTag": "\xff"}',
        b'{"idTag": "\xed\xa0\x80"}',
        b'{"idTag": "A\x00"}',
        b'{"idTag": "A", "x": ' + b"[" * 100_000,
        b'{"idTag": "A", "x": ' + b'{"x":' * 100_000,
        b"[" * 100_000,
        b'{"idTag": "A", "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        "{'idTag': 'A'}".encode("utf-16"),
    ],
)
async def test_hostile_bodies_are_400(api: Api, body: bytes) -> None:
    response = await api.client.post(URL, content=body, headers=JSON)
    problem = assert_problem(response, 400, "invalid-request")
    assert len(response.content) < 2000
    assert "Traceback" not in problem["detail"]
    assert (await api.get(URL)).json() == []


@pytest.mark.parametrize(("depth", "status"), [(10, 200), (19, 200), (20, 400), (900, 400)])
async def test_bodies_are_at_most_20_levels_deep(api: Api, depth: int, status: int) -> None:
    await api.connect()
    nested = '{"a":' * (depth - 1) + "{}" + "}" * (depth - 1)
    body = f'{{"chargePointId": "CP001", "keys": [], "x": {nested}}}'
    response = await api.client.post("/api/commands/clear-cache", content=body, headers=JSON)
    assert response.status_code == 200, "what is ignored is not measured"
    body = f'{{"chargePointId": "CP001", "action": "ClearCache", "payload": {nested}}}'
    response = await api.client.post("/api/commands/generic", content=body, headers=JSON)
    problem = assert_problem(response, 400, "invalid-request")
    assert ("nested" in problem["detail"]) == (status == 400)


@pytest.mark.parametrize(
    "content_type",
    [None, "", "text/plain", "application/x-www-form-urlencoded", "application/jsonp", "text/json"],
)
async def test_other_types_are_415(api: Api, content_type: str | None) -> None:
    headers = {} if content_type is None else {"Content-Type": content_type}
    response = await api.client.post(URL, content=b'{"idTag": "A"}', headers=headers)
    problem = assert_problem(response, 415, "unsupported-media-type")
    assert "Content-Type: application/json" in problem["detail"]


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "APPLICATION/JSON"])
async def test_spellings_of_json(api: Api, content_type: str) -> None:
    headers = {"Content-Type": content_type}
    response = await api.client.post(URL, content=b'{"idTag": "A"}', headers=headers)
    assert response.status_code == 201


async def test_the_last_of_two_equal_names_counts(api: Api) -> None:
    body = b'{"idTag": "A", "idTag": "B"}'
    response = await api.client.post(URL, content=body, headers=JSON)
    assert response.json()["idTag"] == "B"


async def test_too_large_by_what_it_announces(open_api: OpenApi) -> None:
    async with open_api(OCPP_MAX_BODY_SIZE="1024") as api:
        response = await api.client.post(URL, content=b" " * 1025, headers=JSON)
        assert_problem(response, 413, "body-too-large")
        assert response.headers["connection"] == "close"
        for length in ("-1", "x", "9" * 5000):
            headers = {**JSON, "Content-Length": length}
            refused = await api.client.post(URL, content=b"{}", headers=headers)
            assert refused.status_code == 413
        body = b'{"idTag": "A"}'
        exact = await api.client.post(URL, content=body + b" " * (1024 - len(body)), headers=JSON)
        assert exact.status_code == 201


async def test_too_large_by_counting(open_api: OpenApi) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(1025):
            yield b" "

    async with open_api(OCPP_MAX_BODY_SIZE="1024") as api:
        response = await api.client.post(URL, content=pieces(), headers=JSON)
    assert_problem(response, 413, "body-too-large")


async def test_a_trickled_body_is_408(
    open_api: OpenApi, autojump_clock: trio.testing.MockClock
) -> None:
    async def trickle() -> AsyncIterator[bytes]:
        while True:
            yield b" "
            await trio.sleep(1)

    async with open_api() as api:
        began = trio.current_time()
        response = await api.client.post(URL, content=trickle(), headers=JSON)
        assert trio.current_time() - began == 10
    assert_problem(response, 408, "body-timeout")
    assert response.headers["connection"] == "close"


async def _scope(path: str = "/api/status", **members: Any) -> Message:
    return {
        "type": "http",
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(b"host", b"localhost")],
        **members,
    }


async def test_a_client_that_goes_away_while_it_sends(api: Api) -> None:
    sent: list[Message] = []
    messages: list[Message] = [
        {"type": "http.request", "body": b"{", "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive() -> Message:
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"host", b"localhost"), (b"content-type", b"application/json")]
    scope = await _scope(URL, method="POST", headers=headers)
    await build_app(api.context)(scope, receive, send)
    assert sent[0]["status"] == 400


async def test_a_client_that_goes_away_ends_the_stream() -> None:
    sent: list[Message] = []
    gone = trio.Event()
    closed = False

    async def pieces() -> Any:
        nonlocal closed
        try:
            while True:
                yield b"x"
        finally:
            closed = True

    async def receive() -> Message:
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)
        if len(sent) == 10:
            gone.set()
        await trio.lowlevel.checkpoint()

    with trio.fail_after(5):
        await Stream(pieces())(await _scope(), receive, send)
    assert closed
    assert len(sent) < 20


async def test_an_error_on_the_way_leaves_the_answer_without_its_end(
    api: Api, expected_errors: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from ocpp_trio.api import listing

    monkeypatch.setattr(listing, "PAGE", 1)
    await api.register("A")
    await api.register("B")
    read = api.database.read

    async def fail(unit: Any, *arguments: Any) -> Any:
        if unit.__name__ == "behind":
            raise StoreUnavailable("gone")
        return await read(unit, *arguments)

    monkeypatch.setattr(api.database, "read", fail)
    sent: list[Message] = []

    async def receive() -> Message:
        await trio.sleep_forever()
        raise AssertionError

    async def send(message: Any) -> None:
        sent.append(message)

    await build_app(api.context)(await _scope("/api/charge-points"), receive, send)
    assert sent[0]["status"] == 200
    assert sent[-1]["more_body"] is True
    assert [event["event"] for event in expected_errors] == ["answer broken off"]


async def test_what_nobody_foresaw_is_500_without_detail(
    api: Api, expected_errors: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise ExceptionGroup("group", [KeyError("secret")])

    monkeypatch.setattr(api.database, "read", fail)
    response = await api.get("/api/status")
    assert_problem(response, 500, "internal-error")
    assert "secret" not in response.text
    assert expected_errors[0]["event"] == "request failed"


@pytest.mark.parametrize("error", [StoreUnavailable("/var/lib/x is full"), None])
async def test_a_database_that_takes_no_work_is_503(
    api: Api, monkeypatch: pytest.MonkeyPatch, error: Exception | None
) -> None:
    async def fail(*_: object) -> None:
        raise error or StoreUnavailable("no")

    monkeypatch.setattr(api.database, "write", fail)
    response = await api.post(URL, {"idTag": "A"})
    assert_problem(response, 503, "database-unavailable")
    assert "/var" not in response.text


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("POST", "/api/status", "GET, HEAD"),
        ("PUT", "/api/authorizations", "DELETE, GET, HEAD, POST"),
        ("DELETE", "/api/charge-points", "GET, HEAD, POST"),
        ("GET", "/api/commands/reset", "POST"),
        ("POST", "/api/charge-points/CP001", "DELETE, GET, HEAD, PATCH"),
        ("POST", "/api/commands/1", "GET, HEAD"),
    ],
)
async def test_other_methods_are_405(api: Api, method: str, path: str, allow: str) -> None:
    response = await api.client.request(method, path)
    assert_problem(response, 405, "method-not-allowed")
    assert response.headers["allow"] == allow


@pytest.mark.parametrize("path", ["/", "/api", "/api/nothing", "//api/status", "/API/status"])
async def test_unknown_paths(api: Api, path: str) -> None:
    response = await api.client.get(httpx.URL(f"http://localhost{path}"))
    assert_problem(response, 404, "not-found")


async def test_a_slash_at_the_end_is_forgiven(api: Api) -> None:
    await api.register()
    assert (await api.get("/api/status/")).status_code == 200
    assert (await api.get("/api/charge-points/CP001/")).json()["id"] == "CP001"
    response = await api.client.post("/api/authorizations/", json={"idTag": "A"})
    assert response.status_code == 201


async def test_answers_are_not_kept_or_guessed_at(api: Api) -> None:
    for path in ("/api/status", "/docs", "/nothing"):
        headers = (await api.get(path)).headers
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]


@pytest.mark.parametrize(
    ("given", "is_taken"),
    [("abc-1.2_3", True), ("a b", False), ("x" * 65, False), ("a\x1b[2J", False), ("", False)],
)
async def test_each_answer_carries_the_id_of_its_request(
    api: Api, given: str, is_taken: bool
) -> None:
    for path in ("/api/status", "/nothing"):
        answer = await api.get(path, headers={"X-Request-Id": given})
        assert (answer.headers["x-request-id"] == given) is is_taken
        assert len(answer.headers["x-request-id"]) in {16, len(given)}


async def test_lifespan_is_agreed_to(api: Api) -> None:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "any"}

    async def send(message: Any) -> None:
        sent.append(message)

    await build_app(api.context)({"type": "lifespan"}, receive, send)
    assert [message["type"] for message in sent] == [
        "lifespan.startup.complete",
        "lifespan.shutdown.complete",
    ]


async def test_limits_on_bodies_are_counted(
    open_api: OpenApi, autojump_clock: trio.testing.MockClock
) -> None:
    async def trickle() -> AsyncIterator[bytes]:
        while True:
            yield b" "
            await trio.sleep(1)

    csv = {"Content-Type": "text/csv"}
    upload = "/api/authorizations/import"
    async with open_api(OCPP_MAX_UPLOADS="1") as api:
        for content in (b" " * 1_048_577, trickle()):
            await api.client.post(URL, content=content, headers=JSON)
        async with trio.open_nursery() as nursery:

            async def slow() -> None:
                response = await api.client.post(upload, content=trickle(), headers=csv)
                assert_problem(response, 408, "body-timeout")

            nursery.start_soon(slow)
            await trio.sleep(1)
            refused = await api.client.post(upload, content=b"", headers=csv)
            assert_problem(refused, 503, "too-many-uploads")
            assert refused.headers["retry-after"] == "5"
        # The slow one is over: there is room again.
        tags = b"idTag,status\nA,Accepted\n"
        assert (await api.client.post(upload, content=tags, headers=csv)).status_code == 200
        counted = (await api.get("/api/status")).json()["limits"]
    rises = {name: count for name, count in counted.items() if count}
    assert rises == {"bodiesTooLarge": 1, "bodiesTooSlow": 2, "uploadsRefused": 1}


def test_whatever_is_stored_is_valid_json() -> None:
    odd = [{"a\ud800": "x\udfff"}, float("nan"), float("inf"), 10**30, "é\x00"]
    assert httpx.Response(200, content=encode(odd)).json() == [
        {"a\ufffd": "x\ufffd"},
        None,
        None,
        10**30,
        "é\x00",
    ]
