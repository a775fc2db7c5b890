"""Certificates of stations: asked for, installed, listed, deleted."""

from __future__ import annotations

from typing import Any

import pytest

from ocpp_trio.store import certificates
from ocpp_trio.store.database import Database, Row
from tests.support.certificates import NOT_AFTER, hash_data, pem, request, root
from tests.support.clock import START
from tests.support.commands import carried_out

TYPE = "CentralSystemRootCertificate"
EXPIRY = int(NOT_AFTER.timestamp() * 1000)


async def install(database: Database, status: str = "Accepted", name: str = "Root") -> None:
    payload = {"certificateType": TYPE, "certificate": pem(root(name))}
    await carried_out(database, "InstallCertificate", payload, {"status": status})


async def listing(database: Database, *hashes: dict[str, str]) -> None:
    response: dict[str, Any] = {"status": "Accepted" if hashes else "NotFound"}
    if hashes:
        response["certificateHashData"] = list(hashes)
    payload = {"certificateType": TYPE}
    await carried_out(database, "GetInstalledCertificateIds", payload, response)


async def there(database: Database, **which: Any) -> list[Row]:
    wanted = certificates.Filter(**which)
    rows = await database.read(certificates.listing.page, wanted, None, 10, 0)
    assert len(rows) == await database.read(certificates.listing.count, wanted)
    return list(rows)


@pytest.mark.parametrize("status", ["Rejected", "Failed"])
async def test_only_what_was_accepted_is_installed(database: Database, status: str) -> None:
    await install(database, status)
    assert await there(database) == []


async def test_an_installed_certificate_and_its_expiry(database: Database) -> None:
    await install(database)
    await install(database)
    (row,) = await there(database)
    assert (row["subject"], row["not_after"], row["installed_at"]) == ("CN=Root", EXPIRY, START)
    assert await there(database, expires_before=EXPIRY) == []
    assert len(await there(database, expires_before=EXPIRY + 1)) == 1


@pytest.mark.parametrize("algorithm", ["SHA256", "SHA384", "SHA512"])
@pytest.mark.parametrize("spell", [str.lower, str.upper])
async def test_a_listed_certificate_is_known_again(
    database: Database, algorithm: str, spell: Any
) -> None:
    await install(database)
    hashes = hash_data(root(), algorithm)
    spelled = {name: spell(value) for name, value in hashes.items()} | {
        "hashAlgorithm": algorithm,
        "serialNumber": "00" + spell(hashes["serialNumber"]),
    }
    await listing(database, spelled)
    (row,) = await there(database)
    assert (row["subject"], row["listed_at"]) == ("CN=Root", START)


async def test_what_a_station_brought_itself_is_listed(database: Database) -> None:
    await listing(database, hash_data(root()), hash_data(root("Other")))
    await listing(database, hash_data(root()), hash_data(root("Other")))
    rows = await there(database)
    assert [row["subject"] for row in rows] == [None, None]


@pytest.mark.parametrize("remaining", [(), (hash_data(root("Other")),)])
async def test_what_is_no_longer_listed_is_gone(
    database: Database, remaining: tuple[dict[str, str], ...]
) -> None:
    await install(database)
    await listing(database, *remaining)
    assert len(await there(database)) == len(remaining)
    await install(database)
    assert "CN=Root" in [row["subject"] for row in await there(database)]


@pytest.mark.parametrize(("status", "left"), [("Accepted", 0), ("NotFound", 0), ("Failed", 1)])
async def test_a_deleted_certificate(database: Database, status: str, left: int) -> None:
    await install(database)
    payload = {"certificateHashData": hash_data(root(), "SHA512")}
    await carried_out(database, "DeleteCertificate", payload, {"status": status})
    assert len(await there(database)) == left


async def test_a_request_that_cannot_be_signed_is_kept_all_the_same(database: Database) -> None:
    problem = await database.write(certificates.keep_request, "CP1", "nonsense", START)
    assert problem is not None
    (row,) = await database.read(
        certificates.requests.page, certificates.RequestFilter(state="rejected"), None, 10, 0
    )
    assert (row["csr"], row["problem"]) == ("nonsense", problem)


@pytest.mark.parametrize(
    ("response", "state", "found"),
    [
        ({"status": "Accepted"}, "accepted", "installed"),
        ({"status": "Rejected"}, "refused", "refused"),
        (None, "timeout", "sent"),
        # Never sent: the next certificate is for the same request.
        (None, "expired", "received"),
    ],
)
async def test_a_certificate_answers_the_newest_request(
    database: Database, response: Any, state: str, found: str
) -> None:
    for name in ("CP001", "CP002"):
        assert await database.write(certificates.keep_request, "CP1", request(name), START) is None
    payload = {"certificateChain": pem(root())}
    await carried_out(database, "CertificateSigned", payload, response, state=state)
    rows = await database.read(
        certificates.requests.page, certificates.RequestFilter(), None, 10, 0
    )
    assert [row["state"] for row in rows] == [found, "received"]
    assert await database.read(
        certificates.requests.count, certificates.RequestFilter("CP1", "received")
    ) == 1 + (found == "received")
