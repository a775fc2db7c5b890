"""Idempotency-Key: the same request is done once, whatever became of its answer."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from ocpp_trio import errors
from ocpp_trio.api.context import Context
from ocpp_trio.store import commands, idempotency
from tests.api.conftest import OpenApi, keys_of
from tests.api.support import Api, Station, assert_problem, client_of
from tests.support.clock import DAY

RESET = {"chargePointId": "CP001", "type": "Soft"}
PATH = "/api/commands/reset"


async def post(api: Api, key: str, path: str = PATH, body: Any = RESET) -> httpx.Response:
    return await api.post(path, body, headers={"Idempotency-Key": key})


class Slow(Station):
    """A charge point that takes its time."""

    def hold(self) -> None:
        self.answering = trio.Event()

    async def hand_over(self, order: Any) -> None:
        await self.answering.wait()
        await super().hand_over(order)


def restarted(api: Api) -> Api:
    """The API of another process on the same database, as far as keys go."""
    context: Context = api.context
    return Api(context, api.central, client_of(context), api.now)


async def test_the_first_answer_again(api: Api) -> None:
    station = await api.connect()
    first = await post(api, "k")
    for other in (api, restarted(api)):
        again = await post(other, "k")
        assert (again.status_code, again.content) == (first.status_code, first.content)
        assert again.headers["content-type"] == first.headers["content-type"]
        assert again.headers["cache-control"] == "no-store"
    assert len(station.received) == 1
    other_key = await post(api, "l")
    assert other_key.json()["commandId"] != first.json()["commandId"]
    assert len(station.received) == 2


async def test_how_a_body_is_spelled_and_how_long_to_wait_do_not_count(api: Api) -> None:
    station = await api.connect()
    headers = {"Idempotency-Key": "k", "Content-Type": "application/json"}
    texts = [
        '{"chargePointId": "CP001", "type": "Soft"}',
        '{"type":"Soft","chargePointId":"CP001"}',
    ]
    answers = [
        (await api.client.post(f"{PATH}?timeout={number}", content=text, headers=headers)).json()
        for number, text in enumerate(texts, 1)
    ]
    assert answers[0] == answers[1]
    assert len(station.received) == 1


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (PATH, RESET | {"type": "Hard"}),
        (PATH, RESET | {"chargePointId": "CP002"}),
        (f"{PATH}?expires=60", RESET),
        ("/api/commands/clear-cache", {"chargePointId": "CP001"}),
    ],
)
async def test_another_request_under_the_same_key(api: Api, path: str, body: Any) -> None:
    station = await api.connect()
    assert (await post(api, "k")).status_code == 200
    assert_problem(await post(api, "k", path, body), 409, "idempotency-conflict")
    assert len(station.received) == 1


async def test_a_key_is_its_callers(open_api: OpenApi) -> None:
    async with open_api(keys_of(one="operate", two="operate"), OCPP_HOST="0.0.0.0") as api:
        station = await api.connect()
        numbers = set()
        for name in ("one", "two", "one"):
            headers = {"Idempotency-Key": "k", "Authorization": f"Bearer {name}"}
            numbers.add((await api.post(PATH, RESET, headers=headers)).json()["commandId"])
        assert len(numbers) == len(station.received) == 2


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 256, "\u00e4"])
async def test_a_key_that_is_none(api: Api, key: str) -> None:
    await api.connect()
    headers = {"Idempotency-Key": key.encode()}
    problem = assert_problem(await api.post(PATH, RESET, headers=headers), 400, "invalid-request")
    assert problem["errors"][0]["field"] == "Idempotency-Key"


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.CallErrorReceived("NotSupported", "no"), 502),
        (errors.InvalidAnswer("status is missing"), 502),
        (errors.CommandTimedOut("no answer"), 504),
    ],
)
async def test_a_failure_of_what_was_sent_is_an_answer(
    api: Api, error: errors.CommandFailed, status: int
) -> None:
    station = await api.connect()
    station.answers.append(error)
    first, again = await post(api, "k"), await post(api, "k")
    assert first.status_code == again.status_code == status
    assert first.json() == again.json()
    assert again.headers["content-type"] == "application/problem+json"
    assert len(station.received) == 1


async def test_what_was_not_sent_may_be_tried_again(api: Api) -> None:
    assert_problem(await post(api, "k"), 404, "charge-point-unknown")
    await api.register("CP001")
    assert_problem(await post(api, "k"), 503, "charge-point-offline")
    station = await api.connect()
    station.waiting = 99
    assert_problem(await post(api, "k"), 429, "too-many-commands")
    station.waiting = 0
    assert (await post(api, "k")).status_code == 200
    assert len(station.received) == 1


async def test_a_repeat_waits_for_the_first(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    station = await api.connect()
    station.__class__ = Slow
    assert isinstance(station, Slow)
    station.hold()
    answers: list[httpx.Response] = []

    async def ask() -> None:
        answers.append(await post(api, "k"))

    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(ask)
        await wait_all_tasks_blocked()
        conflict = await post(api, "k", body=RESET | {"type": "Hard"})
        assert_problem(conflict, 409, "idempotency-conflict")
        impatient = await post(api, "k", f"{PATH}?timeout=0.01")
        assert impatient.status_code == 202
        assert impatient.json()["state"] == "sent"
        station.answering.set()
    assert {answer.content for answer in answers} == {answers[0].content}
    assert answers[0].status_code == 200
    assert len(station.received) == 1


async def test_the_record_stands_in_for_an_answer_that_was_not_kept(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    station = await api.connect()
    write = api.database.write

    async def fail(unit: Any, *arguments: Any) -> Any:
        if unit is idempotency.settle:
            raise errors.StoreUnavailable("killed")
        return await write(unit, *arguments)

    monkeypatch.setattr(api.database, "write", fail)
    first = (await post(api, "k")).json()
    again = await post(restarted(api), "k")
    assert again.status_code == 200
    assert again.headers["location"] == f"/api/commands/{first['commandId']}"
    assert again.json()["id"] == first["commandId"]
    assert (again.json()["state"], again.json()["response"]) == ("accepted", first["response"])
    assert len(station.received) == 1


async def test_killed_before_anything_was_recorded_the_request_is_done_now(api: Api) -> None:
    station = await api.connect()
    await post(api, "other")
    row = await api.database.read(idempotency.find, "local", "other")
    assert row is not None
    await api.database.write(idempotency.claim, "local", "k", row["fingerprint"], 0, api.now())
    assert (await post(api, "k")).status_code == 200
    assert len(station.received) == 2


async def test_a_202_is_followed_by_the_record_as_it_is_now(api: Api) -> None:
    await api.register("CP001")
    path = f"{PATH}?expires=600&wait=0"
    first = await post(api, "k", path)
    assert (first.status_code, first.json()["state"]) == (202, "queued")
    again = await post(api, "k", path)
    assert (again.status_code, again.json()) == (202, first.json())
    await api.database.write(
        commands.finish, first.json()["id"], "accepted", '{"status":"Accepted"}', None, api.now()
    )
    done = await post(api, "k", f"{PATH}?expires=600")
    assert (done.status_code, done.json()["state"]) == (200, "accepted")
    assert done.headers["location"] == first.headers["location"]


async def test_a_batch_is_made_once(api: Api) -> None:
    await api.register("CP001")
    body = {"action": "ClearCache", "filter": {}, "expires": 60}
    first = await post(api, "k", "/api/command-batches", body)
    again = await post(restarted(api), "k", "/api/command-batches", body)
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json()["id"] == again.json()["id"]
    assert len((await api.get("/api/commands")).json()) == 1


async def test_other_posts(api: Api) -> None:
    number = await api.start()
    close = {"transactionId": number, "finalEnergy": 1.5}
    tag = {"idTag": "T"}
    for path, body, status in (
        ("/api/admin/close-transaction", close, 200),
        ("/api/authorizations", tag, 201),
        ("/api/charge-points", {"id": "CP7"}, 201),
    ):
        first, again = await post(api, path, path, body), await post(api, path, path, body)
        assert (first.status_code, again.status_code) == (status, status)
        assert first.content == again.content
        assert first.headers.get("location") == again.headers.get("location")


async def test_a_day_later_the_key_is_free(api: Api) -> None:
    station = await api.connect()
    await post(api, "k")
    api.now.ms += DAY + 1
    assert (await post(api, "k", body=RESET | {"type": "Hard"})).status_code == 200
    assert len(station.received) == 2


async def test_a_fault_of_ours_keeps_the_key_only_if_something_was_sent(
    api: Api, monkeypatch: pytest.MonkeyPatch, expected_errors: list[Any]
) -> None:
    station = await api.connect()
    hand_over = station.hand_over

    async def fail(order: Any) -> None:
        await hand_over(order)
        raise RuntimeError("a fault")

    monkeypatch.setattr(station, "hand_over", fail)
    first, again = await post(api, "k"), await post(api, "k")
    assert_problem(first, 500, "internal-error")
    assert again.content == first.content
    assert len(station.received) == 1
    assert len(expected_errors) == 1
