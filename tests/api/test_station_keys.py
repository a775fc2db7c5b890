"""Keys and security profiles of charge points over the API."""

from __future__ import annotations

from typing import Any

import pytest

from ocpp_trio.domain import station_keys as keys
from ocpp_trio.domain.station_keys import KeyHash
from ocpp_trio.errors import CommandTimedOut
from ocpp_trio.logs import ENTRIES
from ocpp_trio.store import certificates, charge_points, station_keys
from ocpp_trio.store.database import Database
from ocpp_trio.store.station_keys import Proof
from tests.api.conftest import OpenApi
from tests.api.support import Api, assert_problem
from tests.support.certificates import request
from tests.support.operator import Operator
from tests.support.statements import fetch

CHOSEN = "correct horse batte"
DIGITS = "000102030405060708090a0b0c0d0e0f10111213"
ROOT = "CentralSystemRootCertificate"


async def in_force(api: Api, point: str = "CP001") -> KeyHash | None:
    known = await api.database.read(station_keys.known, point)
    assert known is not None
    return known.key


async def shown(api: Api) -> dict[str, Any]:
    found: dict[str, Any] = (await api.get("/api/charge-points/CP001")).json()
    return found


async def whole_database(database: Database) -> str:
    """Everything that is stored, as text."""
    every = {
        "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table'",
        "postgres": "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'",
    }
    tables = await database.read(fetch, every[database.kind])
    rows: list[Any] = []
    for table in tables:
        rows += await database.read(fetch, f"SELECT * FROM {table['name']}")
    return str([dict(row) for row in rows])


async def test_a_key_is_made_and_shown_once(api: Api) -> None:
    await api.register()
    assert (await shown(api))["hasKey"] is False
    made = (await api.post("/api/charge-points/CP001/key", {})).json()
    assert (made["chargePointId"], made["warning"]) == ("CP001", None)
    key = bytes.fromhex(made["key"])
    assert len(key) == 20
    kept = await in_force(api)
    assert kept is not None
    assert kept.scheme == keys.SHA256
    assert keys.fits(key, kept)
    after = await shown(api)
    assert (after["hasKey"], after["keySetAt"]) == (True, "2026-11-23T08:00:00Z")
    assert after["keyLastUsedAt"] is None
    everything = await whole_database(api.database) + str(after)
    assert made["key"] not in everything
    assert kept.digest not in str(after)
    again = (await api.post("/api/charge-points/CP001/key", {})).json()
    assert again["key"] != made["key"]


@pytest.mark.parametrize("text", [CHOSEN, DIGITS])
async def test_a_chosen_key_is_hashed_slowly_and_never_shown(api: Api, text: str) -> None:
    await api.register()
    answer = await api.post("/api/charge-points/CP001/key", {"key": text})
    assert answer.json() == {"chargePointId": "CP001", "key": None, "warning": None}
    kept = await in_force(api)
    assert kept is not None
    assert kept.scheme == keys.SCRYPT
    assert keys.fits(keys.read(text), kept)
    assert text not in await whole_database(api.database)


async def test_a_short_key_is_warned_of_or_refused(open_api: OpenApi) -> None:
    async with open_api() as api:
        await api.register()
        answer = await api.post("/api/charge-points/CP001/key", {"key": "short"})
        assert "fewer than 16" in answer.json()["warning"]
        assert await in_force(api) is not None
    async with open_api(OCPP_STRICT_KEYS="true") as api:
        answer = await api.post("/api/charge-points/CP001/key", {"key": "short"})
        body = assert_problem(answer, 400, "invalid-request")
        assert "OCPP_STRICT_KEYS" in body["detail"]
        assert "short" not in body["detail"]


async def test_a_key_that_nobody_could_send_is_refused(api: Api) -> None:
    await api.register()
    for text in ("", "x" * 65, "ä" * 40):
        answer = await api.post("/api/charge-points/CP001/key", {"key": text})
        assert_problem(answer, 400, "invalid-request")
    assert await in_force(api) is None


