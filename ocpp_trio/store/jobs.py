"""Jobs of charge points: diagnostics, logs and firmware updates, from the request to their end
(OCPP 1.6 sections 4.4, 4.5, 5.9, 5.19; Security Whitepaper, GetLog and SignedUpdateFirmware).

One job per request. A status notification moves the job it names by requestId, else the newest of
its kind that was sent and has not ended; without one it is kept all the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ocpp_trio.domain import jobs
from ocpp_trio.domain.commands import Command
from ocpp_trio.store import queries, sequences
from ocpp_trio.store.database import Row, Tx
from ocpp_trio.store.listing import Listing

Q = queries.load("jobs")

REQUEST_IDS = "jobs.request_id"

OPEN_ENDS = frozenset({"timeout", "replaced", "unknown"})
"""Commands that ended so may have been carried out: the job stays as it is."""


def next_request_id(tx: Tx) -> int:
    """A requestId that no job had before."""
    return sequences.take(tx, REQUEST_IDS)


def requested(tx: Tx, command: Command, now: int) -> None:
    """A command that begins a job was recorded."""
    tx.run(
        Q.insert,
        charge_point_id=command.charge_point_id,
        kind=jobs.KINDS[command.action],
        request_id=command.payload.get("requestId"),
        command_id=command.id,
        actor=command.actor,
        location=jobs.location(command.action, command.payload),
        now=now,
    )


def answered(tx: Tx, command: Command, now: int) -> None:
    """The end of the command: the job goes on, or never began. What the station gave up for it is
    cancelled (AcceptedCanceled).
    """
    job = tx.one(Q.of_command, command_id=command.id)
    if job is None or command.state in OPEN_ENDS:
        return
    response = command.response or {}
    if job["state"] != jobs.REQUESTED:
        # A notification was faster than the answer.
        state = job["state"]
    else:
        state = jobs.RUNNING if jobs.has_begun(command) else jobs.REFUSED
    if command.status == "AcceptedCanceled":
        tx.run(
            Q.cancel_before,
            charge_point_id=job["charge_point_id"],
            kind=job["kind"],
            id=job["id"],
            now=now,
        )
    tx.run(
        Q.set_answer,
        id=job["id"],
        state=state,
        file_name=response.get("fileName") or response.get("filename"),
        status=job["status"] or command.status,
        ended_at=now if state == jobs.REFUSED else job["ended_at"],
        now=now,
    )


def notified(
    tx: Tx, charge_point_id: str, action: str, payload: Mapping[str, Any], now: int
) -> Row | None:
    """Keep a status notification; the job that it moved, None if it is about none."""
    kind, status = jobs.NOTIFIED_BY[action], payload["status"]
    request_id = payload.get("requestId")
    if request_id is not None:
        job = tx.one(
            Q.of_request, charge_point_id=charge_point_id, kind=kind, request_id=request_id
        )
    else:
        job = tx.one(Q.newest_open, charge_point_id=charge_point_id, kind=kind)
    tx.run(
        Q.insert_report,
        charge_point_id=charge_point_id,
        action=action,
        status=status,
        request_id=request_id,
        job_id=None if job is None else job["id"],
        now=now,
    )
    if job is None or status == jobs.IDLE:
        return job
    state = jobs.state_after(status)
    return tx.one(
        Q.set_status,
        id=job["id"],
        state=state,
        status=status,
        ended_at=None if state == jobs.RUNNING else now,
        now=now,
    )


def find(tx: Tx, job_id: int) -> Row | None:
    """One job."""
    return tx.one(Q.find, id=job_id)


def reports(tx: Tx, job_id: int) -> Sequence[Row]:
    """The status notifications about one job, in the order they came."""
    return tx.all(Q.reports, job_id=job_id)


class Filter(NamedTuple):
    """Which jobs; `since` and `until` in ms. None does not count."""

    charge_point_id: str | None = None
    kind: str | None = None
    state: str | None = None
    since: int | None = None
    until: int | None = None


listing = Listing(Q.page, Q.count)
"""Jobs; takes a Filter."""
