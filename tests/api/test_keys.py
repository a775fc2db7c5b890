"""API keys over the API: made and shown once, revoked and expired at once, wrong ones limited."""

from __future__ import annotations

from typing import Any, cast

import httpx
import pytest
import trio
from trio.testing import MockClock

from ocpp_trio.api.auth import ADMIN
from ocpp_trio.api.keyring import Keys
from ocpp_trio.domain.times import format_timestamp
from ocpp_trio.errors import StoreUnavailable
from ocpp_trio.store import api_keys
from ocpp_trio.store.database import Database
from tests.api.conftest import OpenApi, keys_of
from tests.api.support import Api, assert_problem
from tests.support.clock import MINUTE

AS_ADMIN = {"Authorization": "Bearer admin"}


async def _make(api: Api, name: str, role: str = "read", **fields: Any) -> dict[str, Any]:
    body = {"name": name, "role": role, **fields}
    response = await api.post("/api/keys", body, headers=AS_ADMIN)
    assert response.status_code == 201, response.text
    made: dict[str, Any] = response.json()
    return made


async def _try(api: Api, key: str) -> httpx.Response:
    return await api.get("/api/status", headers={"Authorization": f"Bearer {key}"})


async def test_a_key_is_shown_once_and_counts_at_once(guarded: Api) -> None:
    made = await _make(guarded, "dashboard")
    assert made["key"].startswith("ocpp_")
    assert (made["role"], made["state"], made["createdBy"]) == ("read", "valid", "admin")
    assert (await _try(guarded, made["key"])).status_code == 200
    listed = await guarded.get("/api/keys", headers=AS_ADMIN)
    assert made["key"] not in listed.text
    [row] = (await guarded.database.read(api_keys.stored)).rows
    assert made["key"] not in str(dict(row))
    assert [each["name"] for each in listed.json()] == ["dashboard"]
    named = await guarded.get("/api/keys?name=dashboard&role=read", headers=AS_ADMIN)
    assert [each["id"] for each in named.json()] == [made["id"]]
    assert (await guarded.get("/api/keys?role=admin", headers=AS_ADMIN)).json() == []


async def test_a_revoked_key_is_refused_at_once(guarded: Api) -> None:
    made = await _make(guarded, "dashboard", ADMIN)
    own = {"Authorization": f"Bearer {made['key']}"}
    revoked = await guarded.post(f"/api/keys/{made['id']}/revoke", headers=own)
    assert (revoked.status_code, revoked.json()["state"]) == (200, "revoked")
    assert revoked.json()["revokedBy"] == "dashboard"
    assert_problem(await _try(guarded, made["key"]), 401, "unauthorized")
    again = await guarded.post(f"/api/keys/{made['id']}/revoke", headers=AS_ADMIN)
    assert_problem(again, 409, "conflict")
    for number in ("4711", "0", "x"):
        missing = await guarded.post(f"/api/keys/{number}/revoke", headers=AS_ADMIN)
        assert_problem(missing, 404, "not-found")
    taken = {"name": "dashboard", "role": "read"}
    assert_problem(await guarded.post("/api/keys", taken, headers=AS_ADMIN), 409, "conflict")


async def test_an_expired_key_is_refused_from_that_moment_on(guarded: Api) -> None:
    until = format_timestamp(guarded.now() + MINUTE)
    made = await _make(guarded, "visitor", expiresAt=until)
    assert made["expiresAt"] == until
    guarded.now.ms += MINUTE - 1
    assert (await _try(guarded, made["key"])).status_code == 200
    guarded.now.ms += 1
    assert_problem(await _try(guarded, made["key"]), 401, "unauthorized")
    listed = (await guarded.get("/api/keys", headers=AS_ADMIN)).json()
    assert listed[0]["state"] == "expired"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"role": "owner"}, "role"),
        ({"name": ""}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"name": " a"}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"expiresAt": "tomorrow"}, "expiresAt"),
        ({"expiresAt": "2020-01-01"}, "expiresAt"),
        ({"key": "mine"}, "key"),
    ],
)
async def test_what_cannot_be_a_key(guarded: Api, fields: dict[str, str], field: str) -> None:
    body = {"name": "a", "role": "read"} | fields
    response = await guarded.post("/api/keys", body, headers=AS_ADMIN)
    assert assert_problem(response, 400, "invalid-request")["errors"][0]["field"] == field
    assert await guarded.database.read(api_keys.stored) == ([], False)


async def test_the_first_key_closes_an_api_that_was_open(api: Api) -> None:
    reading = await api.post("/api/keys", {"name": "a", "role": "read"})
    assert_problem(reading, 409, "conflict")
    made = (await api.post("/api/keys", {"name": "a", "role": "admin"})).json()
    assert made["createdBy"] == "local"
    assert_problem(await api.get("/api/status"), 401, "unauthorized")
    own = {"Authorization": f"Bearer {made['key']}"}
    proxied = own | {"Host": "charge.example", "Via": "1.1 proxy"}
    assert (await api.get("/api/status", headers=proxied)).status_code == 200
    assert (await api.post("/api/keys/1/revoke", headers=own)).status_code == 200
    # What was closed does not open again.
    assert_problem(await api.get("/api/status"), 401, "unauthorized")


