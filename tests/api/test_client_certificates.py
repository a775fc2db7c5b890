"""Certificates of charge points over the API: signed, rejected, revoked."""

from __future__ import annotations

import datetime
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from ocpp_trio import authority
from ocpp_trio.authority import Authority
from ocpp_trio.certificates import read_authorities
from ocpp_trio.errors import ChargePointOffline
from ocpp_trio.store import certificates, client_certificates
from tests.api.conftest import OpenApi
from tests.api.support import Api, assert_problem
from tests.support.certificates import pem, request, root


@pytest.fixture
async def own(open_api: OpenApi, tmp_path: Path) -> AsyncIterator[tuple[Api, Authority]]:
    """The API of a server with an authority of its own, and another that it trusts."""
    other = tmp_path / "other.pem"
    other.write_text(pem(root("Other")))
    async with open_api(OCPP_CLIENT_CA_FILE=str(other)) as api:
        files = authority.files_of(api.context.settings)
        authority.create(files, "CPO", "ec", 3650, datetime.datetime.now(datetime.UTC))
        yield api, Authority(files)


async def ask(api: Api, name: str = "CP001") -> int:
    """A certificate request of CP001; its number."""
    await api.database.write(certificates.keep_request, "CP001", request(name), None, api.now())
    number: int = (await requests(api))[0]["id"]
    return number


async def requests(api: Api) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await api.get("/api/certificate-requests")).json()
    return found


async def listed(api: Api, query: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await api.get(f"/api/client-certificates{query}")).json()
    return found


async def test_a_request_is_signed_and_sent(own: tuple[Api, Authority]) -> None:
    api, signer = own
    station = await api.connect()
    number = await ask(api)
    answer = await api.post(f"/api/certificate-requests/{number}/sign")
    assert answer.status_code == 200, answer.text
    ((action, payload),) = station.received
    assert action == "CertificateSigned"
    leaf = x509.load_pem_x509_certificate(payload["certificateChain"].encode())
    leaf.verify_directly_issued_by(signer.certificate)
    (shown,) = await requests(api)
    assert (shown["state"], shown["commandId"]) == ("installed", answer.json()["commandId"])
    assert shown["securityProfile"] == 0
    (issued,) = await listed(api, "?chargePointId=CP001&isRevoked=false")
    assert issued["certificate"] == payload["certificateChain"]
    assert (issued["subject"], issued["issuer"]) == ("CN=CP001", signer_name(signer))
    assert issued["issuedAt"] is not None
    assert (issued["certificateRequestId"], issued["lastUsedAt"]) == (number, None)
    assert await listed(api, "?chargePointId=CP002") == []
    assert await listed(api, "?expiresBefore=2026-12-01T00:00:00Z") == []
    again = await api.post(f"/api/certificate-requests/{number}/sign")
    assert_problem(again, 409, "conflict")


def signer_name(signer: Authority) -> str:
    return signer.certificate.subject.rfc4514_string()


async def test_one_that_was_not_sent_waits_on(own: tuple[Api, Authority]) -> None:
    api, _ = own
    station = await api.connect()
    number = await ask(api)
    station.answers.append(ChargePointOffline("gone"))
    answer = await api.post(f"/api/certificate-requests/{number}/sign")
    assert_problem(answer, 503, "charge-point-offline")
    assert (await requests(api))[0]["state"] == "received"
    assert (await api.post(f"/api/certificate-requests/{number}/sign")).status_code == 200
    assert len(await listed(api)) == 1


async def test_a_request_is_rejected(own: tuple[Api, Authority]) -> None:
    api, _ = own
    await api.connect()
    number = await ask(api)
    place = f"/api/certificate-requests/{number}/reject"
    assert_problem(await api.post(place, {}), 400, "invalid-request")
    rejected = (await api.post(place, {"reason": "no"})).json()
    assert (rejected["state"], rejected["problem"]) == ("rejected", "was rejected: no")
    assert_problem(await api.post(place, {"reason": "no"}), 409, "conflict")
    assert_problem(await api.post(f"/api/certificate-requests/{number}/sign"), 409, "conflict")
    for verb in ("sign", "reject"):
        body = {"reason": "no"} if verb == "reject" else None
        answer = await api.post(f"/api/certificate-requests/99/{verb}", body)
        assert_problem(answer, 404, "not-found")


async def test_without_an_authority_it_says_how_to_make_one(api: Api) -> None:
    await api.connect()
    number = await ask(api)
    problem = assert_problem(
        await api.post(f"/api/certificate-requests/{number}/sign"), 409, "conflict"
    )
    assert "ocpp-trio ca init" in problem["detail"]
    assert (await api.get("/api/certificate-authorities")).json() == []


async def test_the_authorities_that_are_trusted(own: tuple[Api, Authority], tmp_path: Path) -> None:
    api, signer = own
    local, other = (await api.get("/api/certificate-authorities")).json()
    assert (local["isLocal"], local["subject"]) == (True, signer_name(signer))
    assert local["certificate"] == signer.pem
    assert "PRIVATE" not in str(local)
    assert (other["isLocal"], other["subject"]) == (False, "CN=Other")
    (tmp_path / "other.pem").write_text("nonsense")
    assert len((await api.get("/api/certificate-authorities")).json()) == 1


async def test_revoking_disconnects_who_uses_it(api: Api) -> None:
    station = await api.connect()
    (used,) = read_authorities(pem(root("CP001")).encode())
    (spare,) = read_authorities(pem(root("CP001", 7)).encode())
    for each in (used, spare):
        await api.database.write(client_certificates.note_use, "CP001", each, api.now())
    station.certificate = used
    unused, in_use = await listed(api)
    place = "/api/client-certificates/{}/revoke"
    answer = await api.post(place.format(unused["id"]), {})
    ended: tuple[int, str] | None = station.ended
    assert (answer.json()["revokedBy"], answer.json()["revokedReason"]) == ("local", None)
    assert ended is None
    answer = await api.post(place.format(in_use["id"]), {"reason": "lost"})
    assert answer.json()["revokedReason"] == "lost"
    assert station.ended == (1008, "its certificate was revoked")
    assert len(await listed(api, "?isRevoked=true")) == 2
    assert_problem(await api.post(place.format(99), {}), 404, "not-found")
    assert_problem(await api.post(place.format("x"), {}), 404, "not-found")


async def test_only_an_administrator_signs_and_revokes(guarded: Api) -> None:
    for place in (
        "/api/client-certificates/1/revoke",
        "/api/certificate-requests/1/sign",
        "/api/certificate-requests/1/reject",
    ):
        answer = await guarded.post(place, {}, headers={"Authorization": "Bearer operator"})
        assert_problem(answer, 403, "forbidden")


async def test_the_own_root_is_installed_without_giving_it(own: tuple[Api, Authority]) -> None:
    api, signer = own
    station = await api.connect()
    place = "/api/commands/install-certificate"
    body = {"chargePointId": "CP001", "certificateType": "CentralSystemRootCertificate"}
    assert (await api.post(place, body)).status_code == 200
    assert station.received[-1][1]["certificate"] == signer.pem
    other = body | {"certificateType": "ManufacturerRootCertificate"}
    assert_problem(await api.post(place, other), 400, "invalid-request")
    signer.files.certificate.write_text("nonsense")
    assert_problem(await api.post(place, body), 400, "invalid-request")
    signer.files.certificate.unlink()
    problem = assert_problem(await api.post(place, body), 400, "invalid-request")
    assert "no authority of its own" in problem["errors"][0]["message"]
    assert len(station.received) == 1
