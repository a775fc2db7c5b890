"""Who may do what: keys, roles, local requests, host names, other sites' pages."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from ocpp_trio.api.auth import ADMIN
from ocpp_trio.api.keyring import Key, Keys, prepare_keys
from ocpp_trio.api.routes import ROUTES
from ocpp_trio.store import api_keys
from ocpp_trio.store.api_keys import NewKey, digest
from ocpp_trio.store.database import Database
from tests.api.conftest import OpenApi, keys_of
from tests.api.support import Api, assert_problem
from tests.conftest import MakeSettings
from tests.support.clock import FakeNow

OPEN = {"/healthz", "/readyz", "/docs", "/openapi.json"}
CLOSED = [
    (method, path) for path, methods in ROUTES.items() for method in methods if path not in OPEN
]


def bearer(key: str | bytes) -> dict[str, bytes]:
    text = key.encode() if isinstance(key, str) else key
    return {"Authorization": b"Bearer " + text}


async def _status(api: Api, method: str, path: str, **options: object) -> httpx.Response:
    url = path.replace("{id}", "1")
    return await api.client.request(method, url, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(("method", "path"), CLOSED)
async def test_no_route_without_a_key(guarded: Api, method: str, path: str) -> None:
    response = await _status(guarded, method, path)
    problem = assert_problem(response, 401, "unauthorized")
    assert response.headers["www-authenticate"] == "Bearer"
    assert "Authorization: Bearer" in problem["detail"]


@pytest.mark.parametrize("path", sorted(OPEN))
async def test_open_paths(guarded: Api, path: str) -> None:
    assert (await guarded.get(path)).status_code == 200
    assert (await guarded.get(path, headers=bearer("wrong"))).status_code == 200


@pytest.mark.parametrize(("method", "path"), CLOSED)
async def test_roles(guarded: Api, method: str, path: str) -> None:
    role = ROUTES[path][method].role
    allowed = {
        name
        for name in ("reader", "operator", "admin")
        if (await _status(guarded, method, path, headers=bearer(name))).status_code != 403
    }
    expected = {
        "read": {"reader", "operator", "admin"},
        "operate": {"operator", "admin"},
        "admin": {"admin"},
    }[role]
    assert allowed == expected
    if method != "GET":
        assert role != "read"
    assert not path.startswith("/api/charge-points/") or method == "GET" or role == "admin"


async def test_reader_who_writes_is_told_which_role_it_takes(guarded: Api) -> None:
    response = await guarded.post("/api/authorizations", {"idTag": "A"}, headers=bearer("reader"))
    assert "operate" in assert_problem(response, 403, "forbidden")["detail"]


@pytest.mark.parametrize(
    "header",
    [
        b"Bearer wrong",
        b"Bearer",
        b"Bearer ",
        b"Basic YWRtaW46YWRtaW4=",
        "Bearer é".encode(),
        b"Bearer \xff",
        b"admin",
        b"Bearer adminx",
        b"Bearer " + b"x" * 10_000,
    ],
)
async def test_wrong_keys(guarded: Api, header: bytes) -> None:
    response = await guarded.get("/api/status", headers={b"Authorization": header})
    assert_problem(response, 401, "unauthorized")


async def test_the_scheme_is_read_in_any_case(guarded: Api) -> None:
    response = await guarded.get("/api/status", headers={"authorization": "bEARER  admin"})
    assert response.status_code == 200


async def test_an_unknown_path_needs_a_key_as_well(guarded: Api) -> None:
    assert_problem(await guarded.get("/nothing"), 401, "unauthorized")
    assert_problem(await guarded.get("/nothing", headers=bearer("reader")), 404, "not-found")


async def test_the_actor_of_a_command_is_the_keys_name(guarded: Api) -> None:
    await guarded.connect()
    body = {"chargePointId": "CP001"}
    sent = await guarded.post("/api/commands/clear-cache", body, headers=bearer("operator"))
    url = f"/api/commands/{sent.json()['commandId']}"
    assert (await guarded.get(url, headers=bearer("reader"))).json()["actor"] == "operator"


LOCAL_HOSTS = ["localhost", "localhost:9001", "127.0.0.1:9001", "[::1]:9001", "LOCALHOST", "[::1]"]
OTHER_HOSTS = ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:9001", "", "[::2]"]


@pytest.mark.parametrize("host", LOCAL_HOSTS)
async def test_local_requests_need_no_key_on_loopback(api: Api, host: str) -> None:
    response = await api.get("/api/status", headers={"Host": host})
    assert response.status_code == 200


@pytest.mark.parametrize("host", OTHER_HOSTS)
async def test_other_host_names_are_refused_on_loopback(api: Api, host: str) -> None:
    response = await api.get("/api/status", headers={"Host": host})
    assert_problem(response, 421, "wrong-host")
    assert (await api.get("/healthz", headers={"Host": host})).status_code == 200


@pytest.mark.parametrize(
    "name", ["Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "x-forwarded-anything"]
)
async def test_what_a_proxy_passes_on_needs_a_key(api: Api, name: str) -> None:
    response = await api.get("/api/status", headers={name: "1.2.3.4"})
    assert "OCPP_API_KEY" in assert_problem(response, 401, "unauthorized")["detail"]
    ready = await api.get("/readyz", headers={name: "1.2.3.4"})
    assert ready.json() == {"status": "ready"}


async def test_with_keys_loopback_needs_one_and_any_host_will_do(open_api: OpenApi) -> None:
    async with open_api(keys_of(admin=ADMIN)) as api:
        assert_problem(await api.get("/api/status"), 401, "unauthorized")
        proxied = bearer("admin") | {"Host": b"charge.example", "Via": b"1.1 proxy"}
        assert (await api.get("/api/status", headers=proxied)).status_code == 200


async def test_allowed_hosts(open_api: OpenApi) -> None:
    async with open_api(OCPP_ALLOWED_HOSTS="Charge.example:9001, other.example") as api:
        assert (await api.get("/api/status")).status_code == 200
        named = await api.get("/api/status", headers={"Host": "charge.example:443"})
        assert_problem(named, 401, "unauthorized")
        evil = {"Host": "evil.example"}
        assert_problem(await api.get("/api/status", headers=evil), 421, "wrong-host")
        assert (await api.get("/healthz", headers=evil)).status_code == 200
    keys = keys_of(admin=ADMIN)
    async with open_api(keys, OCPP_HOST="0.0.0.0", OCPP_ALLOWED_HOSTS="charge.example") as api:
        headers = bearer("admin")
        assert_problem(await api.get("/api/status", headers=headers), 421, "wrong-host")
        named = await api.get("/api/status", headers=headers | {"Host": b"charge.example"})
        assert named.status_code == 200


async def test_auth_off_opens_to_everybody_but_other_hosts_on_loopback(open_api: OpenApi) -> None:
    async with open_api(keys_of(admin=ADMIN), OCPP_HOST="0.0.0.0", OCPP_API_AUTH="off") as api:
        headers = {"Host": "charge.example", "X-Forwarded-For": "1.2.3.4"}
        response = await api.post("/api/charge-points", {"id": "A"}, headers=headers)
        assert response.status_code == 201
    async with open_api(OCPP_API_AUTH="off") as api:
        evil = await api.get("/api/status", headers={"Host": "evil.example"})
        assert_problem(evil, 421, "wrong-host")


EVIL = {"Origin": "https://evil.example"}


async def test_no_page_of_another_site_may_read(api: Api) -> None:
    response = await api.get("/api/status", headers=EVIL)
    assert not any(name.startswith("access-control") for name in response.headers)
    options = await api.client.options("/api/status", headers=EVIL)
    assert options.status_code == 405
    assert options.headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize(
    "headers",
    [EVIL, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}],
)
async def test_no_page_of_another_site_may_act(api: Api, headers: dict[str, str]) -> None:
    await api.register("CP001", "Pending")
    adopt = await api.post("/api/charge-points/CP001/adopt", headers=headers)
    assert_problem(adopt, 403, "cross-site-request")
    url = "/api/commands/get-configuration?chargePointId=CP001"
    assert_problem(await api.get(url, headers=headers), 403, "cross-site-request")
    assert (await api.get("/api/charge-points/CP001")).json()["registration"] == "Pending"


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://localhost:9001"},
        {"Sec-Fetch-Site": "same-origin", "Origin": "https://charge.example"},
        {"Sec-Fetch-Site": "none"},
    ],
)
async def test_its_own_pages_may_act(api: Api, headers: dict[str, str]) -> None:
    await api.register("CP001", "Pending")
    adopt = await api.post("/api/charge-points/CP001/adopt", headers=headers)
    assert adopt.status_code == 200


async def test_a_key_proves_that_no_other_site_sent_it(guarded: Api) -> None:
    await guarded.register("CP001", "Pending")
    headers = bearer("admin") | {"Origin": b"https://evil.example"}
    adopt = await guarded.post("/api/charge-points/CP001/adopt", headers=headers)
    assert adopt.status_code == 200


async def _store(database: Database, name: str, now: FakeNow, **fields: Any) -> None:
    new = NewKey(name, fields.pop("role", ADMIN), digest(name.encode()).hex(), "test", **fields)
    assert await database.write(api_keys.insert, new, now()) is not None


async def test_the_key_from_the_settings_counts_beside_the_stored_ones(
    database: Database, make_settings: MakeSettings, now: FakeNow
) -> None:
    await _store(database, "old", now, role="read")
    settings = make_settings(OCPP_API_KEY="sécret", OCPP_HOST="0.0.0.0")
    keys, made = await prepare_keys(database, settings, now)
    assert made is None
    found = keys.find("sécret".encode())
    assert found is not None
    assert (found.name, found.role) == ("OCPP_API_KEY", ADMIN)
    old = keys.find(b"old")
    assert old is not None
    assert old.role == "read"


async def test_a_key_is_made_once_and_only_its_hash_kept(
    database: Database, make_settings: MakeSettings, now: FakeNow
) -> None:
    settings = make_settings(OCPP_HOST="0.0.0.0")
    keys, made = await prepare_keys(database, settings, now)
    assert made is not None
    assert made.startswith("ocpp_")
    assert len(made) > 40
    found = keys.find(made.encode())
    assert found is not None
    assert found.role == ADMIN
    [row] = (await database.read(api_keys.stored)).rows
    assert made not in str(dict(row))
    again, made_again = await prepare_keys(database, settings, now)
    assert made_again is None
    assert again.find(made.encode()) == found


@pytest.mark.parametrize(
    "variables", [{}, {"OCPP_HOST": "0.0.0.0", "OCPP_API_AUTH": "off"}, {"OCPP_HOST": "localhost"}]
)
async def test_no_key_is_made_where_none_is_needed(
    database: Database, make_settings: MakeSettings, now: FakeNow, variables: dict[str, str]
) -> None:
    keys, made = await prepare_keys(database, make_settings(**variables), now)
    assert made is None
    assert not keys
    assert await database.read(api_keys.stored) == ([], False)


@pytest.mark.parametrize("host", ["localhost", "0.0.0.0"])
@pytest.mark.parametrize("lost", ["read", "expired", "revoked"])
async def test_where_no_key_leads_in_any_more_a_start_makes_one(
    database: Database, make_settings: MakeSettings, now: FakeNow, host: str, lost: str
) -> None:
    if lost == "read":
        await _store(database, "old", now, role="read")
    else:
        await _store(database, "old", now, expires_at=now() if lost == "expired" else None)
    if lost == "revoked":
        await database.write(api_keys.revoke, 1, "test", now())
    keys, made = await prepare_keys(database, make_settings(OCPP_HOST=host), now)
    assert made is not None
    found = keys.find(made.encode())
    assert found is not None
    assert found.role == ADMIN


def test_keys_are_told_apart() -> None:
    keys = Keys([Key("a", "read", digest(b"a")), Key("b", ADMIN, digest(b"b"))])
    assert [found and found.name for found in map(keys.find, (b"a", b"b", b"c", b""))] == [
        "a",
        "b",
        None,
        None,
    ]
