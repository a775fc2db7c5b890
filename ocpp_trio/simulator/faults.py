"""Faults on demand: what a charge point does wrong when it is given a command. Pure.

A fault is written ACTION=KIND, some kinds with an argument behind a colon. DataTransfer with the
simulator's own vendor id has none: by it faults are set while a charge point runs.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from ocpp_trio.ocppj.actions import FROM_CENTRAL_SYSTEM
from ocpp_trio.ocppj.frames import Payload

KINDS = {
    "slow:SECONDS": "waits so many seconds, then carries it out and answers",
    "late[:SECONDS]": "carries it out at once, answers when nobody waits any more (35 s)",
    "silent": "neither carries it out nor answers",
    "refuse": "answers that it will not: Rejected, Failed, Unknown, as the action has it",
    "wrong-schema": "answers a CALLRESULT that breaks the action's schema",
    "callerror[:CODE]": "answers a CALLERROR (InternalError)",
    "fail[:STATUS]": "accepts, then the upload or installation ends with this status",
    "none": "as it should be: takes a fault away",
}
"""Every kind as it is written, and what it does."""

LATE_SECONDS = 35.0
"""Just beyond the half minute that central systems commonly wait."""
MAX_SECONDS = 86_400.0

ERROR_CODES = (
    "InternalError",
    "FormationViolation",
    "GenericError",
    "NotImplemented",
    "NotSupported",
    "OccurenceConstraintViolation",
    "PropertyConstraintViolation",
    "ProtocolError",
    "SecurityError",
    "TypeConstraintViolation",
)
"""The codes of OCPP-J 1.6 section 4.2.3, the default first."""

FAILURES = {
    "GetDiagnostics": ("UploadFailed",),
    "GetLog": ("UploadFailure", "BadMessage", "NotSupportedOperation", "PermissionDenied"),
    "SignedUpdateFirmware": (
        "InvalidSignature",
        "DownloadFailed",
        "InstallVerificationFailed",
        "InstallationFailed",
    ),
    "UpdateFirmware": ("InstallationFailed", "DownloadFailed"),
}
"""How the work that these actions begin can end badly, the default first."""

WRONG_SCHEMA: Payload = {"status": 7, "nonsense": True}
"""No response schema of OCPP 1.6 has a property of this name."""

_REJECTED: Payload = {"status": "Rejected"}
_REFUSALS: dict[str, Payload | None] = {
    "ClearChargingProfile": {"status": "Unknown"},
    "DeleteCertificate": {"status": "Failed"},
    "GetConfiguration": None,
    "GetDiagnostics": {},
    "GetInstalledCertificateIds": {"status": "NotFound"},
    "GetLocalListVersion": {"listVersion": -1},
    "SendLocalList": {"status": "Failed"},
    "UnlockConnector": {"status": "UnlockFailed"},
    "UpdateFirmware": None,
}
"""What refuses where it is not Rejected; None: the action has no answer that refuses."""


class Fault(NamedTuple):
    """A fault. `seconds`: of slow and late; `word`: the CODE or STATUS of callerror and fail."""

    kind: str
    seconds: float = 0.0
    word: str = ""

    def __str__(self) -> str:
        argument = self.word or (f"{self.seconds:g}" if self.seconds else "")
        return f"{self.kind}:{argument}" if argument else self.kind


def parse_fault(text: str) -> tuple[str, Fault | None]:
    """The action and its fault (None: none any more); ValueError says what cannot be understood."""
    action, equals, rest = text.partition("=")
    if not equals:
        raise ValueError(f"{text!r} is not of the form ACTION=KIND")
    if action not in FROM_CENTRAL_SYSTEM:
        raise ValueError(f"{action!r} is no action of a central system in OCPP 1.6")
    kind, colon, argument = rest.partition(":")
    if colon and not argument:
        raise ValueError(f"{rest!r}: nothing stands behind the colon")
    if kind in {"slow", "late"}:
        if not argument and kind == "slow":
            raise ValueError("slow needs its seconds: slow:5")
        return action, Fault(kind, _seconds(argument) if argument else LATE_SECONDS)
    if kind == "callerror":
        return action, Fault(kind, word=_one_of(argument, ERROR_CODES, "CALLERROR codes"))
    if kind == "fail":
        if action not in FAILURES:
            raise ValueError(f"fail is only for {', '.join(FAILURES)}")
        return action, Fault(kind, word=_one_of(argument, FAILURES[action], f"ends of {action}"))
    if argument:
        raise ValueError(f"{kind!r} takes nothing behind a colon")
    if kind == "refuse" and refusal(action) is None:
        raise ValueError(f"{action} has no answer that refuses: callerror comes nearest")
    if kind == "none":
        return action, None
    if kind not in {"silent", "refuse", "wrong-schema"}:
        raise ValueError(f"{kind!r} is none of the faults {', '.join(KINDS)}")
    return action, Fault(kind)


def refusal(action: str) -> Payload | None:
    """The answer by which a charge point refuses the action, None if there is none."""
    return _REFUSALS.get(action, _REJECTED)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 < seconds <= MAX_SECONDS:
        raise ValueError(f"{text!r} is no number of seconds from 0 to {MAX_SECONDS:g}")
    return seconds


def _one_of(word: str, words: tuple[str, ...], what: str) -> str:
    if word and word not in words:
        raise ValueError(f"{word!r} is none of the {what}: {', '.join(words)}")
    return word or words[0]


class Faults:
    """The faults of one charge point, at most one for each action."""

    def __init__(self, given: Iterable[str] = ()) -> None:
        """`given`: as ACTION=KIND; raises ValueError."""
        self._of: dict[str, Fault] = {}
        for text in given:
            self.set(text)

    def set(self, text: str) -> None:
        """Set a fault, or take one away: ACTION=KIND; raises ValueError."""
        action, fault = parse_fault(text)
        self._of.pop(action, None)
        if fault is not None:
            self._of[action] = fault

    def clear(self) -> None:
        """Take all of them away."""
        self._of.clear()

    def get(self, action: str) -> Fault | None:
        """The fault of this action."""
        return self._of.get(action)

    def failure(self, action: str) -> str | None:
        """The status with which the work of this action is to end, None if all is well."""
        fault = self._of.get(action)
        return fault.word if fault is not None and fault.kind == "fail" else None

    def listed(self) -> list[str]:
        """All of them, as they are written."""
        return [f"{action}={fault}" for action, fault in sorted(self._of.items())]