async def test_a_key_is_deleted(api: Api) -> None:
    await api.register()
    await api.post("/api/charge-points/CP001/key", {})
    assert (await api.client.delete("/api/charge-points/CP001/key")).status_code == 204
    assert await in_force(api) is None
    assert (await shown(api))["hasKey"] is False


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "key", {}),
        ("DELETE", "key", None),
        ("POST", "key/rotate", {}),
        ("POST", "security-profile", {"profile": 1}),
    ],
)
async def test_only_of_charge_points_that_are_there_and_only_by_an_admin(
    api: Api, guarded: Api, method: str, path: str, body: Any
) -> None:
    url = f"/api/charge-points/NONE/{path}"
    assert_problem(await api.client.request(method, url, json=body), 404, "charge-point-unknown")
    headers = {"Authorization": "Bearer operate"}
    answer = await guarded.client.request(method, url, json=body, headers=headers)
    assert_problem(answer, 401, "unauthorized")
    headers = {"Authorization": "Bearer operator"}
    answer = await guarded.client.request(method, url, json=body, headers=headers)
    assert_problem(answer, 403, "forbidden")


async def test_adopting_may_issue_a_key(api: Api) -> None:
    await api.register(registration="Pending")
    plain = (await api.post("/api/charge-points/CP001/adopt")).json()
    assert (plain["registration"], plain["key"], plain["hasKey"]) == ("Accepted", None, False)
    issued = (await api.post("/api/charge-points/CP001/adopt?issueKey=true")).json()
    assert (issued["registration"], issued["hasKey"]) == ("Accepted", True)
    kept = await in_force(api)
    assert kept is not None
    assert keys.fits(bytes.fromhex(issued["key"]), kept)


async def test_adopting_ends_a_block(api: Api) -> None:
    await api.register()
    await api.database.write(station_keys.block, "CP001", api.now() + 60_000, api.now())
    assert (await shown(api))["blockedUntil"] == "2026-11-23T08:01:00Z"
    assert (await api.post("/api/charge-points/CP001/adopt")).json()["blockedUntil"] is None


# Rotation


async def test_a_key_is_sent_and_stands_in_no_record(api: Api) -> None:
    station = await api.connect()
    answer = (await api.post("/api/charge-points/CP001/key/rotate", {})).json()
    assert (answer["success"], answer["status"]) == (True, "Accepted")
    ((action, payload),) = station.received
    assert (action, payload["key"]) == ("ChangeConfiguration", "AuthorizationKey")
    key = bytes.fromhex(payload["value"])
    assert len(key) == 20
    kept = await in_force(api)
    assert kept is not None
    assert keys.fits(key, kept)
    record = (await api.get(f"/api/commands/{answer['commandId']}")).json()
    assert record["payload"] == {"key": "AuthorizationKey", "value": "********"}
    assert payload["value"] not in await whole_database(api.database)
    assert payload["value"] not in str(answer)


async def test_a_chosen_key_is_sent_in_hexadecimal_digits(api: Api) -> None:
    station = await api.connect()
    await api.post("/api/charge-points/CP001/key/rotate", {"key": CHOSEN})
    assert station.received[0][1]["value"] == CHOSEN.encode().hex()
    answer = await api.post("/api/charge-points/CP001/key/rotate", {"key": "too short"})
    assert_problem(answer, 400, "invalid-request")
    assert len(station.received) == 1


async def test_a_refused_key_changes_nothing(api: Api) -> None:
    station = await api.connect()
    await api.post("/api/charge-points/CP001/key", {})
    before = await in_force(api)
    station.answers = [{"status": "Rejected"}]
    answer = (await api.post("/api/charge-points/CP001/key/rotate", {})).json()
    assert (answer["success"], answer["status"]) == (False, "Rejected")
    assert await api.database.read(station_keys.known, "CP001") == (0, before, (), None)


async def test_without_an_answer_both_keys_count(api: Api) -> None:
    station = await api.connect()
    await api.post("/api/charge-points/CP001/key", {})
    before = await in_force(api)
    for expected in range(1, station_keys.MAX_PENDING + 1):
        station.answers = [CommandTimedOut("no answer")]
        answer = await api.post("/api/charge-points/CP001/key/rotate?timeout=2", {})
        assert_problem(answer, 504, "command-timeout")
        known = await api.database.read(station_keys.known, "CP001")
        assert known is not None
        assert (known.key, len(known.pending)) == (before, expected)
    assert station.timeouts[-1] == 2
    answer = await api.post("/api/charge-points/CP001/key/rotate", {})
    assert_problem(answer, 409, "conflict")
    assert len(station.received) == station_keys.MAX_PENDING


