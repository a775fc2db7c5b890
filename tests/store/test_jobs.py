"""Diagnostics, logs and firmware: from the request to the end."""

from __future__ import annotations

from typing import Any

import pytest

from ocpp_trio.store import jobs
from ocpp_trio.store.database import Database, Row
from tests.support.clock import START, FakeNow
from tests.support.commands import carried_out
from tests.support.operator import Operator

DIAGNOSTICS = {"location": "ftp://user:secret@example.com/d"}
FIRMWARE = {"location": "https://example.com/f", "retrieveDate": "2026-12-01T00:00:00Z"}
REQUESTS: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    # action: request, answer, notification
    "GetDiagnostics": (DIAGNOSTICS, {"fileName": "d.zip"}, "DiagnosticsStatusNotification"),
    "UpdateFirmware": (FIRMWARE, {}, "FirmwareStatusNotification"),
    "GetLog": (
        {"logType": "SecurityLog", "requestId": 7, "log": {"remoteLocation": "https://a.b/c"}},
        {"status": "Accepted", "filename": "l.txt"},
        "LogStatusNotification",
    ),
    "SignedUpdateFirmware": (
        {"requestId": 7, "firmware": {"location": "https://a.b/c"}},
        {"status": "Accepted"},
        "SignedFirmwareStatusNotification",
    ),
}


async def begin(database: Database, action: str, **changes: Any) -> Row:
    payload, answer, _ = REQUESTS[action]
    await carried_out(database, action, payload, **({"response": answer} | changes))
    return (await database.read(jobs.listing.page, jobs.Filter(), None, 1, 0))[0]


async def notify(database: Database, action: str, status: str, **more: Any) -> Row | None:
    payload = {"status": status} | more
    return await database.write(jobs.notified, "CP1", REQUESTS[action][2], payload, START + 9)


@pytest.mark.parametrize("action", REQUESTS)
async def test_a_job_goes_on_to_its_end(database: Database, action: str) -> None:
    job = await begin(database, action)
    assert (job["state"], job["actor"], job["ended_at"]) == ("running", "admin", None)
    assert "secret" not in job["location"]
    more = {"requestId": 7} if "requestId" in REQUESTS[action][0] else {}
    last = "Uploaded" if action.startswith("Get") else "Installed"
    first = "Uploading" if action.startswith("Get") else "Downloading"
    for status, state in ((first, "running"), (last, "finished")):
        moved = await notify(database, action, status, **more)
        assert moved is not None
        assert (moved["id"], moved["state"], moved["status"]) == (job["id"], state, status)
    ended = await database.read(jobs.find, job["id"])
    assert ended is not None
    assert ended["ended_at"] == START + 9
    reports = await database.read(jobs.reports, job["id"])
    assert [each["status"] for each in reports] == [first, last]


@pytest.mark.parametrize(
    ("action", "status"),
    [
        ("GetDiagnostics", "UploadFailed"),
        ("UpdateFirmware", "DownloadFailed"),
        ("UpdateFirmware", "InstallationFailed"),
        ("GetLog", "PermissionDenied"),
        ("SignedUpdateFirmware", "InvalidSignature"),
        ("SignedUpdateFirmware", "InstallVerificationFailed"),
    ],
)
async def test_a_job_fails(database: Database, action: str, status: str) -> None:
    await begin(database, action)
    moved = await notify(database, action, status)
    assert moved is not None
    assert moved["state"] == "failed"


@pytest.mark.parametrize(
    ("action", "response", "state", "found"),
    [
        ("GetLog", {"status": "Rejected"}, "refused", "refused"),
        ("SignedUpdateFirmware", {"status": "InvalidCertificate"}, "refused", "refused"),
        ("GetDiagnostics", {}, "accepted", "refused"),
        ("UpdateFirmware", None, "error", "refused"),
        ("UpdateFirmware", None, "expired", "refused"),
        # It may have been carried out: the notifications will tell.
        ("UpdateFirmware", None, "timeout", "requested"),
    ],
)
async def test_a_job_that_was_not_begun(
    database: Database, action: str, response: Any, state: str, found: str
) -> None:
    job = await begin(database, action, response=response, state=state)
    assert job["state"] == found
    assert (job["ended_at"] is None) == (found == "requested")


