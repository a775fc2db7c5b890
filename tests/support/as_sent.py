"""Units of work as they come out of the writer process, in tests that run them where they are."""

from __future__ import annotations

from collections.abc import Sequence

from ocpp_trio.store.batch import DriverWriter, Job
from ocpp_trio.store.batch_messages import HEAD, packed, unpacked

_run_batch = DriverWriter.run_batch


async def run_batch(writer: DriverWriter, jobs: Sequence[Job]) -> None:
    """What DriverWriter.run_batch does, with copies of what a writer process would get and send.

    A unit of a test's own may be a function that has no name elsewhere, and goes as it is.
    """
    product = [
        job
        for job in jobs
        if writer._driver.kind == "sqlite" and job.unit.__module__.startswith("ocpp_trio.")
    ]
    for job in product:
        job.unit, job.arguments = unpacked(packed((job.unit, job.arguments))[HEAD:])
    await _run_batch(writer, jobs)
    for job in product:
        job.result, job.error = unpacked(packed((job.result, job.error))[HEAD:])