async def test_offline_nothing_is_left_behind(api: Api) -> None:
    await api.register()
    answer = await api.post("/api/charge-points/CP001/key/rotate", {})
    assert_problem(answer, 503, "charge-point-offline")
    assert await api.database.read(station_keys.known, "CP001") == (0, None, (), None)


# Profiles


async def raise_to(api: Api, profile: int) -> Any:
    return await api.post("/api/charge-points/CP001/security-profile", {"profile": profile})


async def test_a_profile_needs_a_key(api: Api) -> None:
    station = await api.connect()
    assert "has no key" in assert_problem(await raise_to(api, 1), 409, "conflict")["detail"]
    await api.post("/api/charge-points/CP001/key", {})
    answer = (await raise_to(api, 1)).json()
    assert answer["success"] is True
    assert station.received == [
        ("ChangeConfiguration", {"key": "SecurityProfile", "value": "1"}),
    ]
    after = await shown(api)
    assert (after["nextProfile"], after["minimumProfile"]) == (1, 0)


async def test_a_profile_is_never_lowered(api: Api) -> None:
    station = await api.connect()
    await api.post("/api/charge-points/CP001/key", {})
    await api.database.write(charge_points.update, "CP001", {"minimum_profile": 2}, api.now())
    for profile in (1, 2):
        detail = assert_problem(await raise_to(api, profile), 409, "conflict")["detail"]
        assert "only ever raised" in detail
    await api.database.write(charge_points.update, "CP001", {"minimum_profile": 0}, api.now())
    await api.database.write(
        charge_points.admit, "CP001", "reject", 0, "", None, api.now(), Proof(2)
    )
    assert_problem(await raise_to(api, 1), 409, "conflict")
    assert_problem(await raise_to(api, 4), 400, "invalid-request")
    assert_problem(await raise_to(api, 0), 400, "invalid-request")
    assert station.received == []


async def test_tls_needs_tls_here_and_certificates_there(open_api: OpenApi, now: Any) -> None:
    async with open_api() as api:
        await api.connect()
        await api.post("/api/charge-points/CP001/key", {})
        assert "OCPP_WSS_PORT" in assert_problem(await raise_to(api, 2), 409, "conflict")["detail"]
    async with open_api(OCPP_TRUSTED_PROXIES="127.0.0.1") as api:
        station = await api.connect()
        assert ROOT in assert_problem(await raise_to(api, 2), 409, "conflict")["detail"]
        operator = Operator(api.database, now, "CP001")
        hashes = {
            "hashAlgorithm": "SHA256",
            "issuerNameHash": "ab",
            "issuerKeyHash": "cd",
            "serialNumber": "1",
        }
        await operator.command(
            "GetInstalledCertificateIds",
            {"certificateType": ROOT},
            status="Accepted",
            certificateHashData=[hashes],
        )
        assert (await raise_to(api, 2)).json()["success"] is True
        detail = assert_problem(await raise_to(api, 3), 409, "conflict")["detail"]
        assert "certificate of its own" in detail
        await _own_certificate(api, operator)
        assert (await raise_to(api, 3)).json()["success"] is True
        assert [payload["value"] for _, payload in station.received] == ["2", "3"]


async def _own_certificate(api: Api, operator: Operator) -> None:
    """The charge point took a certificate for its own key."""
    csr = request("CP001")
    assert (
        await api.database.write(certificates.keep_request, "CP001", csr, None, api.now()) is None
    )
    await operator.command("CertificateSigned", {"certificateChain": "pem"})


async def test_nothing_secret_is_logged(api: Api) -> None:
    await api.connect()
    made = (await api.post("/api/charge-points/CP001/key", {})).json()["key"]
    await api.post("/api/charge-points/CP001/key", {"key": CHOSEN})
    await api.post("/api/charge-points/CP001/key/rotate", {"key": CHOSEN})
    text = str(ENTRIES.take())
    assert "key of a charge point set" in text
    assert made not in text
    assert CHOSEN not in text
    assert CHOSEN.encode().hex() not in text
