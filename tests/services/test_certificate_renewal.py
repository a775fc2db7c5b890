"""Certificate renewal: charge points are told to ask for a new certificate in time."""

from __future__ import annotations

from typing import Any

import trio
from trio.testing import MockClock

from ocpp_trio.certificates import ClientCertificate
from ocpp_trio.services.certificate_renewal import SOURCE, CertificateRenewal
from ocpp_trio.store import client_certificates
from tests.services.support import Obedient, Watched, told
from tests.support.clock import START

DAY = 86_400_000
ASKED = [{"requestedMessage": "SignChargePointCertificate"}]


async def using(watched: Watched, days: int, fingerprint: str = "ab") -> None:
    """CP001 has proved itself with a certificate that is good for so many days."""
    certificate = ClientCertificate(
        fingerprint,
        "CN=CP001",
        ("CP001",),
        (),
        "CN=Root",
        "1",
        START - DAY,
        START + days * DAY,
        "PEM",
    )
    await watched.central.database.write(
        client_certificates.note_use, "CP001", certificate, watched.central.now()
    )


async def connected(watched: Watched) -> Obedient:
    obedient = Obedient(await watched.connect(), watched.central)
    watched.nursery.start_soon(obedient.run)
    watched.run(3600, CertificateRenewal(watched.central, watched.asking()).tick)
    return obedient


async def test_in_time_and_once_a_day(autojump_clock: MockClock, watched: Watched) -> None:
    await using(watched, 31)
    station = await connected(watched)
    await trio.sleep(20 * 3600)
    assert station.questions == []
    await trio.sleep(8 * 3600)
    assert station.questions == ASKED
    assert [action for _, action, _ in station.asked] == ["ExtendedTriggerMessage"]
    await trio.sleep(20 * 3600)
    assert station.questions == ASKED
    await trio.sleep(8 * 3600)
    assert station.questions == ASKED * 2
    assert "why: its certificate expires in 29 days" in told(SOURCE)[0][2]


async def test_a_newer_one_is_enough(autojump_clock: MockClock, watched: Watched) -> None:
    await using(watched, 10)
    await using(watched, 365, "cd")
    station = await connected(watched)
    await trio.sleep(48 * 3600)
    assert station.questions == []


async def test_a_revoked_one_does_not_count(autojump_clock: MockClock, watched: Watched) -> None:
    await using(watched, 10)
    rows = await watched.fetch("SELECT id FROM client_certificates")
    await watched.central.database.write(
        client_certificates.revoke, rows[0]["id"], "ann", None, START
    )
    station = await connected(watched)
    await trio.sleep(48 * 3600)
    assert station.questions == []


async def test_one_that_was_issued_and_taken_counts(
    autojump_clock: MockClock, watched: Watched
) -> None:
    await using(watched, 10)
    newer = ClientCertificate(
        "cd", "CN=CP001", ("CP001",), (), "CN=Root", "2", START, START + 365 * DAY, "PEM"
    )
    for number, state in enumerate(("refused", "installed"), 1):
        request: Any = {"id": number, "charge_point_id": "CP001"}
        issued = newer._replace(fingerprint=state)
        await watched.central.database.write(client_certificates.issue, request, issued, START)
    station = await connected(watched)
    await watched.execute(
        "INSERT INTO certificate_requests (charge_point_id, csr, state, received_at, updated_at)"
        " VALUES ('CP001', '', 'refused', 0, 0), ('CP001', '', 'received', 0, 0)"
    )
    await trio.sleep(2 * 3600)
    assert station.questions == ASKED
    await watched.execute("UPDATE certificate_requests SET state = 'installed' WHERE id = 2")
    await trio.sleep(48 * 3600)
    assert station.questions == ASKED


async def test_one_that_does_not_know_the_message_is_left_alone(
    autojump_clock: MockClock, watched: Watched
) -> None:
    await using(watched, 10)
    station = await connected(watched)
    station.answer = [4, "NotImplemented", "", {}]
    await trio.sleep(7 * 24 * 3600)
    assert station.questions == ASKED
