"""Batches between the server and its writer process: pickles, each behind its length.

Both ends are this program, on a pair of sockets that nobody else has. What goes over is arguments
and results of units of work: plain values, tuples, our own small classes. A row becomes a dict.
"""

from __future__ import annotations

import io
import pickle
import sqlite3
import traceback
from collections.abc import Sequence
from typing import Any

from ocpp_trio.store.batch import Job

HEAD = 4
"""Bytes of a length, big endian."""

Outcome = tuple[Any, BaseException | None]


class _Pickler(pickle.Pickler):
    """Rows become dicts; errors are made again from what they hold, not by their constructors."""

    def reducer_override(self, content: object) -> Any:
        if isinstance(content, sqlite3.Row):
            return dict, (list(zip(content.keys(), content, strict=True)),)
        if isinstance(content, BaseException):
            return _error, (type(content), content.args, content.__dict__)
        return NotImplemented


def _error(
    kind: type[BaseException], arguments: tuple[Any, ...], attributes: dict[str, Any]
) -> BaseException:
    error = kind.__new__(kind, *arguments)
    error.__dict__.update(attributes)
    return error


def packed(content: object) -> bytes:
    """One message. Raises what pickle raises on what it cannot take."""
    buffer = io.BytesIO()
    buffer.write(bytes(HEAD))
    _Pickler(buffer, pickle.HIGHEST_PROTOCOL).dump(content)
    buffer.seek(0)
    buffer.write((buffer.getbuffer().nbytes - HEAD).to_bytes(HEAD, "big"))
    return buffer.getvalue()


def unpacked(body: bytes | bytearray | memoryview) -> Any:
    """What a message holds, without its length."""
    return pickle.loads(body)  # noqa: S301 - see above


def request(jobs: Sequence[Job]) -> tuple[bytes, Sequence[Job]]:
    """The units of a batch, and the jobs that go: one whose arguments cannot has its error."""
    try:
        return packed([(job.unit, job.arguments) for job in jobs]), jobs
    except Exception:
        fit = []
        for job in jobs:
            try:
                packed((job.unit, job.arguments))
                fit.append(job)
            except Exception as error:
                job.error = error
        return packed([(job.unit, job.arguments) for job in fit]), fit


def jobs_of(body: bytes) -> list[Job]:
    """The jobs of a request."""
    return [Job(unit, arguments) for unit, arguments in unpacked(body)]


def answer(jobs: Sequence[Job]) -> bytes:
    """What became of each job of a batch that was committed."""
    outcomes: list[Outcome] = [(job.result, job.error) for job in jobs]
    try:
        return packed((None, outcomes))
    except Exception:
        return packed((None, [_fit(outcome) for outcome in outcomes]))


def failure(error: BaseException) -> bytes:
    """That a batch, or a check, failed as a whole."""
    error.add_note("".join(traceback.format_exception(error)))
    return packed((_fit((None, error))[1], []))


def _fit(outcome: Outcome) -> Outcome:
    """An outcome that can go; one that cannot is an error by itself, though its unit is stored."""
    try:
        packed(outcome)
        return outcome
    except Exception as error:
        return None, RuntimeError(f"{outcome[1] or error!r}")


def settle(body: bytes | bytearray, jobs: Sequence[Job]) -> None:
    """Give each job its outcome. Raises what the whole batch failed with."""
    error, outcomes = unpacked(body)
    if error is not None:
        raise error
    for job, (result, failed) in zip(jobs, outcomes, strict=True):
        job.result, job.error = result, failed
