"""Jobs of charge points: diagnostics, logs and firmware, asked for and followed to their end."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta
from starlette.responses import Response

from ocpp_trio.api.answers import Resource, Timestamp, answer
from ocpp_trio.api.listing import ListQuery, answer_newest_first
from ocpp_trio.api.operation import Call, operation
from ocpp_trio.api.params import ChargePointId, Int64, Moment, Natural, NoQuery, moment, number_in
from ocpp_trio.api.problems import Problem
from ocpp_trio.api.sending import Command, CommandAnswer, SendQuery, command, send, words
from ocpp_trio.domain.times import format_timestamp
from ocpp_trio.store import jobs
from ocpp_trio.store.database import Row

TAG = "Jobs"

Kind = Literal["diagnostics", "firmware", "log", "signed-firmware"]
State = Literal["requested", "running", "finished", "failed", "refused", "cancelled"]
Location = Annotated[
    str, Meta(description="ftp, ftps, sftp, http or https; where the charge point uploads or loads")
]
DateTime = Annotated[str, Meta(description="ISO 8601", extra_json_schema={"format": "date-time"})]


class Job(Resource):
    """A job. `status` is the charge point's newest word, `location` comes without a password."""

    id: int
    charge_point_id: str
    kind: str
    request_id: int | None
    command_id: int
    actor: str
    location: str
    file_name: str | None
    state: str
    status: str | None
    requested_at: Timestamp | None
    updated_at: Timestamp | None
    ended_at: Timestamp | None


class JobReport(Resource):
    """One status notification about a job."""

    status: str
    received_at: Timestamp | None


class JobWithReports(Job):
    """A job and all that was said about it, in the order it came."""

    reports: list[JobReport]


def _values(row: Row) -> dict[str, Any]:
    return {
        "id": row["id"],
        "charge_point_id": row["charge_point_id"],
        "kind": row["kind"],
        "request_id": row["request_id"],
        "command_id": row["command_id"],
        "actor": row["actor"],
        "location": row["location"],
        "file_name": row["file_name"],
        "state": row["state"],
        "status": row["status"],
        "requested_at": format_timestamp(row["requested_at"]),
        "updated_at": format_timestamp(row["updated_at"]),
        "ended_at": format_timestamp(row["ended_at"]),
    }


class JobsQuery(ListQuery, forbid_unknown_fields=True):
    """Which jobs; `from` and `to` are about when they were asked for."""

    charge_point_id: ChargePointId | None = None
    kind: Kind | None = None
    state: State | None = None
    since: Moment | None = msgspec.field(default=None, name="from")
    until: Moment | None = msgspec.field(default=None, name="to")


@operation(
    tag=TAG,
    answer=list[Job],
    query=JobsQuery,
    example={"chargePointId": "CP001", "kind": "firmware"},
)
async def list_jobs(call: Call[JobsQuery, None]) -> Response:
    """List jobs, newest first."""
    query = call.query
    which = jobs.Filter(
        query.charge_point_id,
        query.kind,
        query.state,
        moment("from", query.since),
        moment("to", query.until),
    )
    return await answer_newest_first(call, jobs.listing, which, lambda row: Job(**_values(row)))


@operation(tag=TAG, answer=JobWithReports, problems=("not-found",))
async def read_job(call: Call[NoQuery, None]) -> Response:
    """Show a job and its progress."""
    database, number = call.context.database, number_in(call.id)
    row = await database.read(jobs.find, number)
    if row is None:
        raise Problem("not-found", f"there is no job {call.id}")
    reports = [
        JobReport(status=each["status"], received_at=format_timestamp(each["received_at"]))
        for each in await database.read(jobs.reports, number)
    ]
    return answer(JobWithReports(**_values(row), reports=reports))


async def _begin(call: Call[SendQuery, Any], action: str, payload: dict[str, Any]) -> Response:
    given = {name: value for name, value in payload.items() if value is not None}
    outcome = await send(call, call.body.charge_point_id, action, given)
    return answer(CommandAnswer(**words(call.body.charge_point_id, outcome)))


async def _request_id(call: Call[Any, Any]) -> int:
    given: int | None = call.body.request_id
    return given if given is not None else await call.context.database.write(jobs.next_request_id)


class GetDiagnostics(Command):
    """Where the charge point is to upload its diagnostics, and of which time."""

    location: Location
    retries: Natural | None = None
    retry_interval: Annotated[Natural, Meta(description="seconds")] | None = None
    start_time: DateTime | None = None
    stop_time: DateTime | None = None


