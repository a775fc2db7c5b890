"""Errors as the API tells them: RFC 9457 problem details, one table of kinds and their status.

Whatever goes wrong is raised, as a `Problem` or as one of ocpp_trio.errors, and written by the
error barrier of ocpp_trio.api.middleware. `type` is the kind's name, unchanged for ever.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from msgspec import UNSET, Struct, UnsetType

from ocpp_trio import errors

RETRY_AFTER = "5"
"""Seconds a client is told to wait when trying again may help."""


class Kind(NamedTuple):
    """One kind of problem: its HTTP status, and its title."""

    status: int
    title: str


KINDS: dict[str, Kind] = {
    "invalid-request": Kind(400, "The request cannot be used"),
    "unauthorized": Kind(401, "An API key is needed"),
    "forbidden": Kind(403, "Not allowed"),
    "cross-site-request": Kind(403, "A web page of another site may not do this"),
    "not-found": Kind(404, "There is no such thing"),
    "charge-point-unknown": Kind(404, "The charge point is not registered"),
    "method-not-allowed": Kind(405, "The path does not know this method"),
    "body-timeout": Kind(408, "The request body did not arrive in time"),
    "conflict": Kind(409, "The state of things does not allow it"),
    "charge-point-not-accepted": Kind(409, "The charge point is not accepted"),
    "command-cancelled": Kind(409, "The command was cancelled before it was sent"),
    "idempotency-conflict": Kind(409, "The Idempotency-Key belongs to another request"),
    "body-too-large": Kind(413, "The request body is too large"),
    "unsupported-media-type": Kind(415, "The request body is of the wrong type"),
    "wrong-host": Kind(421, "The API does not answer to this host name"),
    "out-of-range": Kind(422, "A value is out of range"),
    "charging-profile-rule": Kind(422, "The charging profile breaks a rule of OCPP"),
    "command-rule": Kind(422, "The command breaks a rule of OCPP"),
    "too-many-failures": Kind(429, "Too many wrong keys"),
    "too-many-commands": Kind(429, "Too many commands wait for this charge point"),
    "internal-error": Kind(500, "The server failed"),
    "call-error": Kind(502, "The charge point refused with a CALLERROR"),
    "invalid-answer": Kind(502, "The charge point's answer breaks its schema"),
    "command-failed": Kind(502, "The command failed"),
    "charge-point-offline": Kind(503, "The charge point is not connected"),
    "command-expired": Kind(503, "The charge point was not there in time"),
    "too-many-uploads": Kind(503, "Too many files are being uploaded"),
    "busy": Kind(503, "The server is busy"),
    "database-unavailable": Kind(503, "The database is not available"),
    "command-timeout": Kind(504, "The charge point did not answer in time"),
    "command-replaced": Kind(504, "The charge point's connection ended before its answer"),
}

# From our own errors to kinds; the nearest base class counts.
FROM_ERRORS: dict[type[BaseException], str] = {
    errors.StoreError: "database-unavailable",
    errors.CannotResolve: "conflict",
    errors.CannotRotate: "conflict",
    errors.TooManyChecks: "busy",
    errors.CommandFailed: "command-failed",
    errors.ChargePointUnknown: "charge-point-unknown",
    errors.ChargePointNotAccepted: "charge-point-not-accepted",
    errors.ChargePointOffline: "charge-point-offline",
    errors.TooManyWaiting: "too-many-commands",
    errors.CommandTimedOut: "command-timeout",
    errors.CommandReplaced: "command-replaced",
    errors.CommandExpired: "command-expired",
    errors.CommandCancelled: "command-cancelled",
    errors.CallErrorReceived: "call-error",
    errors.InvalidAnswer: "invalid-answer",
}

# Trying again later may succeed.
_RETRY = frozenset({"too-many-commands", "busy", "database-unavailable"})
# The command may or may not have been carried out.
_UNKNOWN = frozenset({"command-timeout", "command-replaced"})


class FieldError(Struct):
    """One field of the request, and what is wrong with it."""

    field: str
    message: str


class ProblemDetails(Struct, rename="camel", omit_defaults=True):
    """The body of every answer that is not a success (RFC 9457, application/problem+json)."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[FieldError] | UnsetType = UNSET
    command_id: int | UnsetType | None = UNSET
    outcome: str | UnsetType = UNSET
    code: str | UnsetType = UNSET
    description: str | UnsetType = UNSET


class Problem(Exception):
    """An answer that is not a success: a kind of KINDS, and `detail` for the person who reads it.

    `members` are further members of the body, by the attribute names of ProblemDetails.
    """

    def __init__(
        self,
        kind: str,
        detail: str,
        *,
        errors: Sequence[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        **members: Any,
    ) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.errors = errors
        self.headers = dict(headers or {})
        self.members = members

    @property
    def status(self) -> int:
        """The HTTP status."""
        return KINDS[self.kind].status

    def details(self) -> ProblemDetails:
        """The body."""
        status, title = KINDS[self.kind]
        members = dict(self.members)
        if self.errors:
            members["errors"] = [FieldError(field, message) for field, message in self.errors]
        return ProblemDetails(self.kind, title, status, self.detail, **members)


def invalid(field: str, message: str) -> Problem:
    """400 about one field of the request."""
    return Problem("invalid-request", f"{field}: {message}", errors=[(field, message)])


def unforeseen() -> Problem:
    """What the client is told of an error that nobody foresaw."""
    return Problem("internal-error", "the server's log says more")


def from_error(error: Exception) -> Problem | None:
    """The problem that stands for an error; None for one that nobody foresaw."""
    if isinstance(error, Problem):
        return error
    kind = next((FROM_ERRORS[cls] for cls in type(error).__mro__ if cls in FROM_ERRORS), None)
    if kind is None:
        return None
    members: dict[str, Any] = {}
    detail = str(error) or KINDS[kind].title
    if isinstance(error, errors.CommandFailed):
        command_id = getattr(error, "command_id", None)
        if command_id is not None:
            members["command_id"] = command_id
    if isinstance(error, errors.CallErrorReceived):
        members |= {"code": error.code, "description": error.description}
    if isinstance(error, errors.StoreError):
        # What the database says of itself is for the log, not for the client.
        detail = "the database did not take the work; nothing of it is stored"
    if kind in _UNKNOWN:
        members["outcome"] = "unknown"
    headers = {"Retry-After": RETRY_AFTER} if kind in _RETRY else None
    return Problem(kind, detail, headers=headers, **members)


def innermost(error: Exception) -> Exception:
    """An error without the groups around it, as long as they hold nothing else."""
    while isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error
