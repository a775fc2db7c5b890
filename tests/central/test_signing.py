"""SignCertificate, and the certificate that follows."""

from __future__ import annotations

import datetime
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
from cryptography import x509

from ocpp_trio import authority
from ocpp_trio.central.signing import AutomaticSigning
from ocpp_trio.errors import AuthorityError
from ocpp_trio.store import certificates, client_certificates
from ocpp_trio.store.database import Row, Tx
from ocpp_trio.store.queries import Statement
from tests.central.conftest import OpenSystem, System
from tests.support.certificates import request
from tests.support.station import TestStation, connected

PROFILE = Statement("test", "Test.", "UPDATE charge_points SET security_profile = :profile")


def set_profile(tx: Tx, profile: int) -> None:
    tx.run(PROFILE, profile=profile)


@asynccontextmanager
async def signing_system(
    open_system: OpenSystem, profile: int = 2, **variables: str
) -> AsyncIterator[tuple[System, TestStation, AutomaticSigning]]:
    """A system with an authority, and a station whose connection has a security profile."""
    async with open_system(OCPP_SIGNING_INTERVAL="0.05", **variables) as system:
        settings = system.central.settings
        files = authority.files_of(settings)
        authority.create(files, "CPO", "ec", 3650, datetime.datetime.now(datetime.UTC))
        async with connected(system.listener) as station:
            await station.boot()
            await system.central.database.write(set_profile, profile)
            yield system, station, AutomaticSigning(system.central, system.commands)


async def the_request(system: System) -> Row:
    (row,) = await system.central.database.read(
        certificates.requests.page, certificates.RequestFilter(), None, 10, 0
    )
    return row


async def answer(station: TestStation, response: dict[str, Any]) -> str:
    """Answer the CertificateSigned that comes; its chain."""
    with trio.fail_after(5):
        kind, message_id, action, payload = await station.receive()
    assert (kind, action) == (2, "CertificateSigned")
    await station.send([3, message_id, response])
    chain: str = payload["certificateChain"]
    return chain


@pytest.mark.parametrize(("status", "state"), [("Accepted", "installed"), ("Rejected", "refused")])
async def test_the_certificate_follows_by_itself(
    open_system: OpenSystem, status: str, state: str
) -> None:
    async with signing_system(open_system) as (system, station, signing):
        csr = request()
        assert await station.call("SignCertificate", {"csr": csr}) == {"status": "Accepted"}
        async with trio.open_nursery() as nursery:
            nursery.start_soon(signing.tick)
            chain = await answer(station, {"status": status})
        (leaf,) = x509.load_pem_x509_certificates(chain.encode())
        assert leaf.public_key() == x509.load_pem_x509_csr(csr.encode()).public_key()
        row = await the_request(system)
        assert (row["state"], row["security_profile"]) == (state, 2)
        issued = await system.central.database.read(client_certificates.of_request, row["id"])
        assert issued is not None
        assert (issued["charge_point_id"], issued["subject"]) == ("CP001", "CN=CP001")
        # Nothing waits any more: the next look ends by itself.
        with trio.fail_after(5):
            await signing.tick()


@pytest.mark.parametrize("profile", [0, 1])
async def test_what_came_without_tls_waits_for_a_person(
    open_system: OpenSystem, profile: int
) -> None:
    async with signing_system(open_system, profile) as (system, station, signing):
        assert await station.call("SignCertificate", {"csr": request()}) == {"status": "Accepted"}
        await signing.tick()
        assert (await the_request(system))["state"] == "received"


async def test_what_is_not_the_stations_own_is_rejected(open_system: OpenSystem) -> None:
    async with signing_system(open_system, OCPP_CPO_NAME="CPO") as (system, station, _):
        for csr in (request("CP002"), request("CP001"), "nonsense"):
            answered = await station.call("SignCertificate", {"csr": csr})
            assert answered == {"status": "Rejected"}
        rows = await system.central.database.read(
            certificates.requests.page, certificates.RequestFilter(), None, 10, 0
        )
        assert [row["state"] for row in rows] == ["rejected"] * 3
        assert rows[1]["problem"] == "is not made out to CPO (OCPP_CPO_NAME)"
        assert "CP002, which is neither" in rows[2]["problem"]


async def test_without_an_authority_somebody_else_signs(open_system: OpenSystem) -> None:
    async with signing_system(open_system, OCPP_CA="off") as (system, station, signing):
        csr = request("any name")
        assert await station.call("SignCertificate", {"csr": csr}) == {"status": "Accepted"}
        await signing.tick()
        assert (await the_request(system))["state"] == "received"


async def test_a_station_that_went_is_answered_when_it_is_back(open_system: OpenSystem) -> None:
    async with signing_system(open_system) as (system, station, signing):
        await station.call("SignCertificate", {"csr": request()})
        await station.websocket.aclose()
        await signing.tick()
        row = await the_request(system)
        assert row["state"] == "received"
        async with connected(system.listener) as again, trio.open_nursery() as nursery:
            await again.call("Heartbeat", {})
            nursery.start_soon(signing.tick)
            await answer(again, {"status": "Accepted"})
        assert (await the_request(system))["state"] == "installed"


async def test_one_certificate_for_a_request_however_often_it_is_sent(
    open_system: OpenSystem,
) -> None:
    async with signing_system(open_system) as (system, station, signing):
        await station.call("SignCertificate", {"csr": request()})
        row = await the_request(system)
        chains = {await signing.signing.chain_for(row) for _ in range(3)}
        assert len(chains) == 1


async def test_a_key_that_is_lost_is_told(open_system: OpenSystem) -> None:
    async with signing_system(open_system) as (system, station, signing):
        await station.call("SignCertificate", {"csr": request()})
        authority.files_of(system.central.settings).key.unlink()
        with pytest.raises(AuthorityError, match=r"ca-key\.pem: no such file"):
            await signing.tick()
        assert (await the_request(system))["state"] == "received"