@command(
    body=GetDiagnostics,
    example={"chargePointId": "CP001", "location": "ftp://example.com/diagnostics", "retries": 3},
)
async def get_diagnostics(call: Call[SendQuery, GetDiagnostics]) -> Response:
    """Ask a charge point to upload its diagnostics.

    Its progress is a job: /api/jobs.
    """
    body = call.body
    payload = {
        "location": body.location,
        "retries": body.retries,
        "retryInterval": body.retry_interval,
        "startTime": body.start_time,
        "stopTime": body.stop_time,
    }
    return await _begin(call, "GetDiagnostics", payload)


class UpdateFirmware(Command):
    """From where the charge point is to load its firmware, and when."""

    location: Location
    retrieve_date: DateTime
    retries: Natural | None = None
    retry_interval: Annotated[Natural, Meta(description="seconds")] | None = None


@command(
    body=UpdateFirmware,
    example={
        "chargePointId": "CP001",
        "location": "https://example.com/firmware.bin",
        "retrieveDate": "2026-12-01T02:00:00Z",
    },
)
async def update_firmware(call: Call[SendQuery, UpdateFirmware]) -> Response:
    """Ask a charge point to load and install firmware.

    Its progress is a job: /api/jobs.
    """
    body = call.body
    payload = {
        "location": body.location,
        "retrieveDate": body.retrieve_date,
        "retries": body.retries,
        "retryInterval": body.retry_interval,
    }
    return await _begin(call, "UpdateFirmware", payload)


class GetLog(Command):
    """Which log the charge point is to upload; without `requestId` a new one."""

    log_type: Literal["DiagnosticsLog", "SecurityLog"]
    remote_location: Location
    oldest_timestamp: DateTime | None = None
    latest_timestamp: DateTime | None = None
    request_id: Int64 | None = None
    retries: Natural | None = None
    retry_interval: Annotated[Natural, Meta(description="seconds")] | None = None


@command(
    body=GetLog,
    example={
        "chargePointId": "CP001",
        "logType": "SecurityLog",
        "remoteLocation": "https://example.com/logs",
    },
)
async def get_log(call: Call[SendQuery, GetLog]) -> Response:
    """Ask a charge point to upload a log.

    Its progress is a job: /api/jobs.
    """
    body = call.body
    log = {
        "remoteLocation": body.remote_location,
        "oldestTimestamp": body.oldest_timestamp,
        "latestTimestamp": body.latest_timestamp,
    }
    payload = {
        "logType": body.log_type,
        "requestId": await _request_id(call),
        "log": {name: value for name, value in log.items() if value is not None},
        "retries": body.retries,
        "retryInterval": body.retry_interval,
    }
    return await _begin(call, "GetLog", payload)


class SignedUpdateFirmware(Command):
    """Firmware with its manufacturer's signature; without `requestId` a new one."""

    location: Location
    retrieve_date_time: DateTime
    signing_certificate: Annotated[str, Meta(max_length=5500, description="PEM")]
    signature: Annotated[str, Meta(max_length=800, description="base64")]
    install_date_time: DateTime | None = None
    request_id: Int64 | None = None
    retries: Natural | None = None
    retry_interval: Annotated[Natural, Meta(description="seconds")] | None = None


@command(
    body=SignedUpdateFirmware,
    example={
        "chargePointId": "CP001",
        "location": "https://example.com/firmware.bin",
        "retrieveDateTime": "2026-12-01T02:00:00Z",
        "signingCertificate": "-----BEGIN CERTIFICATE-----...",
        "signature": "bm90IGEgcmVhbCBzaWduYXR1cmU=",
    },
)
async def signed_update_firmware(call: Call[SendQuery, SignedUpdateFirmware]) -> Response:
    """Ask a charge point to load firmware, check its signature and install it.

    Its progress is a job: /api/jobs.
    """
    body = call.body
    firmware = {
        "location": body.location,
        "retrieveDateTime": body.retrieve_date_time,
        "installDateTime": body.install_date_time,
        "signingCertificate": body.signing_certificate,
        "signature": body.signature,
    }
    payload = {
        "requestId": await _request_id(call),
        "firmware": {name: value for name, value in firmware.items() if value is not None},
        "retries": body.retries,
        "retryInterval": body.retry_interval,
    }
    return await _begin(call, "SignedUpdateFirmware", payload)
