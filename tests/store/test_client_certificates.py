"""Whose a client certificate is, whether it is still good, and how it is revoked."""

from __future__ import annotations

import pytest

from ocpp_trio.certificates import ClientCertificate
from ocpp_trio.store import charge_points, client_certificates
from ocpp_trio.store.client_certificates import USED_INTERVAL, Judgement
from ocpp_trio.store.database import Database, Row
from tests.support.clock import START

YEAR = 31_536_000_000


def certificate(
    *names: str, organization: str = "CPO", fingerprint: str = "ab", not_after: int = START + YEAR
) -> ClientCertificate:
    return ClientCertificate(
        fingerprint,
        f"CN={names}",
        names,
        (organization,),
        "CN=Root",
        "1",
        START - YEAR,
        not_after,
        "PEM",
    )


async def judge(
    database: Database,
    shown: ClientCertificate,
    point: str = "CP001",
    *organizations: str,
    now: int = START,
) -> Judgement:
    return await database.read(client_certificates.judge, point, shown, organizations, now)


async def use(database: Database, shown: ClientCertificate, point: str = "CP001") -> None:
    await database.write(client_certificates.note_use, point, shown, START)


async def listed(database: Database, **which: int | str) -> list[Row]:
    wanted = client_certificates.Filter(**which)  # type: ignore[arg-type]
    rows = await database.read(client_certificates.listing.page, wanted, None, 10, 0)
    assert len(rows) == await database.read(client_certificates.listing.count, wanted)
    return list(rows)


async def test_the_common_name_is_the_id_or_a_serial_number(database: Database) -> None:
    assert await judge(database, certificate("CP001")) == Judgement(None, True)
    for names, words in {
        (): "has no common name",
        ("CP001", "CP002"): "has more than one common name",
        ("CP002",): "has the common name CP002, which is neither the id nor the serial number",
        ("cp001",): "has the common name cp001",
        ("",): "has the common name ",
    }.items():
        problem = (await judge(database, certificate(*names))).problem
        assert problem is not None
        assert problem.startswith(words)

    await database.write(charge_points.register, "CP001", "Accepted", {}, START)
    boot = {"chargePointSerialNumber": "SN1", "chargeBoxSerialNumber": "SN2"}
    await database.write(charge_points.boot, "CP001", boot, START)
    for name in ("CP001", "SN1", "SN2"):
        assert (await judge(database, certificate(name))).problem is None
    assert (await judge(database, certificate("SN1"), "CP002")).problem is not None


async def test_the_organization(database: Database) -> None:
    shown = certificate("CP001")
    assert (await judge(database, shown, "CP001", "Maker", "CPO")).problem is None
    found = await judge(database, shown, "CP001", "Other")
    assert found == Judgement("is not made out to Other (OCPP_CPO_NAME)", False)


async def test_expired_also_in_a_tls_session_that_was_resumed(database: Database) -> None:
    shown = certificate("CP001", not_after=START)
    assert (await judge(database, shown)).problem == "has expired"


async def test_its_use_is_noted_once_a_day(database: Database) -> None:
    shown = certificate("CP001")
    await use(database, shown)
    assert await judge(database, shown) == Judgement(None, False)
    later = START + USED_INTERVAL
    assert await judge(database, shown, now=later) == Judgement(None, True)
    (row,) = await listed(database, charge_point_id="CP001")
    assert (row["last_used"], row["issued_at"], row["pem"]) == (START, None, "PEM")
    assert await listed(database, charge_point_id="CP002") == []
    assert await listed(database, expires_before=START + YEAR) == []
    assert len(await listed(database, expires_before=START + YEAR + 1)) == 1


async def test_revoked_is_revoked_for_good(database: Database) -> None:
    shown = certificate("CP001")
    await use(database, shown)
    (row,) = await listed(database, is_revoked=0)
    revoked = await database.write(client_certificates.revoke, row["id"], "ann", "lost", START)
    assert revoked is not None
    again = await database.write(client_certificates.revoke, row["id"], "bob", None, START + 1)
    assert again is not None
    for found in (revoked, again):
        assert found["revoked_at"] == START
        assert (found["revoked_by"], found["revoked_reason"]) == ("ann", "lost")
    assert await judge(database, shown) == Judgement("has been revoked", False)
    assert await listed(database, is_revoked=0) == []
    assert len(await listed(database, is_revoked=1)) == 1
    assert await database.write(client_certificates.revoke, 99, "ann", None, START) is None
    assert (await judge(database, certificate("CP001", fingerprint="cd"))).problem is None


@pytest.mark.parametrize("point", ["CP001", "CP002"])
async def test_one_signed_elsewhere_follows_its_serial_number(
    database: Database, point: str
) -> None:
    shown = certificate("SN1")
    await use(database, shown)
    await database.write(charge_points.register, point, "Accepted", {}, START)
    boot = {"chargePointSerialNumber": "SN1"}
    await database.write(charge_points.boot, point, boot, START)
    assert (await judge(database, shown, point)).problem is None