async def test_a_late_answer_begins_a_job(database: Database) -> None:
    job = await begin(database, "GetLog", response=None, state="timeout")
    await notify(database, "GetLog", "Uploading", requestId=7)
    found = await database.read(jobs.find, job["id"])
    assert found is not None
    assert found["state"] == "running"


async def test_a_newer_job_cancels_the_one_before(database: Database) -> None:
    first = await begin(database, "GetLog")
    await begin(database, "GetLog", response={"status": "AcceptedCanceled"})
    rows = await database.read(jobs.listing.page, jobs.Filter(kind="log"), None, 10, 0)
    assert [row["state"] for row in rows] == ["running", "cancelled"]
    assert rows[1]["id"] == first["id"]


@pytest.mark.parametrize("action", REQUESTS)
async def test_a_job_that_was_not_sent_yet_is_not_what_a_notification_is_about(
    database: Database, now: FakeNow, action: str
) -> None:
    first = await begin(database, action)
    operator = Operator(database, now)
    queued = await operator.create(action, REQUESTS[action][0])
    more = {"requestId": 7} if "requestId" in REQUESTS[action][0] else {}
    status = "Uploaded" if action.startswith("Get") else "Installed"
    moved = await notify(database, action, status, **more)
    assert moved is not None
    assert (moved["id"], moved["state"]) == (first["id"], "finished")
    second = (await database.read(jobs.listing.page, jobs.Filter(), None, 1, 0))[0]
    assert (second["command_id"], second["state"]) == (queued, "requested")
    if not more:
        # The first one is over and the second unknown to the station.
        assert await notify(database, action, status) is None


@pytest.mark.parametrize("action", ["GetDiagnostics", "UpdateFirmware"])
async def test_what_goes_on_comes_before_what_was_not_answered_yet(
    database: Database, now: FakeNow, action: str
) -> None:
    first = await begin(database, action)
    operator = Operator(database, now)
    number = await operator.ask(action, REQUESTS[action][0])
    status = "Uploading" if action.startswith("Get") else "Downloading"
    moved = await notify(database, action, status)
    assert moved is not None
    assert moved["id"] == first["id"]
    # Without an answer in time the station may be at it all the same.
    await operator.end(number, "timeout")
    moved = await notify(database, action, status)
    assert moved is not None
    assert (moved["command_id"], moved["state"]) == (number, "running")


async def test_a_notification_without_job_is_kept(database: Database) -> None:
    assert await notify(database, "GetDiagnostics", "Uploaded") is None
    assert await notify(database, "GetLog", "Uploaded", requestId=99) is None
    await begin(database, "GetLog")
    assert await notify(database, "GetLog", "Uploaded", requestId=99) is None


async def test_idle_says_nothing_of_a_job(database: Database) -> None:
    job = await begin(database, "UpdateFirmware")
    moved = await notify(database, "UpdateFirmware", "Idle")
    assert moved is not None
    assert (moved["id"], moved["state"]) == (job["id"], "running")


async def test_request_ids_are_never_given_twice(database: Database) -> None:
    given = [await database.write(jobs.next_request_id) for _ in range(3)]
    assert given == [1, 2, 3]


async def test_filters(database: Database) -> None:
    await begin(database, "GetLog")
    await begin(database, "UpdateFirmware", charge_point_id="CP2")

    async def kinds(which: jobs.Filter) -> list[str]:
        rows = await database.read(jobs.listing.page, which, None, 10, 0)
        assert len(rows) == await database.read(jobs.listing.count, which)
        return [row["kind"] for row in rows]

    assert await kinds(jobs.Filter()) == ["firmware", "log"]
    assert await kinds(jobs.Filter("CP2")) == ["firmware"]
    assert await kinds(jobs.Filter(kind="log")) == ["log"]
    assert await kinds(jobs.Filter(state="finished")) == []
    assert await kinds(jobs.Filter(since=START + 1)) == []
    assert await kinds(jobs.Filter(until=START + 1)) == ["firmware", "log"]