async def test_other_processes_see_changes_and_uses_within_the_interval(
    guarded: Api, open_api: OpenApi
) -> None:
    made = await _make(guarded, "dashboard")
    keys = keys_of(other=ADMIN)
    async with open_api(keys, OCPP_HOST="0.0.0.0") as other:
        assert_problem(await _try(other, made["key"]), 401, "unauthorized")
        await keys.refresh(other.database)
        assert (await _try(other, made["key"])).status_code == 200
        await keys.refresh(other.database)
        listed = (await guarded.get("/api/keys", headers=AS_ADMIN)).json()
        assert listed[0]["lastUsedAt"] is not None
        await guarded.post(f"/api/keys/{made['id']}/revoke", headers=AS_ADMIN)
        assert (await _try(other, made["key"])).status_code == 200
        await keys.refresh(other.database)
        assert_problem(await _try(other, made["key"]), 401, "unauthorized")


async def test_uses_that_could_not_be_stored_wait(guarded: Api) -> None:
    made = await _make(guarded, "dashboard")
    await _try(guarded, made["key"])

    class Failing:
        async def write(self, *_: object) -> None:
            raise StoreUnavailable("disk full")

    keys: Keys = guarded.context.keys
    with pytest.raises(StoreUnavailable):
        await keys.refresh(cast(Database, Failing()))
    await keys.refresh(guarded.database)
    listed = (await guarded.get("/api/keys", headers=AS_ADMIN)).json()
    assert listed[0]["lastUsedAt"] == format_timestamp(guarded.now())


async def test_a_slow_reader_never_puts_a_revoked_key_in_force_again(guarded: Api) -> None:
    made = await _make(guarded, "dashboard")
    keys, database = guarded.context.keys, guarded.database
    before = await database.read(api_keys.stored)
    reading, revoked = trio.Event(), trio.Event()

    class Slow:
        async def read(self, _: object) -> api_keys.Stored:
            reading.set()
            await revoked.wait()
            return before

    async with trio.open_nursery() as nursery:
        nursery.start_soon(keys.load, cast(Database, Slow()))
        await reading.wait()
        await database.write(api_keys.revoke, made["id"], "test", guarded.now())
        nursery.start_soon(keys.load, database)
        revoked.set()
    assert_problem(await _try(guarded, made["key"]), 401, "unauthorized")


# Wrong keys


@pytest.fixture
async def limited(open_api: OpenApi) -> Any:
    keys = keys_of(chosen=ADMIN)
    async with open_api(
        keys, OCPP_HOST="0.0.0.0", OCPP_API_FAILURES="3", OCPP_API_FAILURE_WINDOW="60"
    ) as opened:
        yield opened


async def _guess(api: Api, times: int) -> list[int]:
    return [(await _try(api, f"guess {number}")).status_code for number in range(times)]


async def test_wrong_keys_are_limited_by_address(limited: Api, autojump_clock: MockClock) -> None:
    assert await _guess(limited, 5) == [401, 401, 401, 429, 429]
    counts = limited.context.counts
    assert (counts.api_keys_wrong, counts.api_keys_refused) == (3, 2)
    refused = await _try(limited, "guess")
    assert_problem(refused, 429, "too-many-failures")
    assert refused.headers["retry-after"] == "20"
    # A key that a person chose may be guessed: it must wait as well.
    assert (await _try(limited, "chosen")).status_code == 429
    assert (await limited.get("/api/status")).status_code == 401
    assert (await limited.get("/healthz", headers=bearer("guess"))).status_code == 200
    elsewhere = httpx.ASGITransport(app=limited.client._transport.app, client=("192.0.2.7", 1))  # type: ignore[attr-defined]
    async with httpx.AsyncClient(transport=elsewhere, base_url="http://localhost") as other:
        assert (await other.get("/api/status", headers=bearer("chosen"))).status_code == 200
    await trio.sleep(20)
    assert (await _try(limited, "chosen")).status_code == 200
    assert await _guess(limited, 2) == [401, 429]


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


async def test_a_made_key_is_let_in_whoever_shares_its_address(limited: Api) -> None:
    body = {"name": "made", "role": "read"}
    made = (await limited.post("/api/keys", body, headers=bearer("chosen"))).json()["key"]
    assert await _guess(limited, 4) == [401, 401, 401, 429]
    assert (await _try(limited, made)).status_code == 200


async def test_no_header_is_no_wrong_key(limited: Api) -> None:
    for _ in range(10):
        assert (await limited.get("/api/status")).status_code == 401
    assert (await _try(limited, "chosen")).status_code == 200
