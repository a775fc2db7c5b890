"""Certificates of stations: asked for, installed, listed, deleted."""

from __future__ import annotations

from typing import Any

import pytest

from ocpp_trio.store import certificates, charge_points
from ocpp_trio.store.database import Database, Row, Tx
from ocpp_trio.store.queries import Statement
from tests.support.certificates import NOT_AFTER, hash_data, pem, request, root, signed_for
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
    problem = await database.write(certificates.keep_request, "CP1", "nonsense", None, START)
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
        (None, "cancelled", "received"),
        # A CALLERROR: the station cannot take any.
        (None, "error", "refused"),
    ],
)
async def test_a_certificate_answers_the_newest_request(
    database: Database, response: Any, state: str, found: str
) -> None:
    for name in ("CP001", "CP002"):
        assert (
            await database.write(certificates.keep_request, "CP1", request(name), None, START)
            is None
        )
    payload = {"certificateChain": pem(root())}
    await carried_out(database, "CertificateSigned", payload, response, state=state)
    rows = await database.read(
        certificates.requests.page, certificates.RequestFilter(), None, 10, 0
    )
    assert [row["state"] for row in rows] == [found, "rejected"]
    assert await database.read(
        certificates.requests.count, certificates.RequestFilter("CP1", "received")
    ) == (found == "received")


async def keep(
    database: Database, csr: str, *organizations: str, point: str = "CP001"
) -> str | None:
    return await database.write(certificates.keep_request, point, csr, organizations, START)


async def test_what_we_sign_must_be_the_stations_own(database: Database) -> None:
    for point, boot in {
        "CP001": {"chargePointSerialNumber": "SN1"},
        "CP002": {"chargePointSerialNumber": "SN2"},
        # It says that it is another.
        "CP003": {"chargePointSerialNumber": "CP001", "chargeBoxSerialNumber": "SN2"},
    }.items():
        await database.write(charge_points.register, point, "Accepted", {}, START)
        await database.write(charge_points.boot, point, boot, START)
    assert await keep(database, request("SN1")) is None
    assert "which is neither" in str(await keep(database, request("CP002")))
    assert "which is neither" in str(await keep(database, request("SN2")))
    for name in ("CP001", "SN2"):
        problem = await keep(database, request(name), point="CP003")
        assert problem == f"has the common name {name}, which is another charge point's too"
    assert await keep(database, request("CP003"), point="CP003") is None
    # That another calls itself so does not keep it from its own id.
    assert await keep(database, request("CP001")) is None
    assert "is not made out to CPO" in str(await keep(database, request("SN1"), "CPO"))
    # Somebody else signs.
    assert (
        await database.write(certificates.keep_request, "CP001", request("X"), None, START) is None
    )


async def test_only_what_came_by_tls_is_signed_without_asking(database: Database) -> None:
    async def asked(point: str, profile: int) -> int:
        row = await database.read(charge_points.find, point)
        if row is None:
            await database.write(charge_points.register, point, "Accepted", {}, START)
        await database.write(with_profile, point, profile)
        assert await keep(database, request(point), point=point) is None
        rows = await database.read(
            certificates.requests.page, certificates.RequestFilter(point), None, 1, 0
        )
        number: int = rows[0]["id"]
        return number

    def with_profile(tx: Tx, point: str, profile: int) -> None:
        statement = Statement(
            "test", "Test.", "UPDATE charge_points SET security_profile = :profile WHERE id = :id"
        )
        tx.run(statement, profile=profile, id=point)

    for profile in (0, 1):
        await asked(f"CP{profile}", profile)
    await asked("CP2", 2)
    newest = await asked("CP2", 3)
    other = await asked("CP3", 3)
    await asked("CP4", 3)
    # The newest counts, and it did not come by TLS.
    await asked("CP4", 1)
    waiting = await database.read(certificates.to_sign)
    assert [row["id"] for row in waiting] == [newest, other]

    assert await database.write(certificates.reject, other, "was rejected", START) is not None
    assert await database.write(certificates.reject, other, "again", START) is None
    assert len(await database.read(certificates.to_sign)) == 1
    row = await database.read(certificates.find_request, other)
    assert row is not None
    assert (row["state"], row["problem"]) == ("rejected", "was rejected")


async def test_a_certificate_answers_the_request_for_its_key(database: Database) -> None:
    first, second, third = (request(f"CP1-{number}") for number in range(3))
    for csr in (first, second, third):
        await database.write(certificates.keep_request, "CP1", csr, None, START)
    payload = {"certificateChain": signed_for(second)}
    await carried_out(database, "CertificateSigned", payload, {"status": "Accepted"})
    rows = await database.read(
        certificates.requests.page, certificates.RequestFilter("CP1"), None, 10, 0
    )
    assert [row["state"] for row in rows] == ["received", "installed", "rejected"]
